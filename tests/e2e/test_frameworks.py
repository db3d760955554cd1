"""The middlewares of docs/upstream.md, as they stand there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from stack import PROJECT

PAGE = (PROJECT / "docs" / "upstream.md").read_text()

DJANGO = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
"""

DJANGO_ASKED = """
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.http import JsonResponse
from django.test import RequestFactory
call_command("migrate", verbosity=0)
get_user_model().objects.create_user("rita", id=7)
answer = from_portcullis(lambda request: JsonResponse({"user": request.user.pk, "scopes": request.scopes}))
ask = lambda **given: answer(RequestFactory().get("/", **given))
known = {"x-user-id": "7", "x-user-scopes": "read-crm write-crm"}
print(ask(headers=known).content.decode())
print(ask().content.decode())
print(ask(headers={"x-user-id": "8"}).content.decode())
print(ask(headers=known, REMOTE_ADDR="10.0.0.1").status_code)
print(ask(headers={**known, "x-forwarded-for": "127.0.0.1"}, REMOTE_ADDR="10.0.0.1").status_code)
"""

EXPRESS = """
import express from 'express';
import http from 'node:http';
const application = express();
application.set('trust proxy', true);
application.use(fromPortcullis);
application.get('/', (request, response) => response.json(request.user ?? null));
const server = application.listen(0, '0.0.0.0', async () => {
  const ask = (headers, localAddress) => new Promise((done) => {
    const options = { host: localAddress, port: server.address().port, localAddress, headers };
    http.get(options, (answer) => {
      let body = '';
      answer.on('data', (data) => { body += data; }).on('end', () => done(`${answer.statusCode} ${body}`));
    });
  });
  const known = { 'x-user-id': '7', 'x-user-guard': 'user', 'x-user-scopes': 'read-crm write-crm' };
  console.log(await ask(known, '127.0.0.1'));
  console.log(await ask({}, '127.0.0.1'));
  // Any other address of loopback is somebody else for the middleware.
  console.log(await ask({ ...known, 'x-forwarded-for': '127.0.0.1' }, '127.0.0.2'));
  server.close();
});
"""


def snippet(heading: str, language: str) -> str:
    found = re.search(rf"## {heading}\n.*?```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"docs/upstream.md has no {language} under {heading}"
    return found[1]


def run(command: list[str | Path]) -> list[str]:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_django(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(DJANGO + snippet("Django", "python") + DJANGO_ASKED)
    assert run([sys.executable, program]) == [
        '{"user": 7, "scopes": ["read-crm", "write-crm"]}',
        '{"user": null, "scopes": []}',
        '{"user": null, "scopes": []}',
        "403",
        "403",
    ]


def test_express(tmp_path: Path):
    program = tmp_path / "program.mjs"
    program.write_text(snippet("Express", "js") + EXPRESS)
    # Modules are looked for beside the program.
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    known, nobody, stranger = run(["node", program])
    assert json.loads(known.removeprefix("200 ")) == {
        "id": "7",
        "guard": "user",
        "scopes": ["read-crm", "write-crm"],
    }
    assert nobody == "200 null"
    assert stranger == "403 Forbidden"


@pytest.mark.parametrize("line", ["abort_unless(in_array($request->server('REMOTE_ADDR')", "$request->setUserResolver"])
def test_the_laravel_middleware_is_there(line: str):
    """Laravel itself comes from none of the registries that the tests use; PHP is not needed to run them."""
    assert line in snippet("Laravel", "php")

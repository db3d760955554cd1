"""Tokens of a long run, whose issuer exchanges its keys in the order of careful people."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from issuer import Issuer, Key, new_key, signed

NAME = "https://soak.example"


class RotatingIssuer(Issuer):
    """Publishes two keys, and exchanges the older for a new one."""

    def __init__(self) -> None:
        self.number = 2
        super().__init__([new_key("k1"), new_key("k2")])

    def rotate(self) -> None:
        self.number += 1
        self.keys = [self.keys[-1], new_key(f"k{self.number}")]


def token(key: Key, subject: str, expires_in: float = 7200) -> str:
    now = int(time.time())
    claims = {"iss": NAME, "aud": "crm", "sub": subject, "iat": now - 8000, "exp": now + int(expires_in)}
    return signed(key, claims)


def tokens_of(key: Key) -> list[list[str]]:
    return [[subject := f"user-{number}", token(key, subject)] for number in range(25)]


@dataclass
class Tokens:
    """What may be used now, in a file that the generators read again and again."""

    path: Path
    issuer: RotatingIssuer
    good: list[list[str]] = field(default_factory=list)
    retired: list[list[str]] = field(default_factory=list)
    retirements: int = 0

    def __post_init__(self) -> None:
        for key in self.issuer.keys:
            self.good += tokens_of(key)
        self.write()

    def write(self) -> None:
        newest = self.issuer.keys[-1]
        first = self.good[0][1]
        forged = [[user, f"{text.rpartition('.')[0]}.{first.rpartition('.')[2]}"] for user, text in self.good[1:]]
        expired = [["user-0", token(newest, "user-0", expires_in=-3600)]]
        table = {"good": self.good, "retired": self.retired, "forged": forged, "expired": expired}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(table))
        new.replace(self.path)

    def put_away_oldest(self) -> list[list[str]]:
        """Those of the older key, which nobody uses any more."""
        half = len(self.good) // 2
        old, self.good = self.good[:half], self.good[half:]
        self.write()
        return old

    def use_newest(self) -> None:
        self.good += tokens_of(self.issuer.keys[-1])
        self.write()

    def retire(self, old: list[list[str]]) -> None:
        """From now on they are used by those who must not get in with them."""
        self.retirements += 1
        self.retired = old
        self.write()

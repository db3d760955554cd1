#!/usr/bin/env python3
"""Writes what has to be read from each captured CheckRequest, without any of the program's code.

    expect.py CAPTURES [OUT]

CAPTURES holds, per listener, NAME.pb (the message as it came from Envoy 1.40.0), NAME.json (its JSON
rendering) and NAME.meta.json (what the client sent). The expectation comes from the renderings and from
the policy language, "Ambiguous requests"; the .pb files are only packed, never read here.

OUT gets LISTENER.bin, the messages of one listener in the order of expectations.tsv, each after its
length as a protobuf varint, and expectations.tsv itself.
"""

import base64
import hashlib
import ipaddress
import json
import pathlib
import re
import sys
import unicodedata

COLUMNS = [
    "listener",
    "case",
    "sent",
    "method",
    "host",
    "target",
    "headers",
    "authorization",
    "source",
    "principal",
    "reading",
]
HEADER_BYTES = 128 * 1024
METHOD_HEADERS = {"x-http-method-override", "x-http-method", "x-method-override"}

# Listeners that change a target before they ask; elsewhere what was sent is what must be read.
NORMALISING = {
    "norm",
    "norm2",
    "normonly",
    "mergeonly",
    "reject",
    "redirect",
    "forward",
    "forward2",
    "rawhdr_norm",
    "hosts",
    "edge",
    "pathparam",
}


class Refused(Exception):
    """The reason of a refusal."""


def pseudo(name):
    return name.startswith(":")


def headers_of(http):
    if "header_map" in http:
        fields = http["header_map"].get("headers", [])
        pairs = [(field["key"], base64.b64decode(field.get("raw_value", ""))) for field in fields]
    else:
        pairs = [(name, value.encode()) for name, value in http.get("headers", {}).items()]
    return sorted((name.encode(), value) for name, value in pairs if not pseudo(name))


def short(data):
    """Text as it is if it is short, else its length and digest."""
    if len(data) <= 200:
        return data.decode("latin-1")
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"


def read_host(host):
    """Compared in lower case, without port and trailing dot; refused if malformed."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::([0-9]+))?", host)
    if not host or not match or not host.isascii() or int(match[2] or 0) > 65535:
        raise Refused("bad_request")
    name = match[1].lower()
    if name.startswith("["):
        ipaddress.IPv6Address(name[1:-1])
        return name
    name = name[:-1] if name.endswith(".") else name
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
        raise Refused("bad_request")
    return name


def read_segment(sent):
    if re.search(r"%(?![0-9A-Fa-f]{2})", sent) or re.search(r"[^\x21-\x7e]|[\\;#]", sent):
        raise Refused("bad_path")
    decoded = re.sub(rb"%(..)", lambda escape: bytes([int(escape[1], 16)]), sent.encode())
    escaped = {int(code, 16) for code in re.findall(r"%(..)", sent)}
    if escaped & ({0x2F, 0x5C, 0x3B, 0x7F} | set(range(0x20))):
        raise Refused("bad_path")
    try:
        decoded = decoded.decode()
    except UnicodeDecodeError:
        raise Refused("bad_path") from None
    folded = unicodedata.normalize("NFKC", decoded)
    if re.search(r"%[0-9A-Fa-f]{2}", decoded) or {decoded, folded} & {".", ".."} or set(folded) & {"/", "\\"}:
        raise Refused("bad_path")
    return decoded


def read_path(path):
    if not path.startswith("/"):
        raise Refused("bad_path")
    segments = path[1:].split("/")
    if segments[-1] == "":
        segments.pop()
    if "" in segments:
        raise Refused("bad_path")
    return [read_segment(segment) for segment in segments]


def read_query(query):
    def decode(text):
        spaced = text.replace("+", " ").encode("latin-1")
        return re.sub(rb"%([0-9A-Fa-f]{2})", lambda code: bytes([int(code[1], 16)]), spaced).decode(errors="replace")

    return [
        [decode(name), decode(value)] for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
    ]


def read(http, headers):
    method = http.get("method", "")
    if not re.fullmatch(r"[A-Z][A-Z-]*", method) or method == "CONNECT":
        raise Refused("bad_request")
    host = read_host(http.get("host", ""))
    authorizations = [value for name, value in headers if name == b"authorization"]
    if len(authorizations) > 1 or any(b"," in value for value in authorizations):
        raise Refused("bad_request")
    path, _, query = http.get("path", "").partition("?")
    query = read_query(query)
    folded = {re.sub(rb"[_.]", b"-", name).decode() for name, _ in headers}
    if folded & METHOD_HEADERS or (method == "POST" and any(name == "_method" for name, _ in query)):
        raise Refused("bad_request")
    segments = read_path(path)
    if sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES:
        raise Refused("too_large")
    return {"host": host, "segments": segments, "query": query}


def sent_by(meta):
    """Method, target and Authorization values as the client sent them."""
    sent = meta["sent"]
    if "h2_headers" in sent:
        fields = [(name.lower(), value) for name, value in sent["h2_headers"]]
        pseudos = dict(fields)
        method, target = pseudos.get(":method", ""), pseudos.get(":path", "")
    else:
        raw = sent["raw_latin1"]
        raw = re.sub(r"^PROXY [^\r]*\r\n", "", raw)
        lines = raw.split("\r\n\r\n")[0].split("\r\n")
        method, target = (lines[0].split(" ") + [""])[:2]
        fields = [
            (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
        ]
    return method, target, [value for name, value in fields if name == "authorization"]


def compare_with_sent(listener, case, http, headers, meta, differences):
    method, target, authorizations = sent_by(meta)
    if listener not in NORMALISING and http.get("path", "") != target:
        differences.append(f"{listener}/{case}: sent {target[:60]!r}, asked {http.get('path', '')[:60]!r}")
    if http.get("method", "") != method:
        differences.append(f"{listener}/{case}: sent {method!r}, asked {http.get('method', '')!r}")
    asked = b",".join(value for name, value in headers if name == b"authorization").decode("latin-1")
    if asked != ",".join(authorizations):
        counts = f"{len(authorizations)} Authorization sent, {len(asked)} bytes of it asked"
        differences.append(f"{listener}/{case}: {counts}")


def row(listener, case, message, meta):
    attributes = message.get("attributes", {})
    http = attributes.get("request", {}).get("http", {})
    headers = headers_of(http)
    peer = attributes.get("source", {})
    address = peer.get("address", {}).get("socket_address", {}).get("address", "")
    if address:
        address = ipaddress.ip_address(address)
        address = str(getattr(address, "ipv4_mapped", None) or address)
    try:
        reading = read(http, headers)
    except Refused as refused:
        reading = str(refused)
    lines = b"\n".join(name + b": " + value for name, value in headers)
    authorizations = [short(value) for name, value in headers if name == b"authorization"]
    sent = " ".join(sent_by(meta)[:2])[:120] if meta else "(second check of the case above)"
    target = short(http.get("path", "").encode())
    if isinstance(reading, dict) and len(json.dumps(reading)) > 600:
        text = json.dumps(reading["segments"], ensure_ascii=False, separators=(",", ":"))
        reading["segments"] = short(text.encode())
    return [
        listener,
        case,
        sent,
        http.get("method", ""),
        http.get("host", ""),
        target,
        f"{len(headers)} {hashlib.sha256(lines).hexdigest()}",
        authorizations,
        address,
        peer.get("principal", ""),
        reading,
    ]


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def main():
    captures = pathlib.Path(sys.argv[1])
    out = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent)
    rows, packed, differences = [], {}, []
    for pb in sorted(captures.glob("*/*.pb")):
        listener, case = pb.parent.name, pb.name.removesuffix(".pb")
        message = json.loads(pb.with_suffix(".json").read_text())
        meta_file = pb.with_suffix(".meta.json")
        meta = json.loads(meta_file.read_text()) if meta_file.exists() else None
        rows.append(row(listener, case, message, meta))
        if meta:
            http = message["attributes"]["request"]["http"]
            compare_with_sent(listener, case, http, headers_of(http), meta, differences)
        data = pb.read_bytes()
        packed.setdefault(listener, bytearray()).extend(varint(len(data)) + data)
    with open(out / "expectations.tsv", "w") as table:
        table.write("\t".join(COLUMNS) + "\n")
        for cells in rows:
            table.write("\t".join(json.dumps(cell, separators=(",", ":")) for cell in cells) + "\n")
    for listener, data in packed.items():
        (out / f"{listener}.bin").write_bytes(data)
    print(f"{len(rows)} cases of {len(packed)} listeners")
    print("what Envoy changed between client and check:")
    for line in differences:
        print(f"  {line}")


if __name__ == "__main__":
    main()

"""A name server that knows one name, for programs that must find it without the machine's own."""

import socket
import threading

ADDRESS = "127.0.0.153"  # of loopback, and nobody else's: port 53 is the only one that resolv.conf can name


class NameServer:
    def __init__(self, name: str, address: str):
        self.name = name
        self.address = address
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, 53))

    def __enter__(self) -> "NameServer":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                question, client = self._socket.recvfrom(512)
                self._socket.sendto(self._answer(question), client)
            except OSError:
                return

    def _answer(self, question: bytes) -> bytes:
        """RFC 1035 section 4: the header, the question as it came, and one address if it is the name and type A."""
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode())
            at += 1 + length
        asked = question[12 : at + 5]
        name, kind = ".".join(labels).lower(), int.from_bytes(asked[-4:-2], "big")
        self.asked.append(name)
        known = name == self.name
        records = b""
        if known and kind == 1:
            records = b"\xc0\x0c" + bytes([0, 1, 0, 1, 0, 0, 0, 60, 0, 4]) + socket.inet_aton(self.address)
        flags = 0x8180 if known else 0x8183
        header = question[:2] + flags.to_bytes(2, "big") + bytes([0, 1, 0, 1 if records else 0, 0, 0, 0, 0])
        return header + asked + records

"""Clients that give their requests up."""

import socket
import threading

import client
import h2.config
import h2.connection


def cancelling(
    port: int, headers: client.Headers, stop: threading.Event, cancelled: list[int], pause: float = 0.0
) -> None:
    """Opens ten streams at a time and gives each up before it can be answered. Envoy ends such connections now and
    then; it connects again."""
    fields = [(":method", "GET"), (":path", "/things/cancelled"), (":scheme", "http"), (":authority", "crm")]
    while not stop.is_set():
        peer = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                peer.initiate_connection()
                connection.sendall(peer.data_to_send())
                for _ in range(40):
                    if stop.wait(pause):
                        return
                    first = peer.get_next_available_stream_id()
                    streams = range(first, first + 20, 2)
                    for stream in streams:
                        peer.send_headers(stream, fields + headers, end_stream=True)
                    connection.sendall(peer.data_to_send())  # all are on their way to Portcullis
                    for stream in streams:
                        peer.reset_stream(stream, error_code=8)
                    connection.sendall(peer.data_to_send())
                    cancelled.append(len(streams))
        except OSError:
            pass

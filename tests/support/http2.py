"""One request over HTTP/2 with nothing but a socket: just what a server needs to see of it."""

from __future__ import annotations

import contextlib
import socket
import ssl

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
# Of HPACK's static table: `:method: POST`, `:path: /`, `:scheme: http`.
STATIC = b"\x83\x84\x86"


def post(
    address: tuple[str, int], headers: dict[str, str], body: bytes, context: ssl.SSLContext | None = None
) -> bytes:
    """Sends a POST to `/` and returns the bytes of the answer's body; over TLS where a context is given."""
    authority = headers["Host"]
    fields = STATIC + literal(":authority", authority)
    fields += b"".join(literal(name.lower(), value) for name, value in headers.items() if name != "Host")
    with contextlib.ExitStack() as opened:
        connection = opened.enter_context(socket.create_connection(address, timeout=30))
        if context:
            context.set_alpn_protocols(["h2"])
            connection = opened.enter_context(context.wrap_socket(connection, server_hostname=address[0]))
        connection.sendall(
            PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, fields) + frame(DATA, END_STREAM, 1, body)
        )
        received, answer = b"", b""
        while True:
            while len(received) < 9 or len(received) < 9 + int.from_bytes(received[:3], "big"):
                chunk = connection.recv(65536)
                assert chunk, "the connection was closed"
                received += chunk
            length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
            payload, received = received[9:9 + length], received[9 + length:]
            if kind == DATA:
                answer += payload
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                return answer


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name: str, value: str) -> bytes:
    """A header field as HPACK writes it without an index and without Huffman's code."""
    return b"\x00" + counted(name.encode()) + counted(value.encode())


def counted(text: bytes) -> bytes:
    """A text behind its length, an integer of HPACK with a prefix of seven bits."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    rest, length = len(text) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + text

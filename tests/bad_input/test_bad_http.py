"""HTTP that no good client sends: malformed, smuggled, too large, half open."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import time

import pytest
from bad_requests import MARK, NAME, VALID

from wire import JSON_TYPE, exchange_bytes, malformations

TARGET = "secretsmanager.GetSecretValue"
BODY = json.dumps({"SecretId": NAME}).encode()


def signed_head(standing, *, body: bytes = BODY, leave_out: tuple[str, ...] = (), length: bool = True) -> bytes:
    """A well signed request's head without its last empty line."""
    wire = standing.wire
    headers = {"Host": wire.host, "Content-Type": JSON_TYPE, "X-Amz-Target": TARGET}
    headers = wire.signer.headers("POST", "/", headers, body)
    if length:
        headers["Content-Length"] = str(len(body))
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if name not in leave_out]
    return b"POST / HTTP/1.1\r\n" + "".join(lines).encode()


def status_of(received: bytes) -> int | None:
    """The first response's status, None where there is no response."""
    if not received.startswith(b"HTTP/1."):
        return None
    return int(received.split(b" ", 2)[1])


def responses_in(received: bytes) -> int:
    """How many responses there are."""
    return received.count(b"HTTP/1.1 ") + received.count(b"HTTP/1.0 ")


def test_the_request_that_the_others_break_is_good(standing):
    received = exchange_bytes(standing.server, signed_head(standing) + b"\r\n" + BODY)
    assert status_of(received) == 200
    assert MARK.encode() in received


def chunked(body: bytes) -> bytes:
    """A body in one chunk."""
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def test_a_chunked_body_is_read(standing):
    head = signed_head(standing, length=False) + b"Transfer-Encoding: chunked\r\n\r\n"
    assert status_of(exchange_bytes(standing.server, head + chunked(BODY))) == 200


# What is added to a well signed head, and the body.
SMUGGLED = {
    "a length and chunks": (b"Transfer-Encoding: chunked\r\n", chunked(BODY)),
    "a length and chunks, shouted": (b"TRANSFER-ENCODING: CHUNKED\r\n", chunked(BODY)),
    "two lengths that differ": (b"Content-Length: 5\r\n", BODY),
    "a length with a sign": (b"Content-Length: +5\r\n", BODY),
    "two Authorization headers": (b"Authorization: AWS4-HMAC-SHA256 Credential=x\r\n", BODY),
    "two hosts": (b"Host: elsewhere\r\n", BODY),
    "two dates": (b"X-Amz-Date: 20200101T000000Z\r\n", BODY),
    "two targets": (b"X-Amz-Target: secretsmanager.ListSecrets\r\n", BODY),
    "an unsigned session token": (b"X-Amz-Security-Token: x\r\n", BODY),
}


@pytest.mark.parametrize("case", SMUGGLED)
def test_an_ambiguous_request_is_refused(standing, case):
    extra, body = SMUGGLED[case]
    received = exchange_bytes(standing.server, signed_head(standing) + extra + b"\r\n" + body)
    status = status_of(received)
    assert status is None or 400 <= status < 500, received[:300]
    assert MARK.encode() not in received
    assert responses_in(received) <= 1


def test_a_smuggled_second_request_is_not_answered(standing):
    second = signed_head(standing) + b"\r\n" + BODY
    body = b"0\r\n\r\n" + second
    head = signed_head(standing, body=body) + b"Transfer-Encoding: chunked\r\n\r\n"
    received = exchange_bytes(standing.server, head + body)
    assert MARK.encode() not in received
    assert responses_in(received) <= 1


BAD_CHUNKS = {
    "a size that is no number": b"zz\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nabc\r\n0\r\n\r\n",
    "a huge size": b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a size without an end": b"5" * 100_000,
    "a chunk without its line end": b"3\r\nabcX0\r\n\r\n",
    "an endless extension": b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("case", BAD_CHUNKS)
def test_bad_chunks_are_refused(standing, case):
    head = signed_head(standing, length=False) + b"Transfer-Encoding: chunked\r\n\r\n"
    received = exchange_bytes(standing.server, head + BAD_CHUNKS[case], finish=True)
    status = status_of(received)
    assert status is None or 400 <= status < 500, received[:300]


MALFORMED = {
    "nothing but line ends": b"\r\n\r\n\r\n",
    "no HTTP": b"GARBAGE\r\n\r\n",
    "zero bytes": b"\x00" * 1000,
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/3.0": b"POST / HTTP/3.0\r\nHost: x\r\n\r\n",
    "no host": b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "a space in a header's name": b"POST / HTTP/1.1\r\nHost : x\r\nContent-Length: 0\r\n\r\n",
    "a folded header": b"POST / HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a zero byte in a header": b"POST / HTTP/1.1\r\nHost: x\x00y\r\nContent-Length: 0\r\n\r\n",
    "a length that is no number": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length beyond 64 bits": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "an announced terabyte": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\nabc",
    "a method of 100,000 letters": b"A" * 100_000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path of 100,000 letters": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header of a megabyte": b"POST / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "ten thousand headers": b"POST / HTTP/1.1\r\nHost: x\r\n" + b"X-A: a\r\n" * 10_000 + b"\r\n",
    "a whole URL as path": b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a path with bytes over 127": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_http_is_refused_or_dropped(standing, case):
    received = exchange_bytes(standing.server, MALFORMED[case], finish=True)
    status = status_of(received)
    assert status is None or 400 <= status < 500, received[:300]
    assert responses_in(received) <= 1


def test_a_body_shorter_than_announced_is_not_acted_on(standing):
    body = json.dumps(VALID["CreateSecret"] | {"Name": "never-made"}).encode()
    wire = standing.wire
    headers = {"Host": wire.host, "Content-Type": JSON_TYPE, "X-Amz-Target": "secretsmanager.CreateSecret"}
    headers = wire.signer.headers("POST", "/", headers, body) | {"Content-Length": str(len(body) + 1)}
    head = b"POST / HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items()).encode() + b"\r\n"
    received = exchange_bytes(standing.server, head + body, finish=True)
    status = status_of(received)
    assert status is None or 400 <= status < 500
    assert wire.call("DescribeSecret", {"SecretId": "never-made"}).code == "ResourceNotFoundException"


CONTENT_TYPES = ["text/plain", "application/json", "application/x-www-form-urlencoded", "", "a" * 5000, "x/\x7fy"]


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=lambda value: repr(value)[:30])
def test_another_content_type_is_refused_or_read(standing, content_type):
    headers = {"Content-Type": content_type, "X-Amz-Target": TARGET}
    answer = standing.wire.send("POST", "/", headers, BODY)
    assert answer.status in (200, 400, 404, 415), answer.body
    if answer.status == 400:
        assert answer.json["__type"]


def test_no_content_type_is_refused_or_read(standing):
    answer = standing.wire.send("POST", "/", {"X-Amz-Target": TARGET}, BODY)
    assert answer.status in (200, 400, 404, 415), answer.body


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "nonsense"])
def test_a_compressed_body_is_refused(standing, encoding):
    headers = {"Content-Type": JSON_TYPE, "X-Amz-Target": TARGET, "Content-Encoding": encoding}
    answer = standing.wire.send("POST", "/", headers, b"\x1f\x8b\x08\x00" + b"\x00" * 50)
    assert 400 <= answer.status < 500
    assert malformations(answer) == []


def test_expecting_to_continue_is_answered(standing):
    head = signed_head(standing) + b"Expect: 100-continue\r\n\r\n"
    with socket.create_connection(standing.server.address, timeout=10) as connection:
        connection.sendall(head)
        first = connection.recv(65536)
        assert first.startswith((b"HTTP/1.1 100", b"HTTP/1.1 4")), first
        if first.startswith(b"HTTP/1.1 100"):
            connection.sendall(BODY)
            received = first + connection.recv(65536)
            assert b"HTTP/1.1 200" in received


def test_requests_in_a_pipeline_are_answered_in_order(standing):
    one = signed_head(standing) + b"\r\n" + BODY
    with socket.create_connection(standing.server.address, timeout=10) as connection:
        connection.sendall(one * 5)
        received = b""
        while received.count(MARK.encode()) < 5:
            chunk = connection.recv(65536)
            assert chunk, received
            received += chunk
    assert responses_in(received) == 5


def resident_mib(process_id: int) -> float:
    """A process's resident memory."""
    with open(f"/proc/{process_id}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def test_a_thousand_half_open_connections_do_not_stop_the_others(standing):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    before = resident_mib(standing.server.process.pid)
    beginnings = [
        b"",
        b"POST / HT",
        b"POST / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 1000,
        signed_head(standing) + b"\r\n" + BODY[:5],
        signed_head(standing, length=False) + b"Transfer-Encoding: chunked\r\n\r\n10\r\nabc",
    ]
    with contextlib.ExitStack() as opened:
        connections = []
        for number in range(1000):
            connection = opened.enter_context(socket.create_connection(standing.server.address, timeout=10))
            with contextlib.suppress(ConnectionError):
                connection.sendall(beginnings[number % len(beginnings)])
            connections.append(connection)
        standing.wire.close()
        slowest = 0.0
        for _ in range(50):
            started = time.monotonic()
            assert standing.wire.call("GetSecretValue", {"SecretId": NAME}).status == 200
            slowest = max(slowest, time.monotonic() - started)
        assert slowest < 2, f"{slowest:.2f} s"
        grown = resident_mib(standing.server.process.pid) - before
        assert grown < 100, f"{grown:.0f} MiB for a thousand half-open connections"
    standing.wire.close()
    assert standing.wire.call("GetSecretValue", {"SecretId": NAME}).status == 200


HALF_OPEN_SECONDS_MAX = 90


def test_a_half_open_connection_is_closed_by_the_server(standing):
    beginnings = {
        "nothing sent": b"",
        "half a head": b"POST / HTTP/1.1\r\nHost: x\r\n",
        "half a body": signed_head(standing) + b"\r\n" + BODY[:5],
    }
    started = time.monotonic()
    with contextlib.ExitStack() as opened:
        connections = {}
        for name, beginning in beginnings.items():
            connection = opened.enter_context(socket.create_connection(standing.server.address))
            connection.sendall(beginning)
            connections[name] = connection
        for name, connection in connections.items():
            connection.settimeout(max(1, HALF_OPEN_SECONDS_MAX - (time.monotonic() - started)))
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(65536):
                    pass

"""A server of buckets that isn't AWS: of S3 it speaks what trails need to deliver, and what validates their files to read.

It checks signatures with botocore, and keeps objects in memory, where a test can look at them and change them.
"""

from __future__ import annotations

import hashlib
import http.server
import threading
import urllib.parse
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from server import Credentials
from signed import signer

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# Few, so that whoever lists many comes back for more.
KEYS_MAX = 3


@dataclass(frozen=True)
class Object:
    """An object's bytes, and the headers that are kept with it."""

    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


class BucketServer:
    """One bucket of this name, for who has these credentials."""

    def __init__(self, name: str, *callers: Credentials) -> None:
        self.name = name
        self.callers = {caller.access_key_id: caller for caller in callers}
        self.objects: dict[str, Object] = {}
        self.refused: list[str] = []
        bucket_server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, content, headers = bucket_server._answer(self, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = answer

            def log_message(self, *_) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _answer(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        try:
            signer(request, body, self.callers, "s3")
            if request.headers["X-Amz-Content-SHA256"] != hashlib.sha256(body).hexdigest():
                raise ValueError("The hash is not the content's.")
        except ValueError as error:
            self.refused.append(str(error))
            return refusal(403, "SignatureDoesNotMatch", str(error))
        split = urllib.parse.urlsplit(request.path)
        bucket, _, key = urllib.parse.unquote(split.path.removeprefix("/")).partition("/")
        if bucket != self.name:
            return refusal(404, "NoSuchBucket", bucket)
        asked = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        if request.command == "PUT":
            kept = {name.lower(): value for name, value in request.headers.items()}
            beside = ("content-type", "content-encoding", "x-amz-meta-")
            self.objects[key] = Object(body, {name: kept[name] for name in kept if name.startswith(beside)})
            return 200, b"", {}
        if key:
            found = self.objects.get(key)
            return (200, found.content, found.headers) if found else refusal(404, "NoSuchKey", key)
        if "location" in asked:
            return document("LocationConstraint", "")
        return self._listing(asked.get("prefix", ""), asked.get("marker", ""))

    def _listing(self, prefix: str, marker: str) -> tuple[int, bytes, dict[str, str]]:
        keys = sorted(key for key in list(self.objects) if key.startswith(prefix) and key > marker)
        shown = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys[:KEYS_MAX])
        is_more = str(len(keys) > KEYS_MAX).lower()
        named = f"<Name>{self.name}</Name><Prefix>{escape(prefix)}</Prefix><Marker>{escape(marker)}</Marker>"
        return document("ListBucketResult", f"{named}<IsTruncated>{is_more}</IsTruncated>{shown}")

    def __enter__(self) -> BucketServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def document(name: str, inner: str) -> tuple[int, bytes, dict[str, str]]:
    """An answer in XML."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{inner}</{name}>'
    return 200, text.encode(), {"Content-Type": "application/xml"}


def refusal(status: int, code: str, message: str) -> tuple[int, bytes, dict[str, str]]:
    """S3's shape of an error."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>'
    return status, text.encode(), {"Content-Type": "application/xml"}

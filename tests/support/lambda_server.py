"""A server of functions that isn't AWS: it speaks Lambda's Invoke, and checks signatures with botocore.

For `strongroom dev --lambda-endpoint`, and for whatever else invokes functions elsewhere. A function is a Python file that
runs in a process of its own (`FunctionProcess`), or anything that can be called with an event.
"""

from __future__ import annotations

import base64
import http.server
import json
import re
import ssl
import subprocess
import sys
import threading
import urllib.parse
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from server import ROOT, Credentials, clean_environment
from signed import signer

PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations$")
NAME = re.compile(r"^(?:(?:arn:[^:]+:lambda:[^:]*:)?\d{12}:function:)?([A-Za-z0-9_-]+)(?::(\$LATEST|[A-Za-z0-9_-]+))?$")


@dataclass(frozen=True)
class Result:
    """What a function, or the server in its place, answers."""

    payload: str
    error: str | None = None
    log: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, kind: str, message: str = "") -> Result:
    """What Lambda answers where it doesn't run a function."""
    return Result(json.dumps({"Type": "User", "Message": message}), status=status, headers={"X-Amzn-ErrorType": kind})


@dataclass(frozen=True)
class Invocation:
    """A call that was rightly signed."""

    function: str
    qualifier: str | None
    event: object
    headers: dict[str, str]
    access_key_id: str
    region: str


class FunctionProcess:
    """A Python file's handler in a process of its own, with these variables and none of this process's AWS ones."""

    def __init__(self, file: Path, *, handler: str = "lambda_handler", **environment: str) -> None:
        self._lock = threading.Lock()
        command = [sys.executable, str(Path(__file__).with_name("function_process.py")), str(file), handler]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(
                AWS_CONFIG_FILE="/dev/null",
                AWS_SHARED_CREDENTIALS_FILE="/dev/null",
                AWS_EC2_METADATA_DISABLED="true",
                **environment,
            ),
        )

    def __call__(self, event: object) -> Result:
        asked = {"event": event, "context": {"aws_request_id": str(uuid.uuid4()), "function_name": "function"}}
        with self._lock:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        return Result(**json.loads(line)) if line else Result('{"errorMessage":"it ended"}', error="Unhandled")

    def stop(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


class LambdaServer:
    """Runs functions by name until it is stopped; `invocations` and `refused` say what it was asked."""

    def __init__(self, *callers: Credentials, certificate: Path | None = None) -> None:
        """`callers` may invoke; `certificate` is a PEM file with a key, for HTTPS."""
        self.functions: dict[str, Callable[[object], object]] = {}
        self.invocations: list[Invocation] = []
        self.refused: list[str] = []
        self._callers = {caller.access_key_id: caller for caller in callers or (ROOT,)}
        lambda_server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                result = lambda_server._answer(self, body)
                payload = result.payload.encode()
                self.send_response(result.status)
                for name, value in result.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _answer(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> Result:
        split = urllib.parse.urlsplit(request.path)
        path = PATH.search(split.path)
        name = NAME.match(urllib.parse.unquote(path.group(1))) if path else None
        if not name:
            return refusal(404, "UnknownOperationException")
        try:
            access_key_id, region = signer(request, body, self._callers, "lambda")
        except ValueError as error:
            self.refused.append(str(error))
            return refusal(403, "InvalidSignatureException", str(error))
        function, qualifier = name.groups()
        qualifier = qualifier or dict(urllib.parse.parse_qsl(split.query)).get("Qualifier")
        run = self.functions.get(function)
        if not run:
            return refusal(404, "ResourceNotFoundException", f"Function not found: {name.group()}")
        try:
            event = json.loads(body or "null")
        except ValueError:
            return refusal(400, "InvalidRequestContentException", "Could not parse request body into json")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.invocations.append(Invocation(function, qualifier, event, headers, access_key_id, region))
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return Result("", status=204)
        result = self._run(run, event)
        if kind == "Event":
            return Result("", status=202)
        answered = {"X-Amz-Executed-Version": qualifier if (qualifier or "").isdigit() else "$LATEST"}
        if result.error:
            answered["X-Amz-Function-Error"] = result.error
        if headers.get("x-amz-log-type") == "Tail":
            answered["X-Amz-Log-Result"] = base64.b64encode(result.log.encode()[-4096:]).decode()
        return Result(result.payload, status=result.status, headers=answered | result.headers)

    def _run(self, run: Callable[[object], object], event: object) -> Result:
        try:
            answer = run(event)
        except Exception as error:
            told = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            return Result(json.dumps(told), error="Unhandled")
        return answer if isinstance(answer, Result) else Result(json.dumps(answer))

    def stop(self) -> None:
        """Ends it, and the processes of its functions."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        for function in self.functions.values():
            if isinstance(function, FunctionProcess):
                function.stop()

    def __enter__(self) -> LambdaServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

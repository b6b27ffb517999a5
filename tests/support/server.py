"""Starts and stops `strongroom dev` for tests.

Each server listens on a port that the system picks, keeps its data in a folder of its own and is
stopped by its own process id. Nothing here knows an AWS operation.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "us-east-1"
OTHER_ACCOUNT = "210987654321"
OTHER_REGION = "eu-central-1"
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 10


@dataclass(frozen=True)
class Credentials:
    """An access key of one account's root, or of whoever else; temporary ones have a token."""

    access_key_id: str
    secret_access_key: str
    account: str = ACCOUNT
    session_token: str | None = None


ROOT = Credentials("AKIASTRONGROOMTESTS1", "tests/only+SecretAccessKey0123456789abcd")


def binary() -> Path:
    """The server under test: STRONGROOM_BINARY, else the development build."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    path = Path(os.environ.get("STRONGROOM_BINARY", target / "debug" / "strongroom"))
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: build it with `cargo build`, or name another in STRONGROOM_BINARY"
        )
    return path


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without anything that AWS clients or the server would obey."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "STRONGROOM_")) and not name.lower().endswith("_proxy")
    }
    # What a server remembers of its audit log stays with the tests.
    state = Path(tempfile.gettempdir()) / "strongroom-test-state"
    return kept | {"XDG_STATE_HOME": str(state)} | extra


class Server:
    """One running `strongroom dev`."""

    def __init__(
        self,
        *arguments: str,
        data_dir: Path | None = None,
        root: Credentials | None = ROOT,
        listen: str = "127.0.0.1:0",
        **environment: str,
    ) -> None:
        """Starts the server and waits for its `ready` line.

        Without `data_dir` the server gets a new folder, which `stop` removes. With `root=None` the
        server makes the root credentials itself.
        """
        self._folder = None if data_dir else Path(tempfile.mkdtemp(prefix="strongroom-test-"))
        self.data_dir = data_dir or self._folder / "data"
        handle, log = tempfile.mkstemp(prefix="strongroom-test-", suffix=".log")
        os.close(handle)
        self.log = Path(log)
        self.lines: list[str] = []
        self.exported: dict[str, str] = {}
        self.url = ""
        self._ready = threading.Event()
        if root:
            environment |= {
                "AWS_ACCESS_KEY_ID": root.access_key_id,
                "AWS_SECRET_ACCESS_KEY": root.secret_access_key,
            }
        command = [str(binary()), "dev", "--listen", listen, "--data-dir", str(self.data_dir)]
        started = time.monotonic()
        with self.log.open("wb") as log_file:
            self.process = subprocess.Popen(
                command + list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env=clean_environment(**environment),
            )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_SECONDS_MAX) or not self.url:
            self.kill()
            raise RuntimeError(
                f"{shlex.join(command)} printed no `ready` line.\n"
                + "\n".join(self.lines)
                + "\n"
                + self.log_text()
            )
        self.ready_seconds = time.monotonic() - started

    def _read_output(self) -> None:
        for raw in self.process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            self.lines.append(line)
            if line.startswith("export "):
                for assignment in shlex.split(line)[1:]:
                    name, _, value = assignment.partition("=")
                    self.exported[name] = value
            elif line.startswith("ready "):
                self.url = next(word for word in line.split() if "://" in word).rstrip("/.,")
                self._ready.set()
        self.process.stdout.close()
        self._ready.set()

    @property
    def address(self) -> tuple[str, int]:
        """The host and port it listens on."""
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    def log_text(self) -> str:
        """What the server wrote to its log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def output(self) -> str:
        """Everything it printed and logged so far."""
        return "\n".join(self.lines) + "\n" + self.log_text()

    def control(self, method: str, path: str, body: dict | None = None, **headers: str):
        """An unsigned call to one of the `dev` server's own addresses: (status, body)."""
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        with contextlib.closing(connection):
            payload = json.dumps(body).encode() if body is not None else b""
            connection.request(
                method, path, payload, {"Content-Type": "application/json"} | headers
            )
            response = connection.getresponse()
            text = response.read()
        return response.status, text

    def reset(self) -> None:
        """Forgets everything but the accounts' root credentials."""
        status, text = self.control("POST", "/_strongroom/reset")
        assert 200 <= status < 300, (status, text)

    def now(self) -> float:
        """The domain's clock, in seconds since 1970."""
        return json.loads(self.control("GET", "/_strongroom/clock")[1])["now"]

    def advance(self, *, seconds: float = 0, hours: float = 0, days: float = 0) -> None:
        """Moves the domain's clock forward; due work is done when this returns."""
        total = int(seconds + hours * 3600 + days * 86400)
        status, text = self.control("POST", "/_strongroom/clock", {"advance_seconds": total})
        assert 200 <= status < 300, (status, text)

    def admin(self, *arguments: str) -> str:
        """Runs `strongroom admin` on this server's data folder and returns what it printed."""
        done = subprocess.run(
            [str(binary()), "admin", "--data-dir", str(self.data_dir), *arguments],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def create_account(self, account: str) -> Credentials:
        """Makes another account and returns its root's access key."""
        made = json.loads(self.admin("account", "create", account, "--json"))
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["AccountId"])

    def terminate(self) -> int:
        """Ends it with SIGTERM; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def kill(self) -> None:
        """Ends it with SIGKILL, as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self._wait()

    def _wait(self) -> int:
        status = self.process.wait(STOP_SECONDS_MAX)
        self._reader.join(STOP_SECONDS_MAX)
        return status

    def stop(self) -> None:
        """Ends it, kindly if possible, and removes what it left."""
        try:
            if self.process.poll() is None:
                self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)
            self.log.unlink(missing_ok=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

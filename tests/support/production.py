"""Starts and stops `strongroom serve` as an operator does: a configuration, `init`, a seal, CLI commands.

Everything that the server or a command says, and every folder that it might write to, is kept for
whoever wants to look through it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from server import ACCOUNT, START_SECONDS_MAX, STOP_SECONDS_MAX, Credentials, binary, clean_environment


class Production:
    """A server in production, in folders of its own below `folder`."""

    def __init__(self, folder: Path, *, seal: str, log_level: str = "warn", **environment: str) -> None:
        """Writes the configuration. `seal` is the text of its `[seal]` section."""
        self.folder = folder
        self.data_dir = folder / "data"
        self.working = {name: folder / name for name in ("working", "home", "temporary")}
        for path in self.working.values():
            path.mkdir(parents=True)
        self.operations = f"127.0.0.1:{free_port()}"
        self.config = folder / "strongroom.toml"
        self.config.write_text(
            f'[server]\nlisten = "127.0.0.1:0"\n[data]\ndir = "{self.data_dir}"\n[seal]\n{seal}\n'
            # Tests make keys faster than AWS lets anyone.
            "[limits]\nrequest_rate_percent = 0\n"
            f'[operations]\nlisten = "{self.operations}"\n[log]\nlevel = "{log_level}"\n'
        )
        self.environment = clean_environment(HOME=str(self.working["home"]), TMPDIR=str(self.working["temporary"]), **environment)
        self.log = folder / "server.log"
        self.printed: list[str] = []
        self.commands: list[tuple[list[str], str]] = []
        self.url = ""
        self.process: subprocess.Popen | None = None

    def run(self, *arguments: str, config: bool = True) -> subprocess.CompletedProcess:
        """Runs a command, with this server's configuration; what it says is kept in `commands`."""
        named = ["--config", str(self.config)] if config else []
        done = subprocess.run(
            [str(binary()), *arguments, *named],
            env=self.environment,
            cwd=self.working["working"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.commands.append((list(arguments), done.stdout + done.stderr))
        return done

    def ok(self, *arguments: str, **how) -> str:
        """Runs a command that must succeed; what it printed."""
        done = self.run(*arguments, **how)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def init(self, account: str = ACCOUNT) -> Credentials:
        """Makes the data folder and the first account."""
        made = json.loads(self.ok("init", "--account-id", account, "--json"))
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["AccountId"])

    def create_account(self, account: str) -> Credentials:
        """Makes another account."""
        made = json.loads(self.ok("admin", "account", "create", account, "--json"))
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["AccountId"])

    def start(self) -> None:
        """Starts the server and waits for its `ready` line."""
        with self.log.open("ab") as log_file:
            self.process = subprocess.Popen(
                [str(binary()), "serve", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env=self.environment,
                cwd=self.working["working"],
            )
        ready = threading.Event()

        def read(process: subprocess.Popen) -> None:
            for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip("\n")
                self.printed.append(line)
                if line.startswith("ready "):
                    self.url = next(word for word in line.split() if "://" in word).rstrip("/.,")
                    ready.set()
            process.stdout.close()
            ready.set()

        self.url = ""
        threading.Thread(target=read, args=(self.process,), daemon=True).start()
        if not ready.wait(START_SECONDS_MAX) or not self.url:
            self.kill()
            raise RuntimeError("no `ready` line.\n" + "\n".join(self.printed) + self.log.read_text(errors="replace"))

    @property
    def address(self) -> tuple[str, int]:
        """The host and port it listens on."""
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    def operated(self, path: str) -> bytes:
        """An answer of the operations listener: head and body."""
        connection = http.client.HTTPConnection(self.operations, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return str(response.headers).encode() + response.read()

    def hang_up(self) -> None:
        """SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """SIGTERM; it ends well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(STOP_SECONDS_MAX) == 0, self.log.read_text(errors="replace")[-2000:]

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def production(*, seal: str, log_level: str = "warn", secrets: dict[str, str] | None = None, **environment: str):
    """A server's folder; `secrets` are files of its operator's, for `seal` and the environment to name as
    `{secrets}/NAME`."""
    with tempfile.TemporaryDirectory(prefix="strongroom-test-") as name:
        folder = Path(name)
        kept = folder / "secrets"
        kept.mkdir(mode=0o700)
        for file, content in (secrets or {}).items():
            descriptor = os.open(kept / file, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(content.replace("{secrets}", str(kept)))
        there = {name: value.format(secrets=kept) for name, value in environment.items()}
        made = Production(folder / "server", seal=seal.format(secrets=kept), log_level=log_level, **there)
        try:
            yield made
        finally:
            made.kill()

"""A rotation function that this server runs itself, and that fails in drawn steps: it raises, is killed, hangs, takes too
much memory, answers what is no JSON, or has the server killed. The current password stays one that works, the function's
processes go with the server, and once nothing fails any more, the rotation ends.

STRONGROOM_FUNCTION_FAULTS says how many rotations, STRONGROOM_SEED which.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from aws import client, token
from server import Server

FUNCTION = Path(__file__).parents[1] / "functions" / "python" / "lambda_function.py"
RUNS = int(os.environ.get("STRONGROOM_FUNCTION_FAULTS", "3"))
SEED = int(os.environ.get("STRONGROOM_SEED", os.getpid()))
FAULTS = ["raises", "is killed", "hangs", "takes memory", "answers garbage", "writes garbage", "has the server killed"]
# Longer than any wait between two attempts.
ATTEMPTS_APART = 601
# A start with boto3, on a machine that does other things too, and no more: hanging takes as long.
TIMEOUT = 10
PATIENCE = 120

# What the rotation function is wrapped in; it asks the test what is to go wrong.
FAULTY = '''
import json
import os
import signal
import time
import urllib.request

import lambda_function


def ask(path, **said):
    """Asks the test, which is the system too that the password is for."""
    request = urllib.request.Request(os.environ["SYSTEM"] + path, json.dumps(said).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def set_secret(client, arn, token):
    ask("/take", password=lambda_function.password_of(lambda_function.pending(client, arn, token)))


def test_secret(client, arn, token):
    password = lambda_function.password_of(lambda_function.pending(client, arn, token))
    if ask("/taken") != password:
        raise ValueError("The system does not take " + password)


lambda_function.set_secret = set_secret
lambda_function.test_secret = test_secret


def go_wrong(how):
    if how == "raises":
        raise ValueError("no luck")
    if how == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hangs":
        time.sleep(600)
    if how == "takes memory":
        hoard = [b"x" * (1 << 20) for _ in range(4096)]
        raise MemoryError(len(hoard))
    if how == "answers garbage":
        return b"\\xff\\x00"
    if how == "writes garbage":
        os.write(1, b"\\xff\\x00\\r\\n\\r\\n" * 1000)
        os._exit(3)
    if how == "has the server killed":
        ask("/kill")
        time.sleep(600)


def handler(event, context):
    wrong = ask("/step", step=event["Step"])
    answer = go_wrong(wrong["before"])
    if answer is None:
        lambda_function.lambda_handler(event, context)
        answer = go_wrong(wrong["after"])
    return answer
'''


class System:
    """What the password is for. It also tells the function what is to go wrong."""

    def __init__(self, draw: random.Random, password: str) -> None:
        self.draw = draw
        self.taken = password
        self.fails = True
        self.calls = 0
        self.kill = threading.Event()
        self.story: list[str] = []
        system = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = json.dumps(system.answer(self.path, said)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, said: dict):
        if path == "/step":
            self.calls += 1
            wrong = {"before": None, "after": None}
            if self.fails and self.draw.random() < 0.5:
                wrong[self.draw.choice(["before", "after"])] = self.draw.choice(FAULTS)
            self.story.append(f"{said['step']}: {wrong}")
            return wrong
        if path == "/take":
            self.taken = said["password"]
        if path == "/kill":
            self.kill.set()
        return self.taken


def processes_of(name: str) -> list[str]:
    """Processes of this machine that belong to a function."""
    mark = f"AWS_LAMBDA_FUNCTION_NAME={name}\0".encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


class Play:
    """One secret, its function, and the server, which is killed and started again."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.draw = random.Random(seed)
        self.name = f"rotate-{seed}"
        self.system = System(self.draw, "first")
        self.data_dir = folder / "data"
        # By servers that were killed.
        self.said = ""
        self.server: Server | None = None
        self.start()

    def start(self) -> None:
        libraries = str(Path(boto3.__file__).parents[1])
        arguments = ["--function-python", sys.executable, "--function-python-path", libraries]
        self.server = Server(*arguments, data_dir=self.data_dir)
        self.sm = client(self.server)

    def prepare(self) -> None:
        """The secret, the function and its role."""
        iam, functions = client(self.server, service="iam"), client(self.server, service="lambda")

        def document(**statement: object) -> str:
            return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

        trust = document(Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")
        role = iam.create_role(RoleName="rotate", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        allowed = document(Action="secretsmanager:*", Resource="*")
        iam.put_role_policy(RoleName="rotate", PolicyName="rotate", PolicyDocument=allowed)
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("lambda_function.py", FUNCTION.read_text(encoding="utf-8"))
            archive.writestr("faulty.py", FAULTY)
        self.function = functions.create_function(
            FunctionName=self.name,
            Runtime="python3.12",
            Handler="faulty.handler",
            Role=role,
            Code={"ZipFile": package.getvalue()},
            Timeout=TIMEOUT,
            MemorySize=256,
            Environment={"Variables": {"SYSTEM": self.system.url}},
        )["FunctionArn"]
        functions.add_permission(
            FunctionName=self.name,
            StatementId="rotation",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
        )
        self.first = self.sm.create_secret(Name="s", SecretString=json.dumps({"password": "first"}))["VersionId"]

    def kill(self) -> None:
        """The server is killed; the function's processes go with it."""
        self.system.story.append("the server is killed")
        self.server.kill()
        self.said += self.server.output()
        self.system.kill.clear()
        deadline = time.monotonic() + PATIENCE
        while processes_of(self.name):
            assert time.monotonic() < deadline, "the function outlives the server"
            time.sleep(0.02)
        self.server.stop()
        self.start()

    def advance(self, seconds: int) -> None:
        """Moves the clock; nothing is due and nothing runs when this returns."""
        deadline = time.monotonic() + PATIENCE
        calls_at_kill = None
        with ThreadPoolExecutor(1) as pool:
            while True:
                assert time.monotonic() < deadline, "it doesn't come to rest"
                moved = pool.submit(self.server.advance, seconds=seconds)
                while not moved.done() and not self.system.kill.is_set():
                    time.sleep(0.01)
                seconds = 0
                if self.system.kill.is_set():
                    calls_at_kill = self.system.calls
                    self.kill()
                    moved.exception()
                elif moved.exception() is None:
                    break
                elif not isinstance(moved.exception(), TimeoutError):
                    raise moved.exception()
        if calls_at_kill is not None and not self.is_rotated():
            assert self.system.calls > calls_at_kill, "the rotation doesn't go on after a kill"

    def value(self, stage: str) -> tuple[str, str]:
        found = self.sm.get_secret_value(SecretId="s", VersionStage=stage)
        return json.loads(found["SecretString"])["password"], found["VersionId"]

    def is_rotated(self) -> bool:
        """Whether the new version is current; that the system takes what it must is checked."""
        password, version = self.value("AWSCURRENT")
        if version == self.token:
            assert password == self.system.taken
            assert self.value("AWSPREVIOUS")[1] == self.first
            return True
        assert (password, version) == ("first", self.first)
        if self.system.taken != password:
            assert self.value("AWSPENDING") == (self.system.taken, self.token)
        return False

    def perform(self) -> None:
        self.prepare()
        self.token = token()
        self.sm.rotate_secret(
            SecretId="s",
            ClientRequestToken=self.token,
            RotationLambdaARN=self.function,
            RotationRules={"AutomaticallyAfterDays": 1000},
        )
        for _ in range(self.draw.randint(2, 5)):
            self.advance(self.draw.choice([0, 5, 30, 120, ATTEMPTS_APART]))
            if self.is_rotated():
                break
        self.system.fails = False
        asked = False
        for _ in range(8):
            calls = self.system.calls
            self.advance(ATTEMPTS_APART)
            if self.is_rotated():
                break
            if self.system.calls == calls:
                assert not asked, "the rotation was asked for again, and isn't carried out"
                asked = True
                with pytest.raises(ClientError, match="reattempted"):
                    self.sm.rotate_secret(SecretId="s")
        assert self.is_rotated()
        before, self.first, self.token = self.first, self.token, token()
        assert before != self.first
        self.sm.rotate_secret(SecretId="s", ClientRequestToken=self.token)
        self.advance(0)
        assert self.is_rotated()
        labels = self.sm.describe_secret(SecretId="s")["VersionIdsToStages"]
        assert not any("AWSPENDING" in each and "AWSCURRENT" not in each for each in labels.values())


@pytest.mark.parametrize("seed", range(SEED, SEED + RUNS))
def test_a_rotation_ends_whatever_its_function_and_the_server_went_through(seed, tmp_path):
    play = Play(seed, tmp_path)
    try:
        play.perform()
    finally:
        play.said += play.server.output()
        print("\n".join(play.system.story), play.said, sep="\n\n")
        play.system.server.shutdown()
        play.system.server.server_close()
        play.server.stop()
    assert "panicked" not in play.said
    assert play.system.taken not in play.said

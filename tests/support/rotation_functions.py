"""Rotation functions that a server runs: their zips, their role, and what lets Secrets Manager invoke them."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from pathlib import Path

from aws import client, stages
from server import ACCOUNT, REGION, Server

FUNCTIONS = Path(__file__).parents[1] / "clients" / "functions"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
# What a rotation function's role needs, as AWS documents it.
MAY = [
    {
        "Effect": "Allow",
        "Action": [
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ],
        "Resource": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s-*",
    },
    {"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*"},
]


def policy(statements) -> str:
    """A policy's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def package(files: dict[str, bytes]) -> bytes:
    """A zip with these files; those named `bootstrap` can be executed."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name == "bootstrap" else 0o644) << 16
            archive.writestr(entry, content)
    return whole.getvalue()


def make_function(server, runtime: str, handler: str, files: dict[str, bytes], **more) -> str:
    """A function that Secrets Manager may invoke; its ARN."""
    functions = client(server, service="lambda")
    made = functions.create_function(
        FunctionName="rotate",
        Runtime=runtime,
        Handler=handler,
        Role=f"arn:aws:iam::{ACCOUNT}:role/rotate",
        Code={"ZipFile": package(files)},
        Timeout=30,
        MemorySize=256,
        **more,
    )
    functions.add_permission(
        FunctionName="rotate",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=ACCOUNT,
    )
    return made["FunctionArn"]


def until_current(sm, version: str, seconds: float = 40) -> None:
    """Waits until a version is current."""
    deadline = time.monotonic() + seconds
    while "AWSCURRENT" not in stages(sm, "s").get(version, set()):
        assert time.monotonic() < deadline, stages(sm, "s")
        time.sleep(0.05)


def running_server() -> Server:
    """A server whose functions in Python find this environment's boto3."""
    folders = [path for path in sys.path if path.endswith("site-packages")]
    arguments = [argument for folder in folders for argument in ("--function-python-path", folder)]
    return Server("--function-python", str(Path(sys.executable).resolve()), *arguments)


def make_role(server: Server) -> None:
    """The role `rotate`, which may rotate the secret `s`."""
    iam = client(server, service="iam")
    iam.create_role(RoleName="rotate", AssumeRolePolicyDocument=policy([TRUST]))
    iam.put_role_policy(RoleName="rotate", PolicyName="rotate", PolicyDocument=policy(MAY))

"""Virtual MFA devices by boto3 and the AWS CLI: what a user may do only with a code of the phone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys

import pytest

from aws import client, refused
from server import ACCOUNT, REGION, Credentials

SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code."
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def code(seed: str, step: int) -> str:
    """RFC 6238, by Python alone."""
    digest = hmac.digest(base64.b32decode(seed), step.to_bytes(8, "big"), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def temporary(made: dict) -> Credentials:
    return Credentials(
        made["AccessKeyId"], made["SecretAccessKey"], session_token=made["SessionToken"]
    )


class Phone:
    def __init__(self, server, seed: bytes):
        self.server, self.seed, self.last = server, seed.decode(), 0

    def codes(self, count: int) -> list[str]:
        """Codes in a row that were not shown before."""
        start = max(int(self.server.now()) // 30 - 1, self.last + 1)
        self.last = start + count - 1
        return [code(self.seed, start + each) for each in range(count)]


@pytest.fixture
def alice(server, iam) -> tuple[Credentials, Phone]:
    """A user who may read secrets and assume a role with a code, and always ask for a session."""
    iam.create_user(UserName="alice")
    statements = [
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "sts:AssumeRole"], "Resource": "*"}
        | {"Condition": WITH_MFA},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    assert device["SerialNumber"] == SERIAL
    phone = Phone(server, device["Base32StringSeed"])
    first, second = phone.codes(2)
    iam.enable_mfa_device(
        UserName="alice", SerialNumber=SERIAL, AuthenticationCode1=first, AuthenticationCode2=second
    )
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"]), phone


def test_a_secret_is_read_with_a_code_alone(server, sm, iam, alice):
    credentials, phone = alice
    sm.create_secret(Name="s", SecretString="v")
    with refused("AccessDeniedException"):
        client(server, credentials=credentials).get_secret_value(SecretId="s")
    sts = client(server, service="sts", credentials=credentials)
    without = sts.get_session_token()["Credentials"]
    with refused("AccessDeniedException"):
        client(server, credentials=temporary(without)).get_secret_value(SecretId="s")
    server.advance(seconds=60)
    [now] = phone.codes(1)
    session = sts.get_session_token(SerialNumber=SERIAL, TokenCode=now)["Credentials"]
    own = client(server, credentials=temporary(session))
    assert own.get_secret_value(SecretId="s")["SecretString"] == "v"
    # No code counts twice, none is anyone else's, and a device that was taken away has none.
    wrong = "000000" if now != "000000" else "000001"
    server.advance(seconds=60)
    [fresh] = phone.codes(1)
    for serial, each in [(SERIAL, now), (SERIAL, wrong), (SERIAL.replace("phone", "other"), fresh)]:
        with refused("AccessDenied", WRONG, 403):
            sts.get_session_token(SerialNumber=serial, TokenCode=each)
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=SERIAL)
    with refused("AccessDenied", WRONG, 403):
        sts.get_session_token(SerialNumber=SERIAL, TokenCode=fresh)


def test_a_role_that_asks_for_a_code_is_assumed_with_one(server, iam, alice):
    credentials, phone = alice
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": ACCOUNT},
            "Action": "sts:AssumeRole",
            "Condition": WITH_MFA | {"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}},
        },
    }
    role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sts = client(server, service="sts", credentials=credentials)
    with refused("AccessDenied", status=403):
        sts.assume_role(RoleArn=role, RoleSessionName="alice")
    server.advance(seconds=60)
    [now] = phone.codes(1)
    made = sts.assume_role(RoleArn=role, RoleSessionName="alice", SerialNumber=SERIAL, TokenCode=now)
    who = client(server, service="sts", credentials=temporary(made["Credentials"])).get_caller_identity()
    assert who["Arn"].endswith(":assumed-role/app/alice")
    # A session that a code began does for a while.
    server.advance(seconds=60)
    [now] = phone.codes(1)
    session = sts.get_session_token(SerialNumber=SERIAL, TokenCode=now)["Credentials"]
    by_session = client(server, service="sts", credentials=temporary(session))
    by_session.assume_role(RoleArn=role, RoleSessionName="alice")
    server.advance(seconds=301)
    with refused("AccessDenied", status=403):
        by_session.assume_role(RoleArn=role, RoleSessionName="alice")


def test_the_aws_cli_lists_devices_and_asks_with_codes(server, alice):
    credentials, phone = alice
    server.advance(seconds=60)
    [now] = phone.codes(1)

    def run(*arguments: str) -> dict:
        environment = {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_MAX_ATTEMPTS": "1",
        }
        command = [sys.executable, "-m", "awscli", *arguments, "--output", "json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    made = run("sts", "get-session-token", "--serial-number", SERIAL, "--token-code", now)
    assert made["Credentials"]["AccessKeyId"].startswith("ASIA")

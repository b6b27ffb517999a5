"""Why a request was denied, and who may: `strongroom access` against what boto3 is answered."""

from __future__ import annotations

import json
import subprocess

import pytest
from botocore.exceptions import ClientError

from aws import client
from server import ACCOUNT, REGION, Credentials, Server, binary, clean_environment

READ = "secretsmanager:GetSecretValue"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*", **condition) -> dict:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


@pytest.fixture
def told(tmp_path):
    """A server on a folder of its own, and its operator's commands."""
    server = Server(data_dir=tmp_path / "data")

    def ask(*arguments: str) -> dict:
        ran = subprocess.run(
            [binary(), "access", "--data-dir", tmp_path / "data", *arguments, "--json"],
            env=clean_environment(AWS_REGION=REGION),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(ran.stdout)

    try:
        yield server, ask
    finally:
        server.stop()


def user(server: Server, name: str, *statements: dict):
    iam = client(server, service="iam")
    iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "blue"}])
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = Credentials(made["AccessKeyId"], made["SecretAccessKey"])
    return client(server, credentials=credentials)


def request_id(denied: pytest.ExceptionInfo) -> str:
    return denied.value.response["ResponseMetadata"]["RequestId"]


def test_a_denied_request_is_explained_by_its_id_and_its_change_lets_it_through(told):
    server, ask = told
    client(server).create_secret(Name="s", SecretString="hidden-value", Tags=[{"Key": "team", "Value": "red"}])
    alice = user(server, "alice", allow(READ, StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}))
    with pytest.raises(ClientError) as denied:
        alice.get_secret_value(SecretId="s")
    # What the caller is told is AWS's, no more.
    message = denied.value.response["Error"]["Message"]
    assert message.endswith(f"because no identity-based policy allows the {READ} action")

    answer = ask("explain", "--request-id", request_id(denied))
    (why,) = answer["Explanations"]
    assert answer["RequestId"] == request_id(denied)
    assert (why["Principal"], why["Decision"]) == (f"arn:aws:iam::{ACCOUNT}:user/alice", "ImplicitlyDenied")
    failed = why["Policies"][0]["Statements"][0]["Failed"]
    assert failed == [
        {
            "Element": "Condition",
            "Operator": "StringEquals",
            "Key": "aws:ResourceTag/team",
            "Wanted": ["blue (${aws:PrincipalTag/team})"],
            "Held": {"Values": ["red"]},
        }
    ]
    assert "hidden-value" not in json.dumps(answer)

    added = next(c for way in why["Ways"] for c in way["Changes"] if c["Kind"] == "AddStatement")
    iam = client(server, service="iam")
    iam.put_user_policy(UserName="alice", PolicyName="added", PolicyDocument=policy(added["Add"]))
    assert alice.get_secret_value(SecretId="s")["SecretString"] == "hidden-value"


def test_each_secret_of_a_batch_that_was_denied_is_explained(told):
    server, ask = told
    for name in ("s", "t", "u"):
        client(server).create_secret(Name=name, SecretString="v")
    alice = user(server, "alice", allow("secretsmanager:BatchGetSecretValue"), allow(READ, "arn:aws:*:secret:s-??????"))
    answer = alice.batch_get_secret_value(SecretIdList=["s", "t", "u"])
    assert [e["SecretId"] for e in answer["Errors"]] == ["t", "u"]
    explained = ask("explain", "--request-id", answer["ResponseMetadata"]["RequestId"])["Explanations"]
    assert [why["Resource"].split(":")[-1][0] for why in explained] == ["t", "u"]


def test_who_can_read_a_secret_is_who_reads_it(told):
    server, ask = told
    arn = client(server).create_secret(Name="s", SecretString="v")["ARN"]
    user(server, "alice", allow("secretsmanager:*"))
    user(server, "bob", allow(READ, IpAddress={"aws:SourceIp": "10.0.0.0/8"}))
    user(server, "carol")
    iam = client(server, service="iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/carol"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=policy(trust))
    iam.put_role_policy(RoleName="app", PolicyName="p", PolicyDocument=policy(allow(READ)))
    found = ask("who-can", "--action", READ, "--secret", arn)
    listed = {h["Principal"].split(":")[-1]: h["Unconditional"] for h in found["Holders"]}
    assert listed == {"root": True, "user/alice": True, "user/bob": False, "role/app": True}
    (assumer,) = found["AssumableBy"][f"arn:aws:iam::{ACCOUNT}:role/app"]
    assert assumer["Principal"].endswith("user/carol")

"""Roles for who bears a token of an identity provider: boto3, the AWS CLI, and a real issuer with real keys."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

import aws
from aws import client, refused
from issuer import Issuer, Key, encoded
from server import ACCOUNT, REGION, Credentials, Server, clean_environment

ACTION = "sts:AssumeRoleWithWebIdentity"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pod"
NOT_AUTHORIZED = f"Not authorized to perform {ACTION}"
NO_KEY = re.compile("^Couldn't retrieve verification key from your identity provider")
PAUSE_SECONDS = 5.5


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    """An issuer for all tests here."""
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def trusting(issuer: Issuer):
    """A server that trusts the issuer's certificate authority."""
    with Server("--oidc-ca-file", str(issuer.ca_file)) as server:
        yield server
        assert "panicked" not in server.output(), server.output()
        # No token may reach the log.
        assert "eyJ" not in server.log_text()


@pytest.fixture
def server(trusting: Server) -> Server:
    """The same, empty."""
    trusting.reset()
    return trusting


@pytest.fixture
def provider(server: Server, issuer: Issuer) -> str:
    """The issuer as the account's provider; a role that its service account may have, which reads `app`."""
    issuer.up = True
    iam = client(server, service="iam")
    client(server).create_secret(Name="app", SecretString="v")
    made = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    assert made == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer.host}"
    trust(iam, issuer, create=True)
    iam.put_role_policy(
        RoleName="pod",
        PolicyName="p",
        PolicyDocument=policy({"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*"}),
    )
    return made


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(iam, issuer: Issuer, *actions: str, create: bool = False) -> None:
    """Lets the service account `app` have the role."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer.host}"},
        "Action": [ACTION, *actions],
        "Condition": {
            "StringEquals": {
                f"{issuer.host}:sub": "system:serviceaccount:prod:app",
                f"{issuer.host}:aud": "sts.amazonaws.com",
            }
        },
    }
    if create:
        iam.create_role(RoleName="pod", AssumeRolePolicyDocument=policy(statement))
    else:
        iam.update_assume_role_policy(RoleName="pod", PolicyDocument=policy(statement))


def bear(server: Server, token: str, **more) -> dict:
    """Asks for the role by a token; boto3 doesn't sign that."""
    sts = boto3.session.Session().client(
        "sts",
        region_name=REGION,
        endpoint_url=server.url,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    sts.meta.events.register("before-parse", aws.check_wire_form)
    asked = {"RoleArn": ROLE, "RoleSessionName": "app-7", "WebIdentityToken": token} | more
    return sts.assume_role_with_web_identity(**asked)


def reads(server: Server, answer: dict) -> str:
    made = answer["Credentials"]
    session = Credentials(
        made["AccessKeyId"], made["SecretAccessKey"], session_token=made["SessionToken"]
    )
    return client(server, credentials=session).get_secret_value(SecretId="app")["SecretString"]


def test_a_token_gives_a_session_of_the_role(server, issuer, provider):
    answer = bear(server, issuer.token())
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:prod:app"
    assert answer["Audience"] == "sts.amazonaws.com" and answer["Provider"] == provider
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/pod/app-7"
    assert answer["AssumedRoleUser"]["Arn"] == who
    assert reads(server, answer) == "v"
    issuer.keys.append(Key("ES256", "curve"))
    time.sleep(PAUSE_SECONDS)
    answer = bear(server, issuer.token(key=issuer.keys[-1]), DurationSeconds=900)
    assert reads(server, answer) == "v"
    server.advance(seconds=901)
    with refused("ExpiredTokenException"):
        reads(server, answer)


def test_a_trust_policy_says_whose_tokens_count(server, issuer, provider):
    with refused("AccessDenied", NOT_AUTHORIZED, 403):
        bear(server, issuer.token(sub="system:serviceaccount:prod:other"))
    with refused("AccessDenied", NOT_AUTHORIZED, 403):
        bear(server, issuer.token(), RoleArn=ROLE.replace("pod", "missing"))
    client(server, service="iam").update_assume_role_policy(
        RoleName="pod",
        PolicyDocument=policy(
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:*"}
        ),
    )
    with refused("AccessDenied", NOT_AUTHORIZED, 403):
        bear(server, issuer.token())


def test_a_token_that_says_something_else_is_refused_in_awss_words(server, issuer, provider):
    now = int(time.time())
    for claims, code, text in [
        ({"aud": "someone"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"exp": None}, "InvalidIdentityToken", "Missing a required claim: exp"),
        ({"sub": None}, "InvalidIdentityToken", "Missing a required claim: sub"),
        ({"nbf": now + 3600}, "InvalidIdentityToken", re.compile("^Token not yet valid")),
        (
            {"exp": now - 400},
            "ExpiredTokenException",
            re.compile(rf"^Token expired: current date/time \d+ must be before the expiration date/time {now - 400}$"),
        ),
        (
            {"iss": "https://elsewhere.example.com"},
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://elsewhere.example.com",
        ),
    ]:
        with refused(code, text):
            bear(server, issuer.token(**claims))
    # AWS lets clocks differ by five minutes.
    assert reads(server, bear(server, issuer.token(exp=now - 240))) == "v"


def test_a_forged_token_is_refused(server, issuer, provider):
    good = issuer.token()
    header, claims, signature = good.split(".")
    other = encoded(json.dumps({"iss": issuer.url}).encode())
    mallory = Key("RS256", "first")
    none = encoded(json.dumps({"alg": "none", "kid": "first"}).encode())
    unknown = Key("RS256", "unknown")
    for forged, text in [
        (issuer.token(key=mallory), "Token signature invalid"),
        (issuer.token(header={"alg": "RS384"}), NO_KEY),
        (issuer.token(header={"alg": "HS256"}), NO_KEY),
        (f"{none}.{claims}.", NO_KEY),
        (f"{none}.{claims}.{signature}", NO_KEY),
        (f"{header}.{claims}.{signature[:-8]}AAAAAAAA", "Token signature invalid"),
        (issuer.token(key=unknown), NO_KEY),
        (f"{header}.{other}.{signature}", "Missing a required claim: exp"),
        ("not.a.token", re.compile("is not a valid JWT")),
        ("nothing", re.compile("is not a valid JWT")),
    ]:
        with refused("InvalidIdentityToken", text):
            bear(server, forged)


def test_a_new_key_counts_soon_and_an_old_one_goes(server, issuer, provider):
    assert reads(server, bear(server, issuer.token())) == "v"
    old, new = issuer.key, Key("RS256", "second")
    try:
        issuer.key, issuer.keys = new, [new]
        time.sleep(PAUSE_SECONDS)
        assert reads(server, bear(server, issuer.token())) == "v"
        with refused("InvalidIdentityToken", NO_KEY):
            bear(server, issuer.token(key=old))
        # While the issuer is down its keys go on.
        issuer.up = False
        assert reads(server, bear(server, issuer.token())) == "v"
    finally:
        issuer.key, issuer.keys, issuer.up = old, [old], True
        time.sleep(PAUSE_SECONDS)


def test_an_issuer_that_cannot_be_reached_is_said_to_be(issuer, tmp_path):
    # A server that doesn't know the issuer's authority.
    with Server() as server:
        iam = client(server, service="iam")
        iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["sts.amazonaws.com"])
        trust(iam, issuer, create=True)
        with refused("IDPCommunicationError"):
            bear(server, issuer.token())
        assert "an identity provider's keys can't be had" in server.log_text()
    # Nor has it to be: the keys can come from a file.
    file = tmp_path / "keys.json"
    file.write_text(issuer.key_set())
    with Server("--oidc-keys", f"{issuer.url}={file}") as server:
        iam = client(server, service="iam")
        iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["sts.amazonaws.com"])
        trust(iam, issuer, create=True)
        asked = len(issuer.paths)
        assert bear(server, issuer.token())["Credentials"]
        assert len(issuer.paths) == asked


def test_tags_and_a_source_identity_come_from_the_token(server, issuer, provider):
    claims = {
        "https://aws.amazon.com/tags": {
            "principal_tags": {"Project": ["mars"]},
            "transitive_tag_keys": ["Project"],
        },
        "https://aws.amazon.com/source_identity": "app-7",
    }
    with refused("AccessDenied", "Not authorized to perform sts:TagSession", 403):
        bear(server, issuer.token(**claims))
    iam = client(server, service="iam")
    trust(iam, issuer, "sts:TagSession", "sts:SetSourceIdentity")
    condition = {"StringEquals": {"aws:PrincipalTag/Project": "mars", "aws:SourceIdentity": "app-7"}}
    iam.put_role_policy(
        RoleName="pod",
        PolicyName="p",
        PolicyDocument=policy(
            {"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*", "Condition": condition}
        ),
    )
    answer = bear(server, issuer.token(**claims))
    assert answer["SourceIdentity"] == "app-7"
    assert reads(server, answer) == "v"
    with refused("AccessDeniedException"):
        reads(server, bear(server, issuer.token()))
    bad = {"https://aws.amazon.com/tags": {"principal_tags": {"aws:x": ["y"]}}}
    with refused("IDPRejectedClaim", status=403):
        bear(server, issuer.token(**bad))


def test_a_request_is_taken_as_a_form_and_as_a_query(server, issuer, provider):
    fields = urllib.parse.urlencode(
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "app-7",
            "WebIdentityToken": issuer.token(),
        }
    )
    for request in [
        urllib.request.Request(server.url, data=fields.encode()),
        urllib.request.Request(f"{server.url}/?{fields}"),
    ]:
        with urllib.request.urlopen(request) as answer:
            assert b"<SessionToken>" in answer.read()
    with refused("ValidationError"):
        bear(server, "x.y.z", RoleSessionName="a" * 65)


def pod(server: Server, issuer: Issuer, folder: Path) -> dict[str, str]:
    """The environment of a pod with a projected service account token."""
    token = folder / "token"
    token.write_text(issuer.token())
    return clean_environment(
        AWS_ENDPOINT_URL=server.url,
        AWS_ROLE_ARN=ROLE,
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_ROLE_SESSION_NAME="app-7",
        AWS_DEFAULT_REGION=REGION,
        AWS_DEFAULT_OUTPUT="json",
        AWS_PAGER="",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_MAX_ATTEMPTS="1",
        PYTHONWARNINGS="ignore",
    )


def test_boto3_and_the_cli_work_in_a_pod_without_a_key(
    server, issuer, provider, tmp_path, monkeypatch
):
    environment = pod(server, issuer, tmp_path)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("aws")),
            "secretsmanager",
            "get-secret-value",
            "--secret-id",
            "app",
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["SecretString"] == "v"
    for name, value in environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    session = boto3.session.Session(region_name=REGION)
    assert session.client("secretsmanager").get_secret_value(SecretId="app")["SecretString"] == "v"
    who = session.client("sts").get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/pod/app-7"

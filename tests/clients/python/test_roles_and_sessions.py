"""Roles and temporary credentials by boto3 and the AWS CLI: who gets them, what they may do, and what ends them."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from aws import client, refused
from server import ACCOUNT, OTHER_ACCOUNT, REGION, Credentials, clean_environment

ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/reader"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/build-17"
INVALID = "The security token included in the request is invalid."


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*", **condition) -> dict:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def trust(principal: dict | str, action: str | list[str] = "sts:AssumeRole", **condition) -> dict:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return statement | ({"Condition": condition} if condition else {})


def temporary(answer: dict) -> Credentials:
    """The credentials in an answer of STS."""
    made = answer["Credentials"]
    return Credentials(
        made["AccessKeyId"], made["SecretAccessKey"], session_token=made["SessionToken"]
    )


def user(iam, name: str, *statements: dict) -> Credentials:
    """A new user with an access key, and maybe a policy."""
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


@pytest.fixture
def alice(iam) -> Credentials:
    """A user who may assume any role that its account trusts."""
    return user(iam, "alice", allow("sts:*"))


@pytest.fixture
def role(iam, sm) -> str:
    """A role that may read the secret `app`, and which the account's users may assume."""
    sm.create_secret(Name="app", SecretString="v")
    iam.create_role(
        RoleName="reader",
        Path="/ci/",
        AssumeRolePolicyDocument=policy(trust({"AWS": ACCOUNT}, "sts:*")),
        MaxSessionDuration=7200,
        Tags=[{"Key": "Team", "Value": "red"}],
    )
    permit(iam, allow("secretsmanager:GetSecretValue"))
    return ROLE


def permit(iam, *statements: dict) -> None:
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=policy(*statements))


def assume(server, credentials: Credentials, **more) -> dict:
    asked = {"RoleArn": ROLE, "RoleSessionName": "build-17"} | more
    return client(server, service="sts", credentials=credentials).assume_role(**asked)


def reads(server, credentials: Credentials) -> str:
    return client(server, credentials=credentials).get_secret_value(SecretId="app")["SecretString"]


def denied(action: str, role: str = ROLE, caller: str = f"arn:aws:iam::{ACCOUNT}:user/alice"):
    text = f"User: {caller} is not authorized to perform: {action} on resource: {role}"
    return refused("AccessDenied", text, 403)


def test_a_session_of_a_role_reads_what_the_role_may(server, role, alice):
    answer = assume(server, alice)
    who = answer["AssumedRoleUser"]
    assert who["Arn"] == SESSION and who["AssumedRoleId"].endswith(":build-17")
    assert answer["PackedPolicySize"] < 20
    session = temporary(answer)
    assert session.access_key_id.startswith("ASIA")
    assert reads(server, session) == "v"
    identity = client(server, service="sts", credentials=session).get_caller_identity()
    assert identity["Arn"] == SESSION and identity["Account"] == ACCOUNT
    assert identity["UserId"] == who["AssumedRoleId"]
    text = (
        f"User: {SESSION} is not authorized to perform: secretsmanager:DeleteSecret on resource: app "
        "because no identity-based policy allows the secretsmanager:DeleteSecret action"
    )
    with refused("AccessDeniedException", text):
        client(server, credentials=session).delete_secret(SecretId="app")
    assert "app" in {it["Name"] for it in secrets_listed(server, session, role)}


def secrets_listed(server, session: Credentials, role: str) -> list[dict]:
    """What the role sees after it was given one more permission: a session isn't a copy of them."""
    iam = client(server, service="iam")
    permit(iam, allow(["secretsmanager:GetSecretValue", "secretsmanager:ListSecrets"]))
    return client(server, credentials=session).list_secrets()["SecretList"]


def test_who_is_not_let_in_learns_nothing_of_the_role(server, iam, role):
    alice = user(iam, "alice")
    with denied("sts:AssumeRole"):
        assume(server, alice)
    missing = ROLE.replace("reader", "missing")
    with denied("sts:AssumeRole", missing):
        assume(server, alice, RoleArn=missing)
    with refused("AccessDenied", "Roles may not be assumed by root accounts.", 403):
        client(server, service="sts").assume_role(RoleArn=ROLE, RoleSessionName="build-17")


def test_another_account_needs_an_external_id_where_the_role_asks_for_one(
    server, iam, role, stranger_credentials
):
    iam.update_assume_role_policy(
        RoleName="reader",
        PolicyDocument=policy(
            trust({"AWS": OTHER_ACCOUNT}, StringEquals={"sts:ExternalId": "contract/42"})
        ),
    )
    theirs = client(server, service="iam", credentials=stranger_credentials)
    bob = user(theirs, "bob", allow("sts:AssumeRole", ROLE))
    arn = f"arn:aws:iam::{OTHER_ACCOUNT}:user/bob"
    for more in [{}, {"ExternalId": "contract/43"}]:
        with denied("sts:AssumeRole", caller=arn):
            assume(server, bob, **more)
    session = temporary(assume(server, bob, ExternalId="contract/42"))
    assert reads(server, session) == "v"
    theirs.delete_user_policy(UserName="bob", PolicyName="p")
    with denied("sts:AssumeRole", caller=arn):
        assume(server, bob, ExternalId="contract/42")


def test_a_session_policy_limits_and_never_widens(server, role, alice):
    narrow = policy(allow("secretsmanager:DescribeSecret"))
    session = temporary(assume(server, alice, Policy=narrow))
    own = client(server, credentials=session)
    for ask, reason in [
        (own.get_secret_value, "because no session policy allows"),
        (own.describe_secret, "because no identity-based policy allows"),
    ]:
        with refused("AccessDeniedException", re.compile(reason)):
            ask(SecretId="app")
    wide = [{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}]
    assert reads(server, temporary(assume(server, alice, PolicyArns=wide))) == "v"
    with refused("MalformedPolicyDocument"):
        assume(server, alice, Policy="{")
    with refused("PackedPolicyTooLarge"):
        assume(server, alice, Policy=policy(*[allow(f"s3:{'x' * 30}")] * 30))


def test_tags_of_a_session_are_the_callers_and_need_permission(server, iam, role, alice):
    permit(
        iam,
        allow(
            "secretsmanager:GetSecretValue",
            StringEquals={"aws:PrincipalTag/Project": "mars", "aws:PrincipalTag/Team": "red"},
        ),
    )
    tags = [{"Key": "Project", "Value": "mars"}]
    with refused("AccessDeniedException"):
        reads(server, temporary(assume(server, alice)))
    assert reads(server, temporary(assume(server, alice, Tags=tags))) == "v"
    overridden = tags + [{"Key": "team", "Value": "blue"}]
    with refused("AccessDeniedException"):
        reads(server, temporary(assume(server, alice, Tags=overridden)))
    iam.update_assume_role_policy(
        RoleName="reader", PolicyDocument=policy(trust({"AWS": ACCOUNT}))
    )
    with denied("sts:TagSession"):
        assume(server, alice, Tags=tags)


def test_a_chain_of_roles_lasts_an_hour_and_keeps_what_is_transitive(server, iam, role, alice):
    permit(iam, allow(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))
    iam.create_role(
        RoleName="second", AssumeRolePolicyDocument=policy(trust({"AWS": ROLE}, "sts:*"))
    )
    iam.put_role_policy(
        RoleName="second",
        PolicyName="p",
        PolicyDocument=policy(
            allow(
                "secretsmanager:GetSecretValue",
                StringEquals={"aws:PrincipalTag/Cost": "7", "aws:SourceIdentity": "alice"},
            )
        ),
    )
    second = f"arn:aws:iam::{ACCOUNT}:role/second"
    cost = {"Tags": [{"Key": "Cost", "Value": "7"}], "SourceIdentity": "alice"}
    kept = temporary(assume(server, alice, **cost, TransitiveTagKeys=["Cost"]))
    with refused("InvalidParameterValue"):
        assume(server, kept, RoleArn=second, Tags=[{"Key": "cost", "Value": "8"}])
    with refused("ValidationError", "The source identity is already set for this assume role session"):
        assume(server, kept, RoleArn=second, SourceIdentity="mallory")
    too_long = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    with refused("ValidationError", too_long):
        assume(server, kept, RoleArn=second, DurationSeconds=3601)
    answer = assume(server, kept, RoleArn=second)
    assert answer["SourceIdentity"] == "alice"
    assert reads(server, temporary(answer)) == "v"
    lost = temporary(assume(server, alice, **cost))
    with refused("AccessDeniedException"):
        reads(server, temporary(assume(server, lost, RoleArn=second)))


def test_a_session_ends_with_its_time(server, role, alice):
    with refused(
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    ):
        assume(server, alice, DurationSeconds=7201)
    session = temporary(assume(server, alice, DurationSeconds=900))
    server.advance(seconds=890)
    assert reads(server, session) == "v"
    server.advance(seconds=11)
    expired = "The security token included in the request is expired"
    with refused("ExpiredTokenException", expired):
        reads(server, session)
    with refused("ExpiredToken", expired, 403):
        client(server, service="sts", credentials=session).get_caller_identity()


def test_a_session_is_revoked_as_the_console_of_aws_does_it(server, iam, role, alice):
    session = temporary(assume(server, alice))
    server.advance(seconds=5)
    instant = json.loads(server.control("GET", "/_strongroom/clock")[1])["now_iso"]
    revoked = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"]} | {
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": instant}}
    }
    iam.put_role_policy(
        RoleName="reader", PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(revoked)
    )
    text = re.compile("with an explicit deny in an identity-based policy$")
    with refused("AccessDeniedException", text):
        reads(server, session)
    server.advance(seconds=5)
    assert reads(server, temporary(assume(server, alice))) == "v"
    permit(iam, allow("kms:*"))
    with refused("AccessDeniedException"):
        reads(server, temporary(assume(server, alice)))


def test_a_deleted_role_ends_its_sessions_and_another_of_its_name_revives_none(
    server, iam, role, alice
):
    session = temporary(assume(server, alice))
    assert reads(server, session) == "v"
    iam.delete_role_policy(RoleName="reader", PolicyName="p")
    iam.delete_role(RoleName="reader")

    def is_nobody() -> None:
        with refused("UnrecognizedClientException", INVALID):
            reads(server, session)
        with refused("InvalidClientTokenId", INVALID, 403):
            client(server, service="sts", credentials=session).get_caller_identity()

    is_nobody()
    with denied("sts:AssumeRole"):
        assume(server, alice)
    iam.create_role(
        RoleName="reader",
        Path="/ci/",
        AssumeRolePolicyDocument=policy(trust({"AWS": ACCOUNT})),
    )
    permit(iam, allow("*"))
    is_nobody()
    assert reads(server, temporary(assume(server, alice))) == "v"


def test_a_token_goes_with_its_own_key_alone(server, role, alice):
    one, other = (temporary(assume(server, alice)) for _ in range(2))
    for mixed, query in [
        (dataclasses.replace(one, session_token=other.session_token), INVALID),
        (dataclasses.replace(one, session_token=None), INVALID),
        (dataclasses.replace(alice, session_token=one.session_token), INVALID),
        (dataclasses.replace(one, session_token=one.session_token[:-4] + "AAAA"), INVALID),
        (dataclasses.replace(one, session_token="AA" + one.session_token[2:]), INVALID),
        (dataclasses.replace(one, secret_access_key=other.secret_access_key), None),
    ]:
        with refused("InvalidClientTokenId" if query else "SignatureDoesNotMatch", query, 403):
            client(server, service="sts", credentials=mixed).get_caller_identity()
        code = "UnrecognizedClientException" if query else "InvalidSignatureException"
        with refused(code, query):
            reads(server, mixed)


def test_credentials_of_get_session_token_are_for_services(server, iam, sm, role, alice):
    token = client(server, service="sts", credentials=alice).get_session_token()
    session = temporary(token)
    sts = client(server, service="sts", credentials=session)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert reads(server, temporary(assume(server, session))) == "v"
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", 403):
        sts.get_session_token()
    iam.put_user_policy(UserName="alice", PolicyName="q", PolicyDocument=policy(allow("*")))
    assert reads(server, session) == "v"
    with refused("InvalidClientTokenId", INVALID, 403):
        client(server, service="iam", credentials=session).get_user()
    root = temporary(client(server, service="sts").get_session_token(DurationSeconds=129_600))
    assert reads(server, root) == "v"
    with refused("InvalidClientTokenId", INVALID, 403):
        client(server, service="iam", credentials=root).list_users()
    server.advance(seconds=3601)
    with refused("ExpiredTokenException"):
        reads(server, root)
    assert reads(server, session) == "v"


def test_a_token_is_as_long_as_asked_and_is_taken_in_a_presigned_url(server, role, alice):
    answer = assume(server, alice, MinimumSessionTokenSize=4096)
    session = temporary(answer)
    assert len(session.session_token) == answer["SessionTokenSize"] == 4096
    assert answer["SessionTokenUtilization"] == 100
    sts = client(server, service="sts", credentials=session)
    url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    with urllib.request.urlopen(url) as told:
        assert SESSION.encode() in told.read()


def profile(folder: Path, server, alice: Credentials, text: str) -> dict[str, str]:
    """The environment of a client whose configuration has these profiles."""
    (folder / "credentials").write_text(
        f"[alice]\naws_access_key_id = {alice.access_key_id}\n"
        f"aws_secret_access_key = {alice.secret_access_key}\n"
    )
    (folder / "config").write_text(text)
    return clean_environment(
        AWS_ENDPOINT_URL=server.url,
        AWS_CONFIG_FILE=str(folder / "config"),
        AWS_SHARED_CREDENTIALS_FILE=str(folder / "credentials"),
        AWS_DEFAULT_REGION=REGION,
        AWS_DEFAULT_OUTPUT="json",
        AWS_PAGER="",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_MAX_ATTEMPTS="1",
        PYTHONWARNINGS="ignore",
    )


def cli(environment: dict[str, str], *arguments: str) -> dict:
    """What the AWS CLI answers."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("aws")), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_aws_cli_assumes_the_roles_of_its_profiles(server, iam, role, alice, tmp_path):
    iam.update_assume_role_policy(
        RoleName="reader",
        PolicyDocument=policy(
            trust({"AWS": ACCOUNT}, "sts:*", StringEquals={"sts:ExternalId": "42"})
        ),
    )
    environment = profile(
        tmp_path,
        server,
        alice,
        f"""
[profile app]
role_arn = {ROLE}
source_profile = alice
role_session_name = build-17
external_id = 42
duration_seconds = 900
""",
    )
    who = cli(environment, "sts", "get-caller-identity", "--profile", "app")
    assert who["Arn"] == SESSION
    get = ("secretsmanager", "get-secret-value", "--secret-id", "app", "--profile", "app")
    assert cli(environment, *get)["SecretString"] == "v"


def test_boto3_assumes_the_role_of_its_profile(server, role, alice, tmp_path, monkeypatch):
    environment = profile(
        tmp_path, server, alice, f"[profile app]\nrole_arn = {ROLE}\nsource_profile = alice\n"
    )
    for name, value in environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    session = boto3.session.Session(profile_name="app", region_name=REGION)
    config = Config(retries={"total_max_attempts": 1})
    sm = session.client("secretsmanager", config=config)
    assert sm.get_secret_value(SecretId="app")["SecretString"] == "v"
    who = session.client("sts", config=config).get_caller_identity()
    assert who["Arn"].startswith(SESSION.rsplit("/", 1)[0] + "/botocore-session-")

"""Two accounts and a secret: what its policy and its key's open to the other one, by boto3 and by the AWS CLI."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from aws import client, partial_arn, refused
from botocore.exceptions import ClientError
from server import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, Server, clean_environment

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
STRANGER_ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
READ = "secretsmanager:GetSecretValue"
DEFAULT_KEY = (
    "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key."
)


def statement(effect: str, principal: str, *actions: str, **condition) -> dict:
    """A statement of a secret's or a key's policy."""
    made = {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*"}
    return made | ({"Condition": condition} if condition else {})


def policy(*statements: dict) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def denied(arn: str, action: str = READ) -> str:
    """What the other account is told."""
    return (
        f"User: {STRANGER_ARN} is not authorized to perform: {action} on resource: {arn} because no resource-based "
        f"policy allows the {action} action"
    )


@pytest.fixture
def key(kms) -> str:
    """The ARN of a key that lets the other account decrypt through Secrets Manager alone."""
    via = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    given = policy(
        statement("Allow", ROOT_ARN, "kms:*"),
        statement("Allow", STRANGER_ARN, "kms:Decrypt", "kms:DescribeKey", StringEquals=via),
    )
    return kms.create_key(Policy=given)["KeyMetadata"]["Arn"]


@pytest.fixture
def shared(sm, key) -> str:
    """The ARN of a secret under that key, which the other account may read and look at."""
    arn = sm.create_secret(Name="app/db", SecretString="one", KmsKeyId=key)["ARN"]
    given = policy(statement("Allow", STRANGER_ARN, READ, "secretsmanager:DescribeSecret"))
    sm.put_resource_policy(SecretId=arn, ResourcePolicy=given, BlockPublicPolicy=True)
    return arn


def test_a_shared_secret_is_read_by_the_other_account(sm, stranger, shared):
    for name in (shared, partial_arn(shared)):
        read = stranger.get_secret_value(SecretId=name)
        assert (read["ARN"], read["Name"], read["SecretString"]) == (shared, "app/db", "one")
    assert stranger.describe_secret(SecretId=shared)["Name"] == "app/db"
    sm.put_secret_value(SecretId=shared, SecretString="two")
    assert stranger.get_secret_value(SecretId=shared)["SecretString"] == "two"


def test_it_is_shared_for_what_its_policy_names_and_nothing_else(stranger, shared):
    for call, action in [
        (lambda: stranger.put_secret_value(SecretId=shared, SecretString="x"), "PutSecretValue"),
        (lambda: stranger.delete_secret(SecretId=shared), "DeleteSecret"),
        (lambda: stranger.get_resource_policy(SecretId=shared), "GetResourcePolicy"),
        (lambda: stranger.delete_resource_policy(SecretId=shared), "DeleteResourcePolicy"),
        (lambda: stranger.list_secret_version_ids(SecretId=shared), "ListSecretVersionIds"),
        (lambda: stranger.tag_resource(SecretId=shared, Tags=[{"Key": "k", "Value": "v"}]), "TagResource"),
    ]:
        with refused("AccessDeniedException", denied(shared, f"secretsmanager:{action}")):
            call()
    assert stranger.list_secrets()["SecretList"] == []
    with refused("ResourceNotFoundException"):
        stranger.get_secret_value(SecretId="app/db")


def test_another_account_learns_nothing_of_what_there_is(sm, stranger):
    there = sm.create_secret(Name="there", SecretString="one")["ARN"]
    missing = there.replace(":there-", ":not-there-")
    for arn in (there, missing, partial_arn(there), partial_arn(missing)):
        with refused("AccessDeniedException", denied(arn)):
            stranger.get_secret_value(SecretId=arn)
    sm.put_resource_policy(SecretId="there", ResourcePolicy=policy(statement("Deny", STRANGER_ARN, "*")))
    with refused("AccessDeniedException", denied(there)):
        stranger.get_secret_value(SecretId=there)


def test_a_policy_is_in_force_at_once(sm, stranger, shared):
    assert stranger.get_secret_value(SecretId=shared)["SecretString"] == "one"
    sm.delete_resource_policy(SecretId=shared)
    with refused("AccessDeniedException", denied(shared)):
        stranger.get_secret_value(SecretId=shared)
    again = policy(statement("Allow", OTHER_ACCOUNT, READ))
    sm.put_resource_policy(SecretId=shared, ResourcePolicy=again)
    assert stranger.get_secret_value(SecretId=shared)["SecretString"] == "one"


def test_the_key_must_let_the_other_account_in_too(sm, kms, stranger, shared, key):
    owner = statement("Allow", ROOT_ARN, "kms:*")
    bound = {"kms:EncryptionContext:SecretARN": shared}
    kms.put_key_policy(
        KeyId=key,
        Policy=policy(owner, statement("Allow", STRANGER_ARN, "kms:Decrypt", StringEquals=bound)),
    )
    assert stranger.get_secret_value(SecretId=shared)["SecretString"] == "one"
    other = sm.create_secret(Name="other", SecretString="x", KmsKeyId=key)["ARN"]
    sm.put_resource_policy(SecretId=other, ResourcePolicy=policy(statement("Allow", STRANGER_ARN, READ)))
    with refused("AccessDeniedException", "Access to KMS is not allowed"):
        stranger.get_secret_value(SecretId=other)
    kms.put_key_policy(KeyId=key, Policy=policy(owner))
    with refused("AccessDeniedException", "Access to KMS is not allowed"):
        stranger.get_secret_value(SecretId=shared)
    # A grant is enough on the key's side.
    kms.create_grant(KeyId=key, GranteePrincipal=STRANGER_ARN, Operations=["Decrypt"])
    assert stranger.get_secret_value(SecretId=shared)["SecretString"] == "one"


def test_under_the_service_s_own_key_nothing_is_shared(sm, stranger):
    arn = sm.create_secret(Name="s", SecretString="one")["ARN"]
    sm.put_resource_policy(SecretId="s", ResourcePolicy=policy(statement("Allow", STRANGER_ARN, "secretsmanager:*")))
    assert stranger.describe_secret(SecretId=arn)["Name"] == "s"
    with refused("InvalidRequestException", DEFAULT_KEY):
        stranger.get_secret_value(SecretId=arn)
    with refused("InvalidRequestException", DEFAULT_KEY):
        stranger.put_secret_value(SecretId=arn, SecretString="two")
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "one"


def test_a_batch_tells_of_each_secret_that_is_closed(sm, stranger, shared):
    closed = sm.create_secret(Name="closed", SecretString="x")["ARN"]
    batch = stranger.batch_get_secret_value(SecretIdList=[shared, closed])
    assert [value["SecretString"] for value in batch["SecretValues"]] == ["one"]
    (error,) = batch["Errors"]
    assert (error["SecretId"], error["ErrorCode"]) == (closed, "AccessDeniedException")
    assert error["Message"] == denied(closed)


def test_a_denial_holds_for_its_account_s_root_who_takes_it_back(sm):
    arn = sm.create_secret(Name="s", SecretString="one")["ARN"]
    sm.put_resource_policy(SecretId="s", ResourcePolicy=policy(statement("Deny", "*", READ)))
    told = (
        f"User: {ROOT_ARN} is not authorized to perform: {READ} on resource: s with an explicit deny in a "
        "resource-based policy"
    )
    with refused("AccessDeniedException", told):
        sm.get_secret_value(SecretId="s")
    (error,) = sm.batch_get_secret_value(SecretIdList=[arn])["Errors"]
    assert error["ErrorCode"] == "AccessDeniedException"
    assert [secret["Name"] for secret in sm.list_secrets()["SecretList"]] == ["s"]
    sm.delete_resource_policy(SecretId="s")
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "one"


def test_conditions_are_asked(sm, stranger, shared):
    for condition, opens in [
        ({"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}, False),
        ({"StringEqualsIfExists": {"secretsmanager:VersionStage": "AWSCURRENT"}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "web"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"StringLike": {"aws:UserAgent": "*Boto3/*"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": REGION}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, False),
        ({"ArnEquals": {"secretsmanager:SecretId": shared}}, True),
    ]:
        given = policy(statement("Allow", STRANGER_ARN, READ, **condition))
        sm.put_resource_policy(SecretId=shared, ResourcePolicy=given)
        try:
            stranger.get_secret_value(SecretId=shared)
            opened = True
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException"
            opened = False
        assert opened == opens, condition
    tagged = policy(
        statement("Allow", STRANGER_ARN, READ, StringEquals={"secretsmanager:ResourceTag/team": "web"})
    )
    sm.put_resource_policy(SecretId=shared, ResourcePolicy=tagged)
    sm.tag_resource(SecretId=shared, Tags=[{"Key": "team", "Value": "web"}])
    assert stranger.get_secret_value(SecretId=shared)["SecretString"] == "one"


def test_root_repairs_a_policy_that_another_account_put_against_it(sm, stranger, shared):
    everything = statement("Allow", STRANGER_ARN, "secretsmanager:*")
    sm.put_resource_policy(SecretId=shared, ResourcePolicy=policy(everything))
    against = policy(everything, statement("Deny", ROOT_ARN, "*"))
    stranger.put_resource_policy(SecretId=shared, ResourcePolicy=against)
    with refused("AccessDeniedException"):
        sm.get_secret_value(SecretId=shared)
    assert sm.get_resource_policy(SecretId=shared)["ResourcePolicy"] == against
    sm.delete_resource_policy(SecretId=shared)
    assert sm.get_secret_value(SecretId=shared)["SecretString"] == "one"
    with refused("AccessDeniedException", denied(shared)):
        stranger.get_secret_value(SecretId=shared)


def test_the_policy_survives_a_restart(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        stranger_credentials = server.create_account(OTHER_ACCOUNT)
        sm, kms = client(server), client(server, service="kms")
        key = kms.create_key(
            Policy=policy(statement("Allow", ROOT_ARN, "kms:*"), statement("Allow", STRANGER_ARN, "kms:Decrypt"))
        )["KeyMetadata"]["Arn"]
        arn = sm.create_secret(Name="s", SecretString="one", KmsKeyId=key)["ARN"]
        sm.put_resource_policy(SecretId="s", ResourcePolicy=policy(statement("Allow", STRANGER_ARN, READ)))
    with Server(data_dir=tmp_path / "data") as server:
        stranger = client(server, credentials=stranger_credentials)
        assert stranger.get_secret_value(SecretId=arn)["SecretString"] == "one"


def test_the_aws_cli_reads_a_shared_secret_by_its_arn(server, stranger_credentials, shared):
    def aws(*arguments: str, region: str = REGION) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(Path(sys.executable).with_name("aws")), "secretsmanager", *arguments],
            env=clean_environment(
                AWS_ENDPOINT_URL=server.url,
                AWS_ACCESS_KEY_ID=stranger_credentials.access_key_id,
                AWS_SECRET_ACCESS_KEY=stranger_credentials.secret_access_key,
                AWS_DEFAULT_REGION=region,
                AWS_MAX_ATTEMPTS="1",
                AWS_PAGER="",
                PYTHONWARNINGS="ignore",
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    read = ("get-secret-value", "--query", "SecretString", "--output", "text", "--secret-id")
    done = aws(*read, shared)
    assert (done.returncode, done.stdout.strip()) == (0, "one"), done.stderr
    for done, told in [
        (aws("put-secret-value", "--secret-string", "x", "--secret-id", shared), "AccessDeniedException"),
        (aws(*read, "app/db"), "ResourceNotFoundException"),
        (aws(*read, shared, region=OTHER_REGION), "AccessDeniedException"),
    ]:
        assert done.returncode != 0
        assert told in done.stderr, done.stderr

"""IAM users by boto3 and the AWS CLI: what their policies let them do to secrets and keys, and nothing else."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys

import pytest

from aws import client, refused
from server import ACCOUNT, OTHER_ACCOUNT, REGION, Credentials, Server

ALICE = f"arn:aws:iam::{ACCOUNT}:user/people/alice"
REFUSED = "because no identity-based policy allows the"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*", **condition) -> dict:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


@pytest.fixture
def alice(iam) -> Credentials:
    """A user without policies."""
    iam.create_user(UserName="alice", Path="/people/", Tags=[{"Key": "Team", "Value": "red"}])
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def give(iam, *statements: dict) -> None:
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy(*statements))


def denied(action: str, resource: str | None = None):
    where = f" on resource: {resource}" if resource else ""
    text = f"User: {ALICE} is not authorized to perform: {action}{where} {REFUSED} {action} action"
    query = action.split(":")[0] in {"iam", "sts"}
    code, status = ("AccessDenied", 403) if query else ("AccessDeniedException", 400)
    return refused(code, text, status)


def test_a_new_user_can_say_who_it_is_and_nothing_else(server, sm, kms, alice):
    sm.create_secret(Name="s", SecretString="v")
    key = kms.create_key()["KeyMetadata"]
    who = client(server, service="sts", credentials=alice).get_caller_identity()
    assert who["Arn"] == ALICE and who["Account"] == ACCOUNT and who["UserId"].startswith("AIDA")
    own = client(server, credentials=alice)
    with denied("secretsmanager:GetSecretValue", "s"):
        own.get_secret_value(SecretId="s")
    with denied("secretsmanager:CreateSecret", "t"):
        own.create_secret(Name="t", SecretString="v")
    with denied("secretsmanager:ListSecrets"):
        own.list_secrets()
    with denied("kms:Encrypt", key["Arn"]):
        client(server, service="kms", credentials=alice).encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    with denied("iam:GetUser", ALICE):
        client(server, service="iam", credentials=alice).get_user()
    with denied("sts:GetAccessKeyInfo"):
        client(server, service="sts", credentials=alice).get_access_key_info(AccessKeyId=alice.access_key_id)


def test_a_user_reads_what_its_policy_names(server, sm, iam, alice):
    arn = sm.create_secret(Name="app/one", SecretString="1")["ARN"]
    sm.create_secret(Name="other", SecretString="2")
    give(iam, allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app/*"))
    own = client(server, credentials=alice)
    assert own.get_secret_value(SecretId="app/one")["SecretString"] == "1"
    assert own.get_secret_value(SecretId=arn)["SecretString"] == "1"
    with denied("secretsmanager:GetSecretValue", "other"):
        own.get_secret_value(SecretId="other")
    with denied("secretsmanager:PutSecretValue", "app/one"):
        own.put_secret_value(SecretId="app/one", SecretString="x")
    with denied("secretsmanager:GetSecretValue", "missing"):
        own.get_secret_value(SecretId="missing")
    with refused("ResourceNotFoundException"):
        own.get_secret_value(SecretId="app/missing")


def test_tags_open_secrets_to_users_of_the_same_team(server, sm, iam, alice):
    for name, team in (("ours", "red"), ("theirs", "blue")):
        sm.create_secret(Name=name, SecretString="v", Tags=[{"Key": "Team", "Value": team}])
    same = {"aws:ResourceTag/Team": "${aws:PrincipalTag/Team}"}
    give(iam, allow("secretsmanager:GetSecretValue", StringEquals=same))
    own = client(server, credentials=alice)
    assert own.get_secret_value(SecretId="ours")["SecretString"] == "v"
    with denied("secretsmanager:GetSecretValue", "theirs"):
        own.get_secret_value(SecretId="theirs")


def test_a_secret_under_a_key_needs_both_permissions(server, sm, kms, iam, alice):
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sm.create_secret(Name="s", SecretString="v", KmsKeyId=key)
    own = client(server, credentials=alice)
    give(iam, allow("secretsmanager:GetSecretValue"))
    with refused("AccessDeniedException", "Access to KMS is not allowed"):
        own.get_secret_value(SecretId="s")
    through = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    give(iam, allow("secretsmanager:GetSecretValue"), allow("kms:Decrypt", key, StringEquals=through))
    assert own.get_secret_value(SecretId="s")["SecretString"] == "v"
    directly = client(server, service="kms", credentials=alice)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException"):
        directly.decrypt(CiphertextBlob=blob, KeyId=key)


def test_another_account_shares_a_secret_with_a_user(server, stranger, iam, alice):
    statement = {"Effect": "Allow", "Principal": {"AWS": ALICE}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    arn = stranger.create_secret(Name="shared", SecretString="v")["ARN"]
    stranger.put_resource_policy(SecretId=arn, ResourcePolicy=policy(statement))
    own = client(server, credentials=alice)
    with denied("secretsmanager:GetSecretValue", arn):
        own.get_secret_value(SecretId=arn)
    give(iam, allow("secretsmanager:*"))
    # The account's own key can't be used by others: that is where AWS stops as well.
    with refused({"AccessDeniedException", "InvalidRequestException"}):
        own.get_secret_value(SecretId=arn)
    assert arn.split(":")[4] == OTHER_ACCOUNT


def test_what_is_taken_away_counts_at_once(server, sm, iam, alice):
    sm.create_secret(Name="s", SecretString="v")
    own = client(server, credentials=alice)
    give(iam, allow("*"))
    assert own.get_secret_value(SecretId="s")
    give(iam, allow("*"), {"Effect": "Deny", "Action": "secretsmanager:Get*", "Resource": "*"})
    text = (
        f"User: {ALICE} is not authorized to perform: secretsmanager:GetSecretValue on resource: s "
        "with an explicit deny in an identity-based policy"
    )
    with refused("AccessDeniedException", text):
        own.get_secret_value(SecretId="s")
    iam.delete_user_policy(UserName="alice", PolicyName="p")
    with denied("secretsmanager:GetSecretValue", "s"):
        own.get_secret_value(SecretId="s")
    give(iam, allow("*"))
    invalid = "The security token included in the request is invalid."
    iam.update_access_key(UserName="alice", AccessKeyId=alice.access_key_id, Status="Inactive")
    with refused("UnrecognizedClientException", invalid):
        own.get_secret_value(SecretId="s")
    iam.update_access_key(UserName="alice", AccessKeyId=alice.access_key_id, Status="Active")
    assert own.get_secret_value(SecretId="s")
    iam.delete_access_key(UserName="alice", AccessKeyId=alice.access_key_id)
    with refused("InvalidClientTokenId", invalid, 403):
        client(server, service="sts", credentials=alice).get_caller_identity()


def test_a_user_looks_after_its_own_keys(server, iam, alice):
    # As the user guide has it: "*" because of the path that a user may have.
    give(iam, allow(["iam:*AccessKey*"], "arn:aws:iam::*:user/*${aws:username}"))
    own = client(server, service="iam", credentials=alice)
    second = own.create_access_key()["AccessKey"]
    assert second["UserName"] == "alice"
    own.update_access_key(AccessKeyId=second["AccessKeyId"], Status="Inactive")
    states = {each["AccessKeyId"]: each["Status"] for each in own.list_access_keys()["AccessKeyMetadata"]}
    assert states == {alice.access_key_id: "Active", second["AccessKeyId"]: "Inactive"}
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        own.create_access_key()
    own.delete_access_key(AccessKeyId=second["AccessKeyId"])
    iam.create_user(UserName="bob")
    with refused("AccessDenied", status=403):
        own.create_access_key(UserName="bob")


def test_every_call_about_users(iam):
    made = iam.create_user(UserName="bob", Tags=[{"Key": "a", "Value": ""}])["User"]
    assert iam.get_user(UserName="bob")["User"] == made
    with refused("EntityAlreadyExists", "User with name BOB already exists.", 409):
        iam.create_user(UserName="BOB")
    iam.tag_user(UserName="bob", Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_user(UserName="bob", TagKeys=["a"])
    assert iam.list_user_tags(UserName="bob")["Tags"] == [{"Key": "b", "Value": "2"}]
    iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=policy(allow("kms:*")))
    shown = iam.get_user_policy(UserName="bob", PolicyName="p")
    assert shown["PolicyDocument"] == json.loads(policy(allow("kms:*")))
    assert iam.list_user_policies(UserName="bob")["PolicyNames"] == ["p"]
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        iam.delete_user(UserName="bob")
    iam.delete_user_policy(UserName="bob", PolicyName="p")
    iam.update_user(UserName="bob", NewUserName="rob")
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["rob"]
    iam.delete_user(UserName="rob")
    with refused("NoSuchEntity", "The user with name rob cannot be found.", 404):
        iam.get_user(UserName="rob")
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_pages(iam):
    names = [f"user{number:02}" for number in range(7)]
    for name in names:
        iam.create_user(UserName=name)
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Users"]) for page in pages] == [3, 3, 1]
    assert [user["UserName"] for page in pages for user in page["Users"]] == names


@pytest.mark.parametrize("call, text", [
    ({"UserName": "a b"}, r"at 'userName' failed to satisfy constraint: Member must satisfy regular expression"),
    ({"UserName": "a" * 65}, "Member must have length less than or equal to 64"),
    ({"UserName": "a", "Path": "x"}, "at 'path' failed to satisfy constraint"),
    ({}, "1 validation error detected: Value null at 'userName'"),
])
def test_members_are_held_to_the_model(server, call, text):
    import re

    unchecked = client(server, service="iam", validate=False)
    with refused("ValidationError", re.compile(text)):
        unchecked.create_user(**call)


@pytest.mark.parametrize("call", [
    lambda iam: iam.create_login_profile(UserName="a", Password="p"),
    lambda iam: iam.upload_ssh_public_key(UserName="a", SSHPublicKeyBody="x"),
    lambda iam: iam.list_saml_providers(),
    lambda iam: iam.list_delegation_requests(),
])
def test_what_is_not_here_is_refused_clearly(iam, call):
    with refused("UnsupportedOperation"):
        call(iam)
    assert iam.list_users()["Users"] == []


def test_the_cli_reads_as_a_user(server, sm, iam, alice):
    sm.create_secret(Name="s", SecretString="v")
    give(iam, allow("secretsmanager:GetSecretValue"))

    def run(*arguments: str) -> subprocess.CompletedProcess:
        environment = {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": alice.access_key_id,
            "AWS_SECRET_ACCESS_KEY": alice.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_MAX_ATTEMPTS": "1",
        }
        command = [sys.executable, "-m", "awscli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    assert json.loads(run("sts", "get-caller-identity").stdout)["Arn"] == ALICE
    read = run("secretsmanager", "get-secret-value", "--secret-id", "s", "--query", "SecretString", "--output", "text")
    assert read.stdout == "v\n", read.stderr
    refusal = run("secretsmanager", "delete-secret", "--secret-id", "s")
    assert refusal.returncode != 0 and "AccessDeniedException" in refusal.stderr and REFUSED in refusal.stderr


def test_an_access_key_tells_its_last_use_at_once_and_after_a_restart(tmp_path):
    with Server(data_dir=tmp_path / "data") as server:
        iam, sm = client(server, service="iam"), client(server)
        iam.create_user(UserName="alice")
        made = iam.create_access_key(UserName="alice")["AccessKey"]
        alice = Credentials(made["AccessKeyId"], made["SecretAccessKey"])
        never = iam.get_access_key_last_used(AccessKeyId=alice.access_key_id)
        assert never["UserName"] == "alice"
        assert never["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
        client(server, service="sts", region="eu-west-1", credentials=alice).get_caller_identity()
        used = iam.get_access_key_last_used(AccessKeyId=alice.access_key_id)["AccessKeyLastUsed"]
        assert (used["ServiceName"], used["Region"]) == ("sts", "eu-west-1")
        assert abs((datetime.datetime.now(datetime.UTC) - used["LastUsedDate"]).total_seconds()) < 60
        # Signing for something that is refused is a use as well; the same again within 15 minutes isn't noted.
        with refused("AccessDeniedException"):
            client(server, credentials=alice).list_secrets()
        used = iam.get_access_key_last_used(AccessKeyId=alice.access_key_id)["AccessKeyLastUsed"]
        assert (used["ServiceName"], used["Region"]) == ("secretsmanager", REGION)
        sm.create_secret(Name="s", SecretString="v")
        sm.get_secret_value(SecretId="s")
        accessed = sm.describe_secret(SecretId="s")["LastAccessedDate"]
        server.terminate()
    with Server(data_dir=tmp_path / "data") as server:
        iam, sm = client(server, service="iam"), client(server)
        again = iam.get_access_key_last_used(AccessKeyId=alice.access_key_id)["AccessKeyLastUsed"]
        assert again == used
        assert sm.describe_secret(SecretId="s")["LastAccessedDate"] == accessed

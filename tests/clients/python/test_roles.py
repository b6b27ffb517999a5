"""Roles, instance profiles and OpenID Connect providers by boto3 and the AWS CLI, and whom policies mean by a name."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from aws import client, refused
from server import ACCOUNT, OTHER_ACCOUNT, REGION, ROOT, Credentials

ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/app"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*") -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def named(principal: str, action: str, **more) -> dict:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action} | more


def trust(principal: str = ACCOUNT) -> str:
    return policy(named(principal, "sts:AssumeRole"))


def make_user(iam, name: str) -> Credentials:
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def delete_user(iam, name: str) -> None:
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_terraforms_sequence_of_calls_about_a_role(iam):
    """What its provider calls to create, read, change and delete aws_iam_role, in its order."""
    tags = [{"Key": "Team", "Value": "red"}]
    made = iam.create_role(
        RoleName="app", AssumeRolePolicyDocument=trust(), Description="For it", MaxSessionDuration=7200, Path="/",
        PermissionsBoundary=READ_ONLY, Tags=tags,
    )["Role"]
    assert made["Arn"] == ROLE and made["RoleId"].startswith("AROA")
    role = iam.get_role(RoleName="app")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(trust())
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert (role["Description"], role["MaxSessionDuration"], role["Tags"]) == ("For it", 7200, tags)
    assert iam.list_role_policies(RoleName="app")["PolicyNames"] == []
    assert iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"] == []

    document = trust(f"arn:aws:iam::{OTHER_ACCOUNT}:root")
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=document)
    iam.update_role_description(RoleName="app", Description="For that")
    iam.update_role(RoleName="app", MaxSessionDuration=3600)
    iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=ADMINISTRATOR)
    iam.delete_role_permissions_boundary(RoleName="app")
    iam.tag_role(RoleName="app", Tags=[{"Key": "Stage", "Value": "test"}])
    iam.untag_role(RoleName="app", TagKeys=["Team"])
    iam.put_role_policy(RoleName="app", PolicyName="own", PolicyDocument=policy(allow("kms:*")))
    iam.attach_role_policy(RoleName="app", PolicyArn=READ_ONLY)
    role = iam.get_role(RoleName="app")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(document)
    assert (role["Description"], role["MaxSessionDuration"]) == ("For that", 3600)
    assert role["Tags"] == iam.list_role_tags(RoleName="app")["Tags"] == [{"Key": "Stage", "Value": "test"}]
    assert "PermissionsBoundary" not in role
    assert iam.list_role_policies(RoleName="app")["PolicyNames"] == ["own"]
    assert iam.get_role_policy(RoleName="app", PolicyName="own")["PolicyDocument"] == json.loads(policy(allow("kms:*")))
    attached = iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"]
    assert [each["PolicyArn"] for each in attached] == [READ_ONLY]

    # With force_detach_policies.
    for profile in iam.list_instance_profiles_for_role(RoleName="app")["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName="app")
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_role(RoleName="app")
    iam.detach_role_policy(RoleName="app", PolicyArn=READ_ONLY)
    iam.delete_role_policy(RoleName="app", PolicyName="own")
    iam.delete_role(RoleName="app")
    with refused("NoSuchEntity", "The role with name app cannot be found.", 404):
        iam.get_role(RoleName="app")


def test_a_role_is_read_and_listed(iam):
    for name, path in (("one", "/x/"), ("Two", "/x/y/"), ("three", "/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust())
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/x/", PaginationConfig={"PageSize": 1})
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == ["one", "Two"]
    with refused("EntityAlreadyExists", "Role with name ONE already exists.", 409):
        iam.create_role(RoleName="ONE", AssumeRolePolicyDocument=trust())
    with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{ALICE}"'):
        iam.create_role(RoleName="four", AssumeRolePolicyDocument=trust(ALICE))
    with refused("UnsupportedOperation"):
        iam.create_service_linked_role(AWSServiceName="elasticbeanstalk.amazonaws.com")


def test_every_call_about_instance_profiles(iam):
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=trust())
    made = iam.create_instance_profile(InstanceProfileName="machine", Tags=[{"Key": "a", "Value": "1"}])
    made = made["InstanceProfile"]
    assert made["InstanceProfileId"].startswith("AIPA") and made["Roles"] == []
    assert iam.get_instance_profile(InstanceProfileName="machine")["InstanceProfile"] == made
    both = {"InstanceProfileName": "machine", "RoleName": "app"}
    iam.add_role_to_instance_profile(**both)
    with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409):
        iam.add_role_to_instance_profile(**both)
    shown = iam.get_instance_profile(InstanceProfileName="machine")["InstanceProfile"]
    assert [role["Arn"] for role in shown["Roles"]] == [ROLE]
    assert shown["Roles"][0]["AssumeRolePolicyDocument"] == json.loads(trust())
    listed = iam.list_instance_profiles_for_role(RoleName="app")["InstanceProfiles"]
    assert [profile["Arn"] for profile in listed] == [made["Arn"]]
    assert [profile["Arn"] for profile in iam.list_instance_profiles()["InstanceProfiles"]] == [made["Arn"]]
    iam.tag_instance_profile(InstanceProfileName="machine", Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_instance_profile(InstanceProfileName="machine", TagKeys=["a"])
    assert iam.list_instance_profile_tags(InstanceProfileName="machine")["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409):
        iam.delete_role(RoleName="app")
    iam.remove_role_from_instance_profile(**both)
    iam.delete_instance_profile(InstanceProfileName="machine")
    with refused("NoSuchEntity", "Instance Profile machine cannot be found.", 404):
        iam.get_instance_profile(InstanceProfileName="machine")


def test_every_call_about_openid_connect_providers(iam):
    url = "https://id.example.com:8443/realms/a"
    made = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40])
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com:8443/realms/a"
    provider = {"OpenIDConnectProviderArn": arn}
    with refused("EntityAlreadyExists", f"Provider with url {url} already exists.", 409):
        iam.create_open_id_connect_provider(Url=url)
    with refused("InvalidInput"):
        iam.create_open_id_connect_provider(Url="http://id.example.com")
    iam.add_client_id_to_open_id_connect_provider(**provider, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(**provider, ClientID="sts.amazonaws.com")
    iam.update_open_id_connect_provider_thumbprint(**provider, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**provider, Tags=[{"Key": "a", "Value": "1"}])
    shown = iam.get_open_id_connect_provider(**provider)
    assert shown["Url"] == url.removeprefix("https://")
    assert (shown["ClientIDList"], shown["ThumbprintList"]) == (["other"], ["b" * 40])
    assert shown["Tags"] == iam.list_open_id_connect_provider_tags(**provider)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_open_id_connect_provider(**provider, TagKeys=["a"])
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    federated = policy({"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"})
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=federated)
    for _ in range(2):
        iam.delete_open_id_connect_provider(**provider)
    with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404):
        iam.get_open_id_connect_provider(**provider)


@pytest.fixture
def doors(sm, kms, iam):
    """A secret, a key and a role that name alice, and one grant to her."""
    old = make_user(iam, "alice")
    secret = sm.create_secret(Name="s", SecretString="v")["ARN"]
    key = kms.create_key()["KeyMetadata"]["Arn"]
    anyone = {"Resource": "*"}
    sm.put_resource_policy(
        SecretId="s", ResourcePolicy=policy(named(ALICE, "secretsmanager:GetSecretValue", **anyone))
    )
    kms.put_key_policy(
        KeyId=key,
        Policy=policy(named(ACCOUNT, "kms:*", **anyone), named(ALICE, "kms:Encrypt", **anyone)),
    )
    kms.create_grant(KeyId=key, GranteePrincipal=ALICE, Operations=["DescribeKey"])
    iam.create_role(RoleName="app", AssumeRolePolicyDocument=trust(ALICE))
    return secret, key, old


def attempts(server, credentials: Credentials, secret: str, key: str):
    """What the doors let a user do."""
    own = lambda service: client(server, service=service, credentials=credentials)  # noqa: E731
    return {
        "secret": lambda: own("secretsmanager").get_secret_value(SecretId=secret),
        "key": lambda: own("kms").encrypt(KeyId=key, Plaintext=b"x"),
        "grant": lambda: own("kms").describe_key(KeyId=key),
        "trust": lambda: own("sts").assume_role(RoleArn=ROLE, RoleSessionName="me"),
    }


def let_in_nowhere(attempts) -> None:
    for door, attempt in attempts.items():
        code, status = ("AccessDenied", 403) if door == "trust" else ("AccessDeniedException", 400)
        with refused(code, status=status):
            attempt()


def names_shown(sm, kms, iam, key: str) -> dict[str, str]:
    """By what name each door shows whom it is for."""
    secret = json.loads(sm.get_resource_policy(SecretId="s")["ResourcePolicy"])
    of_key = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    of_role = iam.get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]
    return {
        "secret": secret["Statement"][0]["Principal"]["AWS"],
        "key": of_key["Statement"][1]["Principal"]["AWS"],
        "grant": kms.list_grants(KeyId=key)["Grants"][0]["GranteePrincipal"],
        "trust": of_role["Statement"][0]["Principal"]["AWS"],
    }


def test_a_user_made_anew_inherits_nothing(server, sm, kms, iam, doors):
    secret, key, alice = doors
    for attempt in attempts(server, alice, secret, key).values():
        attempt()
    assert set(names_shown(sm, kms, iam, key).values()) == {ALICE}
    old_id = iam.get_user(UserName="alice")["User"]["UserId"]
    delete_user(iam, "alice")
    assert set(names_shown(sm, kms, iam, key).values()) == {old_id}
    anew = make_user(iam, "alice")
    let_in_nowhere(attempts(server, anew, secret, key))
    assert set(names_shown(sm, kms, iam, key).values()) == {old_id}


def test_a_renamed_user_keeps_what_it_had_and_its_sessions(server, sm, kms, iam, doors):
    secret, key, alice = doors
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy(allow("secretsmanager:*")))
    made = client(server, service="sts", credentials=alice).get_session_token()["Credentials"]
    temporary = Credentials(made["AccessKeyId"], made["SecretAccessKey"], session_token=made["SessionToken"])
    session = client(server, credentials=temporary)
    assert session.get_secret_value(SecretId="s")["SecretString"] == "v"
    iam.update_user(UserName="alice", NewUserName="alicia", NewPath="/people/")
    assert session.get_secret_value(SecretId="s")["SecretString"] == "v"
    assert session.list_secrets()["SecretList"]
    for attempt in attempts(server, alice, secret, key).values():
        attempt()
    now = f"arn:aws:iam::{ACCOUNT}:user/people/alicia"
    assert set(names_shown(sm, kms, iam, key).values()) == {now}
    other = make_user(iam, "alice")
    let_in_nowhere(attempts(server, other, secret, key))


def test_nothing_is_told_of_another_accounts_users(server, sm, iam, stranger_credentials):
    theirs = client(server, service="iam", credentials=stranger_credentials)
    bob = f"arn:aws:iam::{OTHER_ACCOUNT}:user/bob"
    text = policy(named(bob, "secretsmanager:DescribeSecret", Resource="*"))
    secret = sm.create_secret(Name="s", SecretString="v")["ARN"]

    def shown() -> str:
        return sm.get_resource_policy(SecretId="s")["ResourcePolicy"]

    def describe(credentials: Credentials) -> None:
        client(server, credentials=credentials).describe_secret(SecretId=secret)

    sm.put_resource_policy(SecretId="s", ResourcePolicy=text)
    assert shown() == text
    everything = {"PolicyName": "p", "PolicyDocument": policy(allow("*"))}
    credentials = make_user(theirs, "bob")
    theirs.put_user_policy(UserName="bob", **everything)
    with refused("AccessDeniedException"):
        describe(credentials)
    sm.put_resource_policy(SecretId="s", ResourcePolicy=text)
    describe(credentials)
    theirs.update_user(UserName="bob", NewUserName="rob")
    describe(credentials)
    assert shown() == text
    theirs.delete_user_policy(UserName="rob", PolicyName="p")
    delete_user(theirs, "rob")
    assert shown() == text


def test_the_cli_makes_and_shows_a_role(server):
    def run(*arguments: str) -> dict:
        environment = {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": ROOT.access_key_id,
            "AWS_SECRET_ACCESS_KEY": ROOT.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_MAX_ATTEMPTS": "1",
        }
        command = [sys.executable, "-m", "awscli", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    made = run("iam", "create-role", "--role-name", "app", "--assume-role-policy-document", trust())
    assert made["Role"]["AssumeRolePolicyDocument"] == json.loads(trust())
    run("iam", "put-role-policy", "--role-name", "app", "--policy-name", "p", "--policy-document", policy(allow("*")))
    assert run("iam", "list-role-policies", "--role-name", "app")["PolicyNames"] == ["p"]
    run("iam", "create-instance-profile", "--instance-profile-name", "machine")
    both = ["--instance-profile-name", "machine", "--role-name", "app"]
    run("iam", "add-role-to-instance-profile", *both)
    profiles = run("iam", "list-instance-profiles-for-role", "--role-name", "app")["InstanceProfiles"]
    assert [profile["InstanceProfileName"] for profile in profiles] == ["machine"]
    run("iam", "create-open-id-connect-provider", "--url", "https://id.example.com", "--client-id-list", "a")
    assert len(run("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]) == 1

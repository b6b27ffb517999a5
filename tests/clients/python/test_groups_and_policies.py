"""Groups, managed policies and permissions boundaries by boto3 and the AWS CLI: what they let users do, and no more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from aws import client, refused
from server import ACCOUNT, REGION, ROOT, Credentials

READ_WRITE = "arn:aws:iam::aws:policy/SecretsManagerReadWrite"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*", **condition) -> dict:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


@pytest.fixture
def alice(iam) -> Credentials:
    """A user without policies."""
    iam.create_user(UserName="alice")
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


@pytest.fixture
def reads(server, sm, alice):
    """Whether alice may read a secret."""
    sm.create_secret(Name="s", SecretString="v")
    own = client(server, credentials=alice)

    def reads() -> bool:
        try:
            return own.get_secret_value(SecretId="s")["SecretString"] == "v"
        except own.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException", error
            return False

    return reads


def test_a_group_speaks_for_its_users(iam, reads):
    made = iam.create_group(GroupName="readers", Path="/teams/")["Group"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/teams/readers"
    iam.attach_group_policy(GroupName="readers", PolicyArn=READ_WRITE)
    assert not reads()
    iam.add_user_to_group(GroupName="readers", UserName="alice")
    assert reads()
    iam.update_group(GroupName="readers", NewGroupName="staff")
    assert reads()
    group = iam.get_group(GroupName="staff")
    assert [user["UserName"] for user in group["Users"]] == ["alice"]
    assert group["Group"] == made | {"GroupName": "staff", "Arn": f"arn:aws:iam::{ACCOUNT}:group/teams/staff"}
    assert iam.list_groups_for_user(UserName="alice")["Groups"] == [group["Group"]]
    attached = iam.list_attached_group_policies(GroupName="staff")["AttachedPolicies"]
    assert attached == [{"PolicyName": "SecretsManagerReadWrite", "PolicyArn": READ_WRITE}]
    iam.detach_group_policy(GroupName="staff", PolicyArn=READ_WRITE)
    assert not reads()
    iam.put_group_policy(GroupName="staff", PolicyName="p", PolicyDocument=policy(allow("secretsmanager:*")))
    assert reads()
    document = iam.get_group_policy(GroupName="staff", PolicyName="p")["PolicyDocument"]
    assert document == json.loads(policy(allow("secretsmanager:*")))
    assert iam.list_group_policies(GroupName="staff")["PolicyNames"] == ["p"]
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_group(GroupName="staff")
    iam.remove_user_from_group(GroupName="staff", UserName="alice")
    assert not reads()
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        iam.delete_group(GroupName="staff")
    iam.delete_group_policy(GroupName="staff", PolicyName="p")
    iam.delete_group(GroupName="staff")
    assert iam.list_groups()["Groups"] == []
    with refused("NoSuchEntity", "The group with name staff cannot be found.", 404):
        iam.get_group(GroupName="staff")


def test_a_managed_policy_and_its_versions(iam, reads):
    made = iam.create_policy(
        PolicyName="p", Path="/app/", PolicyDocument=policy(allow("iam:GetUser")), Description="first nothing",
        Tags=[{"Key": "a", "Value": "1"}],
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/app/p" and made["DefaultVersionId"] == "v1"
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    assert not reads()
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("secretsmanager:*")), SetAsDefault=True)
    assert second["PolicyVersion"]["VersionId"] == "v2" and second["PolicyVersion"]["IsDefaultVersion"]
    assert reads()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert not reads()
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["AttachmentCount"], found["Description"], found["Tags"]) == (1, "first nothing", made["Tags"])
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert version["Document"] == json.loads(policy(allow("secretsmanager:*"))) and not version["IsDefaultVersion"]
    assert [each["VersionId"] for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2", "v1"]
    users = iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"]
    assert [user["UserName"] for user in users] == ["alice"]
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_user_policy(UserName="alice", PolicyArn=arn)
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.get_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404):
        iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    with refused("MalformedPolicyDocument", "This policy contains invalid Json", 400):
        iam.create_policy(PolicyName="p", PolicyDocument="{")


def test_policies_of_awss_are_listed_and_can_only_be_used(iam, reads):
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 4})
    names = [each["PolicyName"] for page in pages for each in page["Policies"]]
    assert len(names) == len(set(names)) and {"AdministratorAccess", "IAMFullAccess", "PowerUserAccess"} <= set(names)
    for name in names:
        found = next(each for each in iam.list_policies(Scope="AWS")["Policies"] if each["PolicyName"] == name)
        version = iam.get_policy_version(PolicyArn=found["Arn"], VersionId=found["DefaultVersionId"])["PolicyVersion"]
        assert version["Document"]["Statement"], name
    iam.attach_user_policy(UserName="alice", PolicyArn="arn:aws:iam::aws:policy/AWSSecretsManagerClientReadOnlyAccess")
    assert reads()
    iam.attach_user_policy(UserName="alice", PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    assert not reads()
    attached = iam.list_policies(OnlyAttached=True)["Policies"]
    assert [each["PolicyName"] for each in attached] == ["AWSDenyAll", "AWSSecretsManagerClientReadOnlyAccess"]
    with refused("AccessDenied", status=403):
        iam.create_policy_version(PolicyArn=ADMINISTRATOR, PolicyDocument=policy(allow("*")))


def test_a_boundary_is_kept_by_those_who_must_keep_it(server, iam, alice, reads):
    # As the user guide delegates: users may be made and changed, but only within the boundary.
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=policy(allow(["iam:*", "sts:*"])))["Policy"]["Arn"]
    within = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    iam.put_user_policy(
        UserName="alice", PolicyName="delegated",
        PolicyDocument=policy(
            allow(["iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"], **within),
            allow(["iam:CreateAccessKey", "iam:GetUser", "secretsmanager:*"]),
        ),
    )
    own = client(server, service="iam", credentials=alice)
    with refused("AccessDenied", status=403):
        own.create_user(UserName="bob")
    with refused("AccessDenied", status=403):
        own.create_user(UserName="bob", PermissionsBoundary=ADMINISTRATOR)
    made = own.create_user(UserName="bob", PermissionsBoundary=boundary)["User"]
    assert made["PermissionsBoundary"] == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    own.attach_user_policy(UserName="bob", PolicyArn=ADMINISTRATOR)
    for call in (
        lambda: own.attach_user_policy(UserName="alice", PolicyArn=ADMINISTRATOR),
        lambda: own.put_user_policy(UserName="alice", PolicyName="q", PolicyDocument=policy(allow("*"))),
        lambda: own.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=ADMINISTRATOR),
        lambda: own.delete_user_permissions_boundary(UserName="bob"),
        lambda: own.create_policy_version(PolicyArn=boundary, PolicyDocument=policy(allow("*")), SetAsDefault=True),
    ):
        with refused("AccessDenied", status=403):
            call()
    key = own.create_access_key(UserName="bob")["AccessKey"]
    bob = client(server, credentials=Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
    with refused("AccessDeniedException", f"User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: "
                 "secretsmanager:GetSecretValue on resource: s because no permissions boundary allows the "
                 "secretsmanager:GetSecretValue action"):
        bob.get_secret_value(SecretId="s")
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=boundary)
    found = iam.list_entities_for_policy(PolicyArn=boundary, PolicyUsageFilter="PermissionsBoundary")
    assert [user["UserName"] for user in found["PolicyUsers"]] == ["bob"]
    iam.delete_user_permissions_boundary(UserName="bob")
    assert bob.get_secret_value(SecretId="s")["SecretString"] == "v"
    assert "PermissionsBoundary" not in iam.get_user(UserName="bob")["User"]
    assert reads()


def test_who_may_attach_one_policy_attaches_no_other(server, iam, alice):
    iam.put_user_policy(
        UserName="alice", PolicyName="p",
        PolicyDocument=policy(allow("iam:*UserPolicy", ArnEquals={"iam:PolicyARN": READ_WRITE})),
    )
    own = client(server, service="iam", credentials=alice)
    own.attach_user_policy(UserName="alice", PolicyArn=READ_WRITE)
    for arn in (ADMINISTRATOR, READ_WRITE.replace("aws:iam", "aws-cn:iam"), READ_WRITE.lower()):
        with refused("AccessDenied", status=403):
            own.attach_user_policy(UserName="alice", PolicyArn=arn)
    with refused("AccessDenied", status=403):
        own.put_user_policy(UserName="alice", PolicyName="q", PolicyDocument=policy(allow("*")))


def test_an_account_as_a_whole(server, iam, alice, stranger_credentials):
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="alice")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=policy(allow("*")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Groups"], summary["Policies"], summary["GroupsQuota"]) == (1, 1, 1, 300)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Group", "LocalManagedPolicy"], PaginationConfig={"PageSize": 1}))
    users = [each for page in pages for each in page["UserDetailList"]]
    assert [(user["UserName"], user["GroupList"]) for user in users] == [("alice", ["g"])]
    policies = [each for page in pages for each in page["Policies"]]
    assert policies[0]["PolicyVersionList"][0]["Document"] == json.loads(policy(allow("*")))
    assert iam.get_account_authorization_details()["Policies"][1]["PolicyName"] == "AdministratorAccess"
    iam.create_account_alias(AccountAlias="our-team")
    assert iam.list_account_aliases()["AccountAliases"] == ["our-team"]
    with refused("EntityAlreadyExists", "The account alias our-team already exists.", 409):
        client(server, service="iam", credentials=stranger_credentials).create_account_alias(AccountAlias="our-team")
    iam.delete_account_alias(AccountAlias="our-team")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_a_user_is_cleaned_up_as_terraform_does_it(iam, alice):
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="alice")
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_WRITE)
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy(allow("*")))
    for group in iam.list_groups_for_user(UserName="alice")["Groups"]:
        iam.remove_user_from_group(GroupName=group["GroupName"], UserName="alice")
    for each in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="alice", AccessKeyId=each["AccessKeyId"])
    assert iam.list_ssh_public_keys(UserName="alice")["SSHPublicKeys"] == []
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_mfa_devices(UserName="alice")["MFADevices"] == []
    assert iam.list_signing_certificates(UserName="alice")["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName="alice")["ServiceSpecificCredentials"] == []
    for call in (iam.get_login_profile, iam.delete_login_profile):
        with refused("NoSuchEntity", "Login Profile for User alice cannot be found.", 404):
            call(UserName="alice")
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_user(UserName="alice")
    for each in iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="alice", PolicyArn=each["PolicyArn"])
    for name in iam.list_user_policies(UserName="alice")["PolicyNames"]:
        iam.delete_user_policy(UserName="alice", PolicyName=name)
    iam.delete_user(UserName="alice")


def test_the_cli_keeps_groups_and_policies(server, iam, reads):
    def run(*arguments: str):
        environment = {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": ROOT.access_key_id,
            "AWS_SECRET_ACCESS_KEY": ROOT.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_MAX_ATTEMPTS": "1",
        }
        command = [sys.executable, "-m", "awscli", "iam", *arguments, "--output", "json"]
        ended = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout else None

    run("create-group", "--group-name", "g")
    document = policy(allow("secretsmanager:*"))
    arn = run("create-policy", "--policy-name", "p", "--policy-document", document)["Policy"]["Arn"]
    run("attach-group-policy", "--group-name", "g", "--policy-arn", arn)
    run("add-user-to-group", "--group-name", "g", "--user-name", "alice")
    assert reads()
    version = run("get-policy-version", "--policy-arn", arn, "--version-id", "v1")["PolicyVersion"]
    assert version["Document"] == json.loads(document)
    entities = run("list-entities-for-policy", "--policy-arn", arn)
    assert [each["GroupName"] for each in entities["PolicyGroups"]] == ["g"]
    assert run("get-account-summary")["SummaryMap"]["Groups"] == 1

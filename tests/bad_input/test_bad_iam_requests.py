"""IAM and STS: every operation with every member broken: an error of AWS's, and nothing changes."""

from __future__ import annotations

import urllib.parse

import boto3
import botocore.session
import pytest

from query_protocol import complaints
from server import ACCOUNT, REGION, ROOT
from wire import Signer, Wire

FORM = "application/x-www-form-urlencoded; charset=utf-8"
POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
USER = {"UserName": "standing"}
GROUP = {"GroupName": "standing"}
OWN_POLICY = {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/standing"}
AWS_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
PAGE = {"MaxItems": "1", "Marker": "x"}

# What each operation takes; `KEY` stands for the user's access key.
VALID = {
    "CreateAccessKey": USER,
    "CreateUser": {"UserName": "new", "Path": "/", "Tags.member.1.Key": "k", "Tags.member.1.Value": "v"},
    "DeleteAccessKey": USER | {"AccessKeyId": "KEY"},
    "DeleteUser": {"UserName": "standing"},
    "DeleteUserPolicy": USER | {"PolicyName": "p"},
    "GetUser": USER,
    "GetUserPolicy": USER | {"PolicyName": "p"},
    "ListAccessKeys": USER | {"MaxItems": "1", "Marker": "x"},
    "ListUserPolicies": USER | {"MaxItems": "1", "Marker": "x"},
    "ListUserTags": USER | {"MaxItems": "1", "Marker": "x"},
    "ListUsers": {"PathPrefix": "/", "MaxItems": "1", "Marker": "x"},
    "PutUserPolicy": USER | {"PolicyName": "q", "PolicyDocument": POLICY},
    "TagUser": USER | {"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"},
    "UntagUser": USER | {"TagKeys.member.1": "a"},
    "UpdateAccessKey": USER | {"AccessKeyId": "KEY", "Status": "Inactive"},
    "AddUserToGroup": GROUP | USER,
    "AttachGroupPolicy": GROUP | {"PolicyArn": AWS_POLICY},
    "AttachUserPolicy": USER | {"PolicyArn": AWS_POLICY},
    "CreateAccountAlias": {"AccountAlias": "new-alias"},
    "CreateGroup": {"GroupName": "new", "Path": "/"},
    "CreatePolicy": {
        "PolicyName": "new", "Path": "/x/", "PolicyDocument": POLICY, "Tags.member.1.Key": "k", "Tags.member.1.Value": "v",
    },
    "CreatePolicyVersion": OWN_POLICY | {"PolicyDocument": POLICY, "SetAsDefault": "true"},
    "DeleteAccountAlias": {"AccountAlias": "standing"},
    "DeleteGroup": {"GroupName": "empty"},
    "DeleteGroupPolicy": GROUP | {"PolicyName": "p"},
    "DeleteLoginProfile": USER,
    "DeletePolicy": {"PolicyArn": OWN_POLICY["PolicyArn"] + "2"},
    "DeletePolicyVersion": OWN_POLICY | {"VersionId": "v2"},
    "DeleteUserPermissionsBoundary": USER,
    "DetachGroupPolicy": GROUP | OWN_POLICY,
    "DetachUserPolicy": USER | OWN_POLICY,
    "GetAccountAuthorizationDetails": {"Filter.member.1": "User"} | PAGE,
    "GetAccountSummary": {},
    "GetGroup": GROUP | PAGE,
    "GetGroupPolicy": GROUP | {"PolicyName": "p"},
    "GetLoginProfile": USER,
    "GetPolicy": OWN_POLICY,
    "GetPolicyVersion": OWN_POLICY | {"VersionId": "v1"},
    "ListAccountAliases": PAGE,
    "ListAttachedGroupPolicies": GROUP | {"PathPrefix": "/"} | PAGE,
    "ListAttachedUserPolicies": USER | {"PathPrefix": "/"} | PAGE,
    "ListEntitiesForPolicy": OWN_POLICY | {
        "EntityFilter": "User", "PathPrefix": "/", "PolicyUsageFilter": "PermissionsPolicy",
    } | PAGE,
    "ListGroupPolicies": GROUP | PAGE,
    "ListGroups": {"PathPrefix": "/"} | PAGE,
    "ListGroupsForUser": USER | PAGE,
    "ListMFADevices": USER | PAGE,
    "ListPolicies": {
        "Scope": "Local", "OnlyAttached": "true", "PathPrefix": "/", "PolicyUsageFilter": "PermissionsBoundary",
    } | PAGE,
    "ListPolicyTags": OWN_POLICY | PAGE,
    "ListPolicyVersions": OWN_POLICY | PAGE,
    "ListSSHPublicKeys": USER | PAGE,
    "ListServiceSpecificCredentials": USER | PAGE,
    "ListSigningCertificates": USER | PAGE,
    "ListVirtualMFADevices": {"AssignmentStatus": "Any"} | PAGE,
    "PutGroupPolicy": GROUP | {"PolicyName": "q", "PolicyDocument": POLICY},
    "PutUserPermissionsBoundary": USER | {"PermissionsBoundary": AWS_POLICY},
    "RemoveUserFromGroup": GROUP | USER,
    "SetDefaultPolicyVersion": OWN_POLICY | {"VersionId": "v2"},
    "TagPolicy": OWN_POLICY | {"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"},
    "UntagPolicy": OWN_POLICY | {"TagKeys.member.1": "a"},
    "UpdateGroup": GROUP | {"NewGroupName": "other", "NewPath": "/x/"},
    "UpdateUser": USER | {"NewUserName": "other", "NewPath": "/x/"},
    "GetAccessKeyInfo": {"AccessKeyId": "KEY"},
}
ROLE = {"RoleName": "standing"}
PROFILE = {"InstanceProfileName": "standing"}
PROVIDER = {"OpenIDConnectProviderArn": "arn:aws:iam::123456789012:oidc-provider/id.example.com"}
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}'
VALID |= {
    "AddRoleToInstanceProfile": ROLE | PROFILE,
    "CreateInstanceProfile": {"InstanceProfileName": "new", "Path": "/"},
    "CreateOpenIDConnectProvider": {"Url": "https://new.example.com", "ThumbprintList.member.1": "a" * 40},
    "CreateRole": {
        "RoleName": "new", "AssumeRolePolicyDocument": TRUST, "Path": "/", "MaxSessionDuration": "3600",
        "Tags.member.1.Key": "k", "Tags.member.1.Value": "v",
    },
    "DeleteInstanceProfile": PROFILE,
    "DeleteOpenIDConnectProvider": PROVIDER,
    "DeleteRole": ROLE,
    "DeleteRolePolicy": ROLE | {"PolicyName": "p"},
    "GetInstanceProfile": PROFILE,
    "GetOpenIDConnectProvider": PROVIDER,
    "GetRole": ROLE,
    "GetRolePolicy": ROLE | {"PolicyName": "p"},
    "ListInstanceProfiles": {"PathPrefix": "/"} | PAGE,
    "ListInstanceProfilesForRole": ROLE | PAGE,
    "ListRolePolicies": ROLE | PAGE,
    "ListRoleTags": ROLE | PAGE,
    "ListRoles": {"PathPrefix": "/"} | PAGE,
    "PutRolePolicy": ROLE | {"PolicyName": "q", "PolicyDocument": POLICY},
    "RemoveRoleFromInstanceProfile": ROLE | PROFILE,
    "TagRole": ROLE | {"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"},
    "UntagRole": ROLE | {"TagKeys.member.1": "a"},
    "UpdateAssumeRolePolicy": ROLE | {"PolicyDocument": TRUST},
    "UpdateRole": ROLE | {"MaxSessionDuration": "3600"},
}
REQUIRED = {
    "RoleName", "InstanceProfileName", "OpenIDConnectProviderArn", "AssumeRolePolicyDocument", "Url",
    "UserName", "PolicyName", "PolicyDocument", "Status", "Tags.member.1.Key", "Tags.member.1.Value", "AccessKeyId",
    "GroupName", "PolicyArn", "VersionId", "AccountAlias", "PermissionsBoundary",
}
# The user that these mean where they name none is the caller; root is none, and is told so.
NAME_NONE = {"GetUser"}
REFUSALS = {"ValidationError", "MalformedInput", "MalformedPolicyDocument", "NoSuchEntity", "InvalidInput"}
SIGNATURES = {
    "none": "MissingAuthenticationToken",
    "wrong": "SignatureDoesNotMatch",
    "stranger": "InvalidClientTokenId",
}


def service_of(operation: str) -> str:
    return "sts" if operation.startswith("GetAccessKeyInfo") else "iam"


def broken(operation: str):
    """Each way to break a request, with its name."""
    for member, value in VALID[operation].items():
        without = {name: each for name, each in VALID[operation].items() if name != member}
        if member in REQUIRED and operation not in NAME_NONE:
            yield f"{member} is missing", without
        for how, wrong in {
            "is empty": "",
            "is too long": "a" * 140_000,
            "has a space and a line feed": " \n",
            "is no ASCII": "ü\u2028",
            "holds a NUL": "a\0",
        }.items():
            tag_value = member == "Tags.member.1.Value"
            if tag_value and how != "is too long" or member == "Tags.member.1.Key" and how not in {"is empty", "is too long"}:
                continue  # Tags may be nearly anything.
            if member == "TagKeys.member.1" and how not in {"is empty", "is too long"}:
                continue  # Nor is it wrong to remove what isn't there.
            yield f"{member} {how}", without | {member: wrong}
        if member == "MaxItems":
            for number in ("0", "-1", "1001", "1.5", "x", "9" * 30):
                yield f"{member} is {number}", without | {member: number}
        if ".member.1" not in member:
            yield f"{member} is a list", without | {f"{member}.member.1": value}
            yield f"{member} is a structure", without | {f"{member}.X": value}
    yield "a list and a text at once", VALID[operation] | {"Tags": "x", "Tags.member.1.Key": "k"}


class Standing:
    """A user with a key, a tag and a policy, and what is known of it."""

    def __init__(self, server) -> None:
        self.wires = {service: Wire(server, Signer(service=service)) for service in ("iam", "sts")}
        self.models = {service: botocore.session.get_session().get_service_model(service) for service in self.wires}
        self.iam = boto3.client(
            "iam", region_name=REGION, endpoint_url=server.url,
            aws_access_key_id=ROOT.access_key_id, aws_secret_access_key=ROOT.secret_access_key,
        )
        self.iam.create_user(UserName="standing", Tags=[{"Key": "a", "Value": "1"}])
        self.key = self.iam.create_access_key(UserName="standing")["AccessKey"]["AccessKeyId"]
        self.iam.put_user_policy(UserName="standing", PolicyName="p", PolicyDocument=POLICY)
        arn = OWN_POLICY["PolicyArn"]
        for name in ("standing", "standing2"):
            self.iam.create_policy(PolicyName=name, PolicyDocument=POLICY, Tags=[{"Key": "a", "Value": "1"}])
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=POLICY)
        for name in ("standing", "empty"):
            self.iam.create_group(GroupName=name)
        self.iam.put_group_policy(GroupName="standing", PolicyName="p", PolicyDocument=POLICY)
        self.iam.add_user_to_group(GroupName="standing", UserName="standing")
        self.iam.attach_group_policy(GroupName="standing", PolicyArn=arn)
        self.iam.attach_user_policy(UserName="standing", PolicyArn=arn)
        self.iam.put_user_permissions_boundary(UserName="standing", PermissionsBoundary=arn)
        self.iam.create_account_alias(AccountAlias="standing")
        self.iam.create_role(RoleName="standing", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "1"}])
        self.iam.put_role_policy(RoleName="standing", PolicyName="p", PolicyDocument=POLICY)
        self.iam.create_instance_profile(InstanceProfileName="standing")
        self.iam.create_open_id_connect_provider(Url="https://id.example.com")

    def dump(self):
        iam = self.iam
        return [
            [user["Arn"] for user in iam.list_users()["Users"]],
            iam.list_user_tags(UserName="standing")["Tags"],
            iam.list_access_keys(UserName="standing")["AccessKeyMetadata"],
            [iam.get_user_policy(UserName="standing", PolicyName=name)["PolicyDocument"]
             for name in iam.list_user_policies(UserName="standing")["PolicyNames"]],
            {name: value for name, value in iam.get_account_authorization_details(
                Filter=["User", "Group", "Role", "LocalManagedPolicy"]).items() if name != "ResponseMetadata"},
            iam.list_policy_tags(PolicyArn=OWN_POLICY["PolicyArn"])["Tags"],
            iam.list_account_aliases()["AccountAliases"],
            [[role["Arn"], role["AssumeRolePolicyDocument"], role["MaxSessionDuration"]]
             for role in iam.list_roles()["Roles"]],
            iam.list_role_tags(RoleName="standing")["Tags"],
            iam.list_role_policies(RoleName="standing")["PolicyNames"],
            iam.list_instance_profiles()["InstanceProfiles"],
            iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
        ]

    def call(self, operation: str, request: dict[str, str] | bytes, sign: str = "right"):
        """The answer, and what is wrong with its form."""
        service = service_of(operation)
        model = self.models[service]
        body = request
        if isinstance(request, dict):
            filled = {name: self.key if value == "KEY" else value for name, value in request.items()}
            body = urllib.parse.urlencode({"Action": operation, "Version": model.api_version} | filled).encode()
        answer = self.wires[service].send("POST", "/", {"Content-Type": FORM}, body, sign=sign)
        operation_model = model.operation_model(operation)
        return answer, complaints(operation_model, answer.status, answer.headers, answer.body)


@pytest.fixture
def standing(shared_server):
    shared_server.reset()
    made = Standing(shared_server)
    yield made
    for wire in made.wires.values():
        wire.close()
    made.iam.close()


@pytest.mark.parametrize("operation", VALID)
def test_a_broken_member_is_refused_and_changes_nothing(standing, operation):
    before, wrong = standing.dump(), []
    for name, request in broken(operation):
        answer, malformed = standing.call(operation, request)
        code = next((code for code in REFUSALS if f"<Code>{code}</Code>".encode() in answer.body), None)
        spells_nothing = answer.status == 404 and b"MalformedQueryString" in answer.body
        if malformed or (code is None and not spells_nothing):
            wrong.append(f"{name}: {malformed} {answer.status} {answer.body[:300]!r}")
    assert not wrong, "\n".join(wrong)
    assert standing.dump() == before


@pytest.mark.parametrize("operation", VALID)
def test_the_signature_is_checked_before_anything_else(standing, operation):
    before, wrong = standing.dump(), []
    for sign, code in SIGNATURES.items():
        for name, request in [("right", VALID[operation]), ("nothing", {}), *list(broken(operation))[:6]]:
            answer, malformed = standing.call(operation, request, sign)
            if malformed or answer.status != 403 or f"<Code>{code}</Code>".encode() not in answer.body:
                wrong.append(f"{sign}, {name}: {malformed} {answer.status} {answer.body[:300]!r}")
    assert not wrong, "\n".join(wrong)
    assert standing.dump() == before


@pytest.mark.parametrize("body", [b"", b"&&&", b"=", b"%", b"Action=GetUser", b"Version=2010-05-08", b"Action=&Version=2010-05-08",
                                  b"Action=GetUser&Version=2010-05-08&A=%ff", b"Action=Get%20User&Version=2010-05-08",
                                  b"Action=GetUser&Version=2010-05-08&" + b"A." * 20_000 + b"A=1",
                                  b"Action=GetUser&Version=2010-05-08&A=1&A.B=1", b'{"Action": "GetUser"}'])
def test_a_body_that_is_no_request_is_refused(standing, body):
    answer, malformed = standing.call("GetUser", body)
    assert not malformed, (malformed, answer.body)
    assert answer.status in {400, 404}, answer.body

"""KMS's management of keys: making, listing, naming, tagging, policies, rotation, grants, other accounts."""

from __future__ import annotations

import datetime
import json

import pytest
from aws import client, members, refused
from botocore.exceptions import ClientError
from server import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
STRANGER_ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:root"


def made(kms, **spec) -> dict:
    """A new key's metadata."""
    return kms.create_key(**spec)["KeyMetadata"]


def policy(*statements: dict) -> str:
    """A key policy that lets the owner do everything, and more statements."""
    own = {"Sid": "own", "Effect": "Allow", "Principal": {"AWS": ROOT_ARN}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})


def allow(*actions: str, principal: str = STRANGER_ARN, effect: str = "Allow", **condition) -> dict:
    """A statement of a key policy."""
    statement = {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*"}
    return statement | ({"Condition": condition} if condition else {})


# --- Making and describing ------------------------------------------------------------------------

SPECS = [
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", ["SYMMETRIC_DEFAULT"]),
    ("HMAC_224", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_224"]),
    ("HMAC_512", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_512"]),
    ("RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]),
    ("ECC_NIST_P384", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_384"]),
    ("ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]),
]


@pytest.mark.parametrize(("spec", "usage", "member", "algorithms"), SPECS, ids=[f"{spec[0]}-{spec[1]}" for spec in SPECS])
def test_a_key_describes_itself(kms, spec, usage, member, algorithms):
    key = made(kms, KeySpec=spec, KeyUsage=usage, Description="of the shop")
    symmetric = spec == "SYMMETRIC_DEFAULT"
    assert key["Arn"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key['KeyId']}"
    assert members(key) == {
        "AWSAccountId", "KeyId", "Arn", "CreationDate", "Enabled", "Description", "KeyUsage", "KeyState", "Origin",
        "KeyManager", "CustomerMasterKeySpec", "KeySpec", "MultiRegion", member,
    } | ({"CurrentKeyMaterialId"} if symmetric else set())
    assert (key["AWSAccountId"], key["KeySpec"], key["CustomerMasterKeySpec"], key["KeyUsage"]) == (ACCOUNT, spec, spec, usage)
    assert (key["KeyState"], key["Enabled"], key["Origin"], key["KeyManager"], key["MultiRegion"]) == (
        "Enabled", True, "AWS_KMS", "CUSTOMER", False,
    )
    assert (key["Description"], sorted(key[member])) == ("of the shop", algorithms)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == key


BAD_SPECS = {
    "an asymmetric key without a usage": ({"KeySpec": "RSA_2048"}, "ValidationException"),
    "a curve that encrypts": ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "ENCRYPT_DECRYPT"}, "ValidationException"),
    "a symmetric key that signs": ({"KeyUsage": "SIGN_VERIFY"}, "ValidationException"),
    "a code that encrypts": ({"KeySpec": "HMAC_256", "KeyUsage": "ENCRYPT_DECRYPT"}, "ValidationException"),
    "in several regions": ({"MultiRegion": True}, "UnsupportedOperationException"),
    "in a store of keys": ({"CustomKeyStoreId": "cks-1234567890abcdef0"}, {"UnsupportedOperationException", "CustomKeyStoreNotFoundException", "ValidationException"}),
    "another spec in the old member": ({"KeySpec": "RSA_2048", "CustomerMasterKeySpec": "RSA_3072", "KeyUsage": "SIGN_VERIFY"}, "ValidationException"),
    "a policy that is no JSON": ({"Policy": "nonsense"}, "MalformedPolicyDocumentException"),
    "a policy that locks its maker out": (
        {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow("kms:*")]})}, "MalformedPolicyDocumentException",
    ),
    "a reserved tag": ({"Tags": [{"TagKey": "aws:x", "TagValue": "v"}]}, "TagException"),
    "a tag twice": ({"Tags": [{"TagKey": "k", "TagValue": "v"}] * 2}, "TagException"),
}


@pytest.mark.parametrize("case", BAD_SPECS)
def test_a_key_that_cannot_be_is_refused(kms, case):
    spec, code = BAD_SPECS[case]
    if isinstance(code, str) and code == "ValidationException":
        code = {"ValidationException", "UnsupportedOperationException"}
    with refused(code):
        kms.create_key(**spec)
    assert kms.list_keys()["Keys"] == []


def test_everything_is_listed_page_by_page(kms):
    keys = sorted(made(kms)["Arn"] for _ in range(7))
    for number in range(5):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=keys[0])
        kms.create_grant(KeyId=keys[0], GranteePrincipal=ROOT_ARN, RetiringPrincipal=ROOT_ARN, Operations=["Decrypt"])
        kms.tag_resource(KeyId=keys[0].rsplit("/")[-1], Tags=[{"TagKey": f"k{number}", "TagValue": ""}])
        kms.rotate_key_on_demand(KeyId=keys[0])

    def paged(operation: str, result: str, **request) -> list:
        pages = list(kms.get_paginator(operation).paginate(**request, PaginationConfig={"PageSize": 2}))
        assert len(pages) >= 3 and all(len(page[result]) <= 2 for page in pages)
        assert [page["Truncated"] for page in pages] == [True] * (len(pages) - 1) + [False]
        return [item for page in pages for item in page[result]]

    assert sorted(key["KeyArn"] for key in paged("list_keys", "Keys")) == keys
    assert all(key["KeyArn"].endswith("/" + key["KeyId"]) for key in kms.list_keys()["Keys"])
    aliases = paged("list_aliases", "Aliases", KeyId=keys[0])
    assert [alias["AliasName"] for alias in aliases] == [f"alias/{number}" for number in range(5)]
    assert {alias["TargetKeyId"] for alias in aliases} == {keys[0].rsplit("/")[-1]}
    assert len({grant["GrantId"] for grant in paged("list_grants", "Grants", KeyId=keys[0])}) == 5
    assert len({grant["GrantId"] for grant in paged("list_retirable_grants", "Grants", RetiringPrincipal=ROOT_ARN)}) == 5
    assert [tag["TagKey"] for tag in paged("list_resource_tags", "Tags", KeyId=keys[0])] == [f"k{n}" for n in range(5)]
    assert len(paged("list_key_rotations", "Rotations", KeyId=keys[0])) == 5
    assert kms.list_key_policies(KeyId=keys[0])["PolicyNames"] == ["default"]
    with refused("InvalidMarkerException"):
        kms.list_keys(Marker="nonsense")


# --- Aliases, tags, descriptions ------------------------------------------------------------------


def test_an_alias_goes_from_key_to_key(kms):
    one, two = made(kms), made(kms)
    base = one["Arn"].rsplit(":", 1)[0]
    kms.create_alias(AliasName="alias/app", TargetKeyId=one["Arn"])
    with refused("AlreadyExistsException", f"An alias with the name {base}:alias/app already exists"):
        kms.create_alias(AliasName="alias/app", TargetKeyId=two["KeyId"])
    kms.update_alias(AliasName="alias/app", TargetKeyId=two["KeyId"])
    (alias,) = kms.list_aliases(KeyId=two["KeyId"])["Aliases"]
    assert (alias["AliasArn"], alias["TargetKeyId"]) == (f"{base}:alias/app", two["KeyId"])
    assert alias["LastUpdatedDate"] >= alias["CreationDate"]
    assert kms.list_aliases(KeyId=one["KeyId"])["Aliases"] == []
    signing = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    with refused("KMSInvalidStateException"):
        kms.update_alias(AliasName="alias/app", TargetKeyId=signing["KeyId"])
    kms.delete_alias(AliasName="alias/app")
    for call in (
        lambda: kms.delete_alias(AliasName="alias/app"),
        lambda: kms.update_alias(AliasName="alias/app", TargetKeyId=one["KeyId"]),
    ):
        with refused("NotFoundException", f"Alias {base}:alias/app is not found."):
            call()
    with refused({"NotAuthorizedException", "InvalidAliasNameException", "ValidationException", "AccessDeniedException"}):
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=one["KeyId"])
    with refused({"InvalidAliasNameException", "ValidationException"}):
        kms.create_alias(AliasName="app", TargetKeyId=one["KeyId"])


def test_tags_and_descriptions_change(kms):
    key = made(kms, Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": ""}, {"TagKey": "a", "TagValue": "2"}])
    tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]}
    assert tags == {"a": "2", "b": ""}
    kms.untag_resource(KeyId=key, TagKeys=["a", "nothing"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": ""}]
    with refused("TagException"):
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "aws:x", "TagValue": "v"}])
    kms.update_key_description(KeyId=key, Description="new")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "new"
    kms.update_key_description(KeyId=key, Description="")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == ""


# --- Rotation -------------------------------------------------------------------------------------


def test_rotation_is_planned_done_and_told(kms, server):
    key = made(kms)
    unchecked = client(server, service="kms", validate=False)
    status = kms.get_key_rotation_status(KeyId=key["KeyId"])
    assert members(status) >= {"KeyRotationEnabled", "KeyId"} and status["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key["KeyId"])
    status = kms.get_key_rotation_status(KeyId=key["KeyId"])
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)
    assert status["KeyId"] in (key["KeyId"], key["Arn"])
    due = status["NextRotationDate"] - key["CreationDate"]
    assert datetime.timedelta(days=364) < due < datetime.timedelta(days=366)
    kms.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=90)
    server.advance(days=89)
    assert kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"] == []
    server.advance(days=2)
    (rotation,) = kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"]
    assert rotation["RotationType"] == "AUTOMATIC"
    kms.disable_key_rotation(KeyId=key["KeyId"])
    server.advance(days=500)
    assert len(kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"]) == 1
    everything = kms.list_key_rotations(KeyId=key["KeyId"], IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert len(everything) == 2
    for period in (89, 2561):
        with refused("ValidationException"):
            unchecked.enable_key_rotation(KeyId=key["KeyId"], RotationPeriodInDays=period)
    for spec, usage in (("HMAC_256", "GENERATE_VERIFY_MAC"), ("RSA_2048", "SIGN_VERIFY")):
        other = made(kms, KeySpec=spec, KeyUsage=usage)["KeyId"]
        for call in (kms.enable_key_rotation, kms.rotate_key_on_demand):
            with refused("UnsupportedOperationException"):
                call(KeyId=other)
        assert kms.get_key_rotation_status(KeyId=other)["KeyRotationEnabled"] is False


def test_rotations_on_demand_are_limited(kms):
    key = made(kms)["KeyId"]
    count = 0
    with pytest.raises(kms.exceptions.LimitExceededException):
        for count in range(30):
            kms.rotate_key_on_demand(KeyId=key)
    assert count in (10, 25)


# --- Policies and other accounts ------------------------------------------------------------------


def test_a_policy_is_kept_as_it_was_given(kms):
    key = made(kms)["KeyId"]
    default = kms.get_key_policy(KeyId=key, PolicyName="default")
    assert default["PolicyName"] == "default"
    (statement,) = json.loads(default["Policy"])["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"AWS": ROOT_ARN}, "kms:*")
    given = policy(allow("kms:Decrypt"))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=given)
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == json.loads(given)
    for bad in (
        "nonsense", "{}", policy() + "x",
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}),
        policy(allow("kms:Decrypt", effect="Perhaps")),
    ):
        with refused("MalformedPolicyDocumentException"):
            kms.put_key_policy(KeyId=key, Policy=bad)
    locked = json.dumps({"Version": "2012-10-17", "Statement": [allow("kms:*")]})
    with refused("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future."):
        kms.put_key_policy(KeyId=key, Policy=locked)
    with refused("NotFoundException"):
        kms.get_key_policy(KeyId=key, PolicyName="another")
    # Whoever wants to lock himself out may.
    kms.put_key_policy(KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)
    with refused("AccessDeniedException"):
        kms.get_key_policy(KeyId=key)
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key, Plaintext=b"p")


def test_another_account_uses_a_key_only_where_its_policy_allows_it(kms, kms_stranger):
    key = made(kms)
    kms.create_alias(AliasName="alias/shared", TargetKeyId=key["KeyId"])
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"p")["CiphertextBlob"]
    missing = key["Arn"][:-12] + "0" * 12
    for arn in (key["Arn"], missing):
        with refused("AccessDeniedException"):
            kms_stranger.describe_key(KeyId=arn)
        with refused("AccessDeniedException"):
            kms_stranger.encrypt(KeyId=arn, Plaintext=b"p")
    with refused("AccessDeniedException"):
        kms_stranger.decrypt(CiphertextBlob=blob)
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(allow("kms:Decrypt", "kms:Encrypt", "kms:DescribeKey")))
    assert kms_stranger.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"
    assert kms_stranger.describe_key(KeyId=key["Arn"])["KeyMetadata"]["Arn"] == key["Arn"]
    alias_arn = key["Arn"].rsplit(":", 1)[0] + ":alias/shared"
    assert kms_stranger.encrypt(KeyId=alias_arn, Plaintext=b"p")["KeyId"] == key["Arn"]
    for name in (key["KeyId"], "alias/shared"):
        with refused("NotFoundException"):
            kms_stranger.encrypt(KeyId=name, Plaintext=b"p")
    with refused("AccessDeniedException"):
        kms_stranger.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256")
    for call in (
        lambda: kms_stranger.disable_key(KeyId=key["Arn"]),
        lambda: kms_stranger.schedule_key_deletion(KeyId=key["Arn"]),
        lambda: kms_stranger.put_key_policy(KeyId=key["Arn"], Policy=policy()),
        lambda: kms_stranger.create_grant(KeyId=key["Arn"], GranteePrincipal=STRANGER_ARN, Operations=["Decrypt"]),
    ):
        with refused("AccessDeniedException"):
            call()
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy())
    with refused("AccessDeniedException"):
        kms_stranger.decrypt(CiphertextBlob=blob)


CONDITIONS = {
    "encryption context": ({"StringEquals": {"kms:EncryptionContext:team": "a"}}, {"EncryptionContext": {"team": "a"}}, {}),
    "a key of the encryption context": (
        {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "team"}}, {"EncryptionContext": {"team": "z"}}, {},
    ),
    "account": ({"StringEquals": {"kms:CallerAccount": OTHER_ACCOUNT}}, {}, None),
    "algorithm": ({"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}, {}, None),
    "another account": ({"StringEquals": {"kms:CallerAccount": ACCOUNT}}, None, {}),
    "through a service": ({"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}, None, {}),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_a_condition_of_a_key_policy_is_in_force(kms, kms_stranger, case):
    condition, passes, fails = CONDITIONS[case]
    key = made(kms)
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(allow("kms:Encrypt", **condition)))
    if passes is not None:
        kms_stranger.encrypt(KeyId=key["Arn"], Plaintext=b"p", **passes)
    if fails is not None:
        with refused("AccessDeniedException"):
            kms_stranger.encrypt(KeyId=key["Arn"], Plaintext=b"p", **fails)


def test_a_denial_is_stronger_than_everything(kms):
    key = made(kms)["KeyId"]
    denial = allow("kms:Decrypt", principal="*", effect="Deny")
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    kms.put_key_policy(KeyId=key, Policy=policy(denial))
    with refused("AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob)
    kms.encrypt(KeyId=key, Plaintext=b"p")


def test_keys_of_another_region_are_other_keys(kms, server):
    key = made(kms)
    elsewhere = client(server, service="kms", region=OTHER_REGION)
    assert elsewhere.list_keys()["Keys"] == []
    with refused("NotFoundException"):
        elsewhere.describe_key(KeyId=key["KeyId"])


# --- Grants ---------------------------------------------------------------------------------------


def test_a_grant_lets_its_grantee_do_what_it_says_and_no_more(kms, kms_stranger):
    key = made(kms)
    arn = key["Arn"]
    grant = kms.create_grant(
        KeyId=key["KeyId"],
        GranteePrincipal=STRANGER_ARN,
        RetiringPrincipal=STRANGER_ARN,
        Operations=["Encrypt", "Decrypt", "RetireGrant"],
        Constraints={"EncryptionContextSubset": {"team": "a"}},
        Name="for-the-stranger",
    )
    blob = kms_stranger.encrypt(KeyId=arn, Plaintext=b"p", EncryptionContext={"team": "a", "x": "y"})["CiphertextBlob"]
    opened = kms_stranger.decrypt(
        CiphertextBlob=blob, EncryptionContext={"team": "a", "x": "y"}, GrantTokens=[grant["GrantToken"]]
    )
    assert opened["Plaintext"] == b"p"
    for context in ({}, {"team": "b"}):
        with refused("AccessDeniedException"):
            kms_stranger.encrypt(KeyId=arn, Plaintext=b"p", EncryptionContext=context)
    with refused("AccessDeniedException"):
        kms_stranger.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext={"team": "a"})
    (listed,) = kms.list_grants(KeyId=key["KeyId"])["Grants"]
    assert (listed["GrantId"], listed["Name"], listed["GranteePrincipal"], listed["RetiringPrincipal"]) == (
        grant["GrantId"], "for-the-stranger", STRANGER_ARN, STRANGER_ARN,
    )
    assert set(listed["Operations"]) == {"Encrypt", "Decrypt", "RetireGrant"}
    assert listed["Constraints"] == {"EncryptionContextSubset": {"team": "a"}}
    assert listed["IssuingAccount"] in (ACCOUNT, ROOT_ARN) and listed["KeyId"] in (key["KeyId"], arn)
    # The same once more is the same grant.
    again = kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=STRANGER_ARN, RetiringPrincipal=STRANGER_ARN,
        Operations=["Encrypt", "Decrypt", "RetireGrant"], Constraints={"EncryptionContextSubset": {"team": "a"}},
        Name="for-the-stranger",
    )
    assert again["GrantId"] == grant["GrantId"]
    assert kms.list_grants(KeyId=key["KeyId"], GranteePrincipal=ROOT_ARN)["Grants"] == []
    assert [g["GrantId"] for g in kms_stranger.list_retirable_grants(RetiringPrincipal=STRANGER_ARN)["Grants"]] == [grant["GrantId"]]
    kms_stranger.retire_grant(KeyId=arn, GrantId=grant["GrantId"])
    with refused("AccessDeniedException"):
        kms_stranger.decrypt(CiphertextBlob=blob, EncryptionContext={"team": "a", "x": "y"})
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []


def test_a_revoked_grant_is_no_grant(kms, kms_stranger):
    key = made(kms)
    grant = kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=STRANGER_ARN, Operations=["GenerateDataKey", "DescribeKey"],
        Constraints={"EncryptionContextEquals": {"a": "1"}},
    )
    kms_stranger.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256", EncryptionContext={"a": "1"})
    with refused("AccessDeniedException"):
        kms_stranger.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256", EncryptionContext={"a": "1", "b": "2"})
    with refused("AccessDeniedException"):
        kms_stranger.revoke_grant(KeyId=key["Arn"], GrantId=grant["GrantId"])
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=grant["GrantId"])
    with refused("AccessDeniedException"):
        kms_stranger.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256", EncryptionContext={"a": "1"})
    with refused("NotFoundException"):
        kms.revoke_grant(KeyId=key["KeyId"], GrantId=grant["GrantId"])


def test_a_grant_is_retired_by_its_token(kms, kms_stranger):
    key = made(kms)
    grant = kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=STRANGER_ARN, RetiringPrincipal=STRANGER_ARN, Operations=["Decrypt"]
    )
    kms_stranger.retire_grant(GrantToken=grant["GrantToken"])
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []
    with refused({"InvalidGrantTokenException", "NotFoundException"}):
        kms_stranger.retire_grant(GrantToken="nonsense")


def test_a_grantee_hands_on_no_more_than_it_has(kms, kms_stranger):
    key = made(kms)
    kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=STRANGER_ARN, Operations=["CreateGrant", "Decrypt"])
    kms_stranger.create_grant(KeyId=key["Arn"], GranteePrincipal=STRANGER_ARN, Operations=["Decrypt"])
    with refused("AccessDeniedException"):
        kms_stranger.create_grant(KeyId=key["Arn"], GranteePrincipal=STRANGER_ARN, Operations=["Encrypt"])


# --- What isn't here ------------------------------------------------------------------------------


def test_operations_that_are_not_here_say_so(kms):
    key = made(kms)["KeyId"]
    for call in (
        lambda: kms.describe_custom_key_stores(),
        lambda: kms.replicate_key(KeyId=key, ReplicaRegion=OTHER_REGION),
        lambda: kms.update_primary_region(KeyId=key, PrimaryRegion=OTHER_REGION),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"]["Code"] == "UnsupportedOperationException"
        assert len(raised.value.response["Error"]["Message"]) > 20


def test_the_key_of_secrets_manager_is_not_the_accounts_to_change(kms, sm):
    sm.create_secret(Name="s", SecretString="v")
    (alias,) = [alias for alias in kms.list_aliases()["Aliases"] if alias["AliasName"] == "alias/aws/secretsmanager"]
    key = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]
    assert (key["KeyId"], key["KeyManager"]) == (alias["TargetKeyId"], "AWS")
    assert key["KeyId"] in [key["KeyId"] for key in kms.list_keys()["Keys"]]
    assert kms.get_key_policy(KeyId=key["KeyId"])["Policy"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True
    for call in (
        lambda: kms.disable_key(KeyId=key["KeyId"]),
        lambda: kms.schedule_key_deletion(KeyId=key["KeyId"]),
        lambda: kms.put_key_policy(KeyId=key["KeyId"], Policy=policy()),
        lambda: kms.encrypt(KeyId=key["KeyId"], Plaintext=b"p"),
        lambda: kms.generate_data_key(KeyId="alias/aws/secretsmanager", KeySpec="AES_256"),
        lambda: kms.delete_alias(AliasName="alias/aws/secretsmanager"),
        lambda: kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "k", "TagValue": "v"}]),
    ):
        with pytest.raises(ClientError):
            call()
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "v"


# --- Words ----------------------------------------------------------------------------------------


def test_refusals_are_in_awss_words(kms, kms_stranger, server):
    key = made(kms)
    arn, base = key["Arn"], key["Arn"].rsplit(":", 1)[0]
    # Another account isn't told which keys there are.
    for resource in (arn, f"{base}:key/11111111-2222-3333-4444-555555555555"):
        with refused(
            "AccessDeniedException",
            f"User: {STRANGER_ARN} is not authorized to perform: kms:Encrypt on resource: {resource} because the "
            "resource does not exist in this Region, no resource-based policies allow access, or a resource-based "
            "policy explicitly denies access",
        ):
            kms_stranger.encrypt(KeyId=resource, Plaintext=b"p")
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(allow("kms:Encrypt", principal="*", effect="Deny")))
    with refused(
        "AccessDeniedException",
        f"User: {ROOT_ARN} is not authorized to perform: kms:Encrypt on resource: {arn} with an explicit deny in a "
        "resource-based policy",
    ):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"p")
    for asked in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        with refused("ValidationException"):
            kms.generate_data_key(KeyId=key["KeyId"], **asked)
    unchecked = client(server, service="kms", validate=False)
    for days in (6, 31, 0, 366):
        with refused("ValidationException"):
            unchecked.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)


def test_only_cryptography_and_descriptions_take_aliases(kms):
    key = made(kms)
    kms.create_alias(AliasName="alias/a", TargetKeyId=key["KeyId"])
    for call in (kms.enable_key, kms.disable_key, kms.list_grants, kms.get_key_rotation_status, kms.list_resource_tags):
        for name in ("alias/a", key["Arn"].rsplit(":", 1)[0] + ":alias/a"):
            with refused({"NotFoundException", "InvalidArnException", "ValidationException"}):
                call(KeyId=name)


ALIASED = {
    "the alias that was asked by": ({"StringEquals": {"kms:RequestAlias": "alias/app"}}, {"alias"}),
    "an alias of the key": ({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}, {"alias", "key"}),
    "no alias of the key": ({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/other"}}, set()),
    "a tag of the key": ({"StringEquals": {"aws:ResourceTag/team": "a"}}, {"alias", "key"}),
    "another tag of the key": ({"StringEquals": {"aws:ResourceTag/team": "b"}}, set()),
}


@pytest.mark.parametrize("case", ALIASED)
def test_a_policy_can_ask_for_aliases_and_tags(kms, kms_stranger, case):
    condition, allowed = ALIASED[case]
    key = made(kms, Tags=[{"TagKey": "team", "TagValue": "a"}])
    kms.create_alias(AliasName="alias/app", TargetKeyId=key["KeyId"])
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(allow("kms:Encrypt", **condition)))
    names = {"key": key["Arn"], "alias": key["Arn"].rsplit(":", 1)[0] + ":alias/app"}
    for kind, name in names.items():
        if kind in allowed:
            kms_stranger.encrypt(KeyId=name, Plaintext=b"p")
        else:
            with refused("AccessDeniedException"):
                kms_stranger.encrypt(KeyId=name, Plaintext=b"p")


def test_a_key_has_no_more_aliases_and_tags_than_aws_allows(kms):
    key = made(kms)["KeyId"]
    for number in range(50):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=key)
    with refused("LimitExceededException"):
        kms.create_alias(AliasName="alias/50", TargetKeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": f"k{number}", "TagValue": "v"} for number in range(50)])
    with refused({"TagException", "LimitExceededException"}):
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "k50", "TagValue": "v"}])

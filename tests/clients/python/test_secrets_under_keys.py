"""Secrets under customers' keys: by which names, with whose permission, and what becomes of them with the key."""

from __future__ import annotations

import json
import subprocess

import pytest
from aws import refused
from botocore.exceptions import ClientError
from server import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, binary, clean_environment

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
STRANGER_ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
VIA = f"secretsmanager.{REGION}.amazonaws.com"
TOKENS = [letter * 32 for letter in "abcdef"]
NOT_ALLOWED = "Access to KMS is not allowed"


def made(kms, **spec) -> dict:
    """A new key's metadata."""
    return kms.create_key(**spec)["KeyMetadata"]


def policy(*statements: dict, own: str = "kms:*") -> str:
    """A key policy that lets its owner do `own`, and more statements."""
    root = {"Effect": "Allow", "Principal": {"AWS": ROOT_ARN}, "Action": own, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})


def statement(effect: str, principal: str, *actions: str, **condition) -> dict:
    """A statement of a key policy."""
    made = {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*"}
    return made | ({"Condition": condition} if condition else {})


def delete(kms, server, key: str) -> None:
    """Deletes a key for good."""
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    server.advance(days=8)
    with refused("NotFoundException"):
        kms.describe_key(KeyId=key)


@pytest.mark.parametrize("kind", ["id", "ARN", "alias", "the alias' ARN"])
def test_a_key_is_chosen_by_any_of_its_names(kms, sm, kind):
    key = made(kms)
    kms.create_alias(AliasName="alias/app", TargetKeyId=key["KeyId"])
    name = {
        "id": key["KeyId"],
        "ARN": key["Arn"],
        "alias": "alias/app",
        "the alias' ARN": key["Arn"].rsplit(":", 1)[0] + ":alias/app",
    }[kind]
    sm.create_secret(Name="s", SecretString="one", KmsKeyId=name)
    assert sm.describe_secret(SecretId="s")["KmsKeyId"] == name
    sm.put_secret_value(SecretId="s", SecretString="two")
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "two"
    (listed,) = sm.list_secrets()["SecretList"]
    assert listed["KmsKeyId"] == name
    kms.disable_key(KeyId=key["KeyId"])
    with refused({"DecryptionFailure", "InvalidRequestException"}):
        sm.get_secret_value(SecretId="s")
    kms.enable_key(KeyId=key["KeyId"])
    assert sm.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "one"


def test_a_new_key_takes_over_the_labelled_versions_only(kms, sm, server):
    old, new = made(kms)["KeyId"], made(kms)["KeyId"]
    sm.create_secret(Name="s", SecretString="forgotten", KmsKeyId=old, ClientRequestToken=TOKENS[0])
    sm.put_secret_value(SecretId="s", SecretString="previous", ClientRequestToken=TOKENS[1])
    sm.put_secret_value(SecretId="s", SecretString="current", ClientRequestToken=TOKENS[2])
    sm.put_secret_value(SecretId="s", SecretString="pending", ClientRequestToken=TOKENS[3], VersionStages=["AWSPENDING"])
    sm.put_secret_value(SecretId="s", SecretString="blue", ClientRequestToken=TOKENS[4], VersionStages=["blue"])
    before = sm.describe_secret(SecretId="s")["VersionIdsToStages"]
    sm.update_secret(SecretId="s", KmsKeyId=new)
    described = sm.describe_secret(SecretId="s")
    assert (described["KmsKeyId"], described["VersionIdsToStages"]) == (new, before)
    delete(kms, server, old)
    for stage, value in (("AWSPREVIOUS", "previous"), ("AWSCURRENT", "current"), ("AWSPENDING", "pending")):
        assert sm.get_secret_value(SecretId="s", VersionStage=stage)["SecretString"] == value
    for lost in ({"VersionId": TOKENS[0]}, {"VersionStage": "blue"}):
        with refused("AccessDeniedException", NOT_ALLOWED):
            sm.get_secret_value(SecretId="s", **lost)
    versions = sm.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]
    assert {version["VersionId"]: version["KmsKeyIds"] for version in versions} == {
        TOKENS[0]: [old], TOKENS[1]: [new], TOKENS[2]: [new], TOKENS[3]: [new], TOKENS[4]: [old],
    }


def test_a_secret_goes_to_a_key_of_its_own_and_back(kms, sm, server):
    key = made(kms)["KeyId"]
    sm.create_secret(Name="s", SecretString="one")
    sm.update_secret(SecretId="s", KmsKeyId=key)
    kms.disable_key(KeyId=key)
    with refused({"DecryptionFailure", "InvalidRequestException"}):
        sm.get_secret_value(SecretId="s")
    kms.enable_key(KeyId=key)
    sm.update_secret(SecretId="s", KmsKeyId="alias/aws/secretsmanager", SecretString="two")
    assert sm.describe_secret(SecretId="s").get("KmsKeyId", "alias/aws/secretsmanager") == "alias/aws/secretsmanager"
    delete(kms, server, key)
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "two"
    assert sm.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "one"


def test_an_alias_that_names_another_key_takes_new_values_there(kms, sm):
    one, two = made(kms)["KeyId"], made(kms)["KeyId"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=one)
    sm.create_secret(Name="s", SecretString="one", KmsKeyId="alias/app", ClientRequestToken=TOKENS[0])
    kms.update_alias(AliasName="alias/app", TargetKeyId=two)
    sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=TOKENS[1])
    kms.disable_key(KeyId=one)
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "two"
    with refused({"DecryptionFailure", "InvalidRequestException"}):
        sm.get_secret_value(SecretId="s", VersionId=TOKENS[0])


# --- Keys that can't be used ----------------------------------------------------------------------

GONE = ("disabled", "pending deletion", "deleted")


def make_unusable(kms, server, key: str, state: str) -> None:
    """Brings a key into a state in which it can't be used."""
    if state == "disabled":
        kms.disable_key(KeyId=key)
    elif state == "pending deletion":
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    else:
        delete(kms, server, key)


@pytest.mark.parametrize("state", GONE)
def test_a_key_that_cannot_be_used_is_told_on_read_and_on_write(kms, sm, server, state):
    key = made(kms)["KeyId"]
    sm.create_secret(Name="s", SecretString="v", KmsKeyId=key, ClientRequestToken=TOKENS[0])
    make_unusable(kms, server, key, state)
    read, write, choose = {
        "deleted": ("AccessDeniedException", "ResourceNotFoundException", "ResourceNotFoundException"),
    }.get(state, ({"DecryptionFailure", "InvalidRequestException"}, "EncryptionFailure", "EncryptionFailure"))
    before = sm.describe_secret(SecretId="s")
    with refused(read):
        sm.get_secret_value(SecretId="s")
    with refused(write):
        sm.put_secret_value(SecretId="s", SecretString="w")
    with refused(write):
        sm.update_secret(SecretId="s", SecretString="w")
    with refused(choose):
        sm.create_secret(Name="t", SecretString="v", KmsKeyId=key)
    with refused(choose):
        sm.create_secret(Name="t", KmsKeyId=key)
    # What isn't about the value goes on.
    after = sm.describe_secret(SecretId="s")
    assert after["VersionIdsToStages"] == before["VersionIdsToStages"]
    sm.update_secret(SecretId="s", Description="d")
    sm.tag_resource(SecretId="s", Tags=[{"Key": "k", "Value": "v"}])
    sm.delete_secret(SecretId="s")
    sm.restore_secret(SecretId="s")
    assert len(sm.list_secrets()["SecretList"]) == 1
    # A secret whose key is lost can be given another one, and new values.
    if state == "deleted":
        new = made(kms)["KeyId"]
        sm.update_secret(SecretId="s", KmsKeyId=new)
        sm.put_secret_value(SecretId="s", SecretString="w")
        assert sm.get_secret_value(SecretId="s")["SecretString"] == "w"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("11111111-2222-3333-4444-555555555555", "ResourceNotFoundException"),
        ("alias/nothing", "ResourceNotFoundException"),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555", "ResourceNotFoundException"),
        (f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:key/11111111-2222-3333-4444-555555555555", "AccessDeniedException"),
        (f"arn:aws:kms:{OTHER_REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
         {"ResourceNotFoundException", "InvalidParameterException"}),
        ("nonsense", {"ResourceNotFoundException", "InvalidParameterException"}),
    ],
)
def test_a_key_that_is_not_there_is_refused(sm, name, code):
    sm.create_secret(Name="s", SecretString="v")
    for call in (
        lambda: sm.create_secret(Name="t", SecretString="v", KmsKeyId=name),
        lambda: sm.update_secret(SecretId="s", KmsKeyId=name),
    ):
        with refused(code):
            call()
    assert [secret["Name"] for secret in sm.list_secrets()["SecretList"]] == ["s"]
    assert "KmsKeyId" not in sm.describe_secret(SecretId="s")


@pytest.mark.parametrize(
    "spec",
    [
        {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
        {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"},
        {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
    ],
    ids=lambda spec: spec["KeySpec"],
)
def test_only_symmetric_keys_keep_secrets(kms, sm, spec):
    key = made(kms, **spec)["KeyId"]
    sm.create_secret(Name="s", SecretString="v")
    for call in (
        lambda: sm.create_secret(Name="t", SecretString="v", KmsKeyId=key),
        lambda: sm.update_secret(SecretId="s", KmsKeyId=key),
    ):
        with refused({"InvalidParameterException", "EncryptionFailure"}):
            call()


def test_a_batch_tells_of_the_one_secret_whose_key_is_disabled(kms, sm):
    one, two = made(kms)["KeyId"], made(kms)["KeyId"]
    for name, more in (("a", {"KmsKeyId": one}), ("b", {"KmsKeyId": two}), ("c", {})):
        sm.create_secret(Name=name, SecretString=name, **more)
    kms.disable_key(KeyId=two)
    answer = sm.batch_get_secret_value(SecretIdList=["a", "b", "c"])
    assert [value["SecretString"] for value in answer["SecretValues"]] == ["a", "c"]
    (error,) = answer["Errors"]
    assert error["SecretId"].startswith(("b", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:b-"))
    assert error["ErrorCode"] in {"DecryptionFailure", "InvalidRequestException"}


def test_a_rotated_key_opens_old_and_new_values(kms, sm, server):
    key = made(kms)["KeyId"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    for number in range(4):
        sm.create_secret(Name=f"s{number}", SecretString=f"v{number}", KmsKeyId=key)
        if number % 2:
            kms.rotate_key_on_demand(KeyId=key)
        else:
            server.advance(days=91)
    for number in range(4):
        assert sm.get_secret_value(SecretId=f"s{number}")["SecretString"] == f"v{number}"


# --- Policies, grants, accounts -------------------------------------------------------------------


def test_the_key_policy_must_allow_the_caller_too(kms, sm):
    key = made(kms)["KeyId"]
    sm.create_secret(Name="s", SecretString="v", KmsKeyId=key)
    kms.put_key_policy(KeyId=key, Policy=policy(statement("Deny", "*", "kms:Decrypt")))
    with refused("AccessDeniedException", NOT_ALLOWED):
        sm.get_secret_value(SecretId="s")
    sm.describe_secret(SecretId="s")
    kms.put_key_policy(KeyId=key, Policy=policy(statement("Deny", "*", "kms:GenerateDataKey")))
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "v"
    for call in (
        lambda: sm.put_secret_value(SecretId="s", SecretString="w"),
        lambda: sm.create_secret(Name="t", SecretString="w", KmsKeyId=key),
        lambda: sm.create_secret(Name="t", KmsKeyId=key),
    ):
        with refused("AccessDeniedException", NOT_ALLOWED):
            call()


ADMIN = [action for action in (
    "kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:DescribeKey", "kms:EnableKey", "kms:DisableKey",
)]


def test_a_key_can_be_for_secrets_manager_alone(kms, sm):
    """kms:ViaService: through the service, and not without it."""
    key = made(kms)["KeyId"]
    through = statement("Allow", ROOT_ARN, "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey",
                        StringEquals={"kms:ViaService": VIA, "kms:CallerAccount": ACCOUNT})
    kms.put_key_policy(KeyId=key, Policy=policy(through, own=ADMIN))
    sm.create_secret(Name="s", SecretString="v", KmsKeyId=key)
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "v"
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key, Plaintext=b"p")
    with refused("AccessDeniedException"):
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    elsewhere = statement("Allow", ROOT_ARN, "kms:*", StringEquals={"kms:ViaService": VIA.replace(REGION, OTHER_REGION)})
    kms.put_key_policy(KeyId=key, Policy=policy(elsewhere, own=ADMIN))
    with refused("AccessDeniedException", NOT_ALLOWED):
        sm.get_secret_value(SecretId="s")


def test_a_key_can_be_for_one_secret_alone(kms, sm):
    """kms:EncryptionContext:SecretARN: the secret's, and no other's."""
    key = made(kms)["KeyId"]
    arn = sm.create_secret(Name="s", SecretString="v", KmsKeyId=key)["ARN"]
    sm.create_secret(Name="t", SecretString="w", KmsKeyId=key)
    one = statement("Allow", ROOT_ARN, "kms:Decrypt", "kms:GenerateDataKey",
                    StringEquals={"kms:EncryptionContext:SecretARN": arn})
    kms.put_key_policy(KeyId=key, Policy=policy(one, own=ADMIN))
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "v"
    sm.put_secret_value(SecretId="s", SecretString="x")
    with refused("AccessDeniedException", NOT_ALLOWED):
        sm.get_secret_value(SecretId="t")
    with refused("AccessDeniedException", NOT_ALLOWED):
        sm.put_secret_value(SecretId="t", SecretString="x")
    like = statement("Allow", ROOT_ARN, "kms:Decrypt", StringLike={"kms:EncryptionContext:SecretARN": "*:secret:t-*"})
    kms.put_key_policy(KeyId=key, Policy=policy(like, own=ADMIN))
    assert sm.get_secret_value(SecretId="t")["SecretString"] == "w"
    with refused("AccessDeniedException", NOT_ALLOWED):
        sm.get_secret_value(SecretId="s")


def test_another_accounts_key_keeps_secrets_where_its_policy_allows_it(kms, sm, kms_stranger, stranger, server):
    key = made(kms)
    for call in (
        lambda: stranger.create_secret(Name="s", SecretString="v", KmsKeyId=key["Arn"]),
        lambda: stranger.create_secret(Name="s", SecretString="v", KmsKeyId=key["Arn"][:-12] + "0" * 12),
    ):
        with refused("AccessDeniedException", NOT_ALLOWED):
            call()
    through = statement(
        "Allow", STRANGER_ARN, "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:DescribeKey",
        StringEquals={"kms:ViaService": VIA, "kms:CallerAccount": OTHER_ACCOUNT},
    )
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(through))
    arn = stranger.create_secret(Name="s", SecretString="v", KmsKeyId=key["Arn"])["ARN"]
    assert arn.split(":")[4] == OTHER_ACCOUNT
    stranger.put_secret_value(SecretId="s", SecretString="w")
    assert stranger.get_secret_value(SecretId="s")["SecretString"] == "w"
    assert stranger.describe_secret(SecretId="s")["KmsKeyId"] == key["Arn"]
    # The key's owner has the key, not the secret.
    with refused("AccessDeniedException"):
        sm.get_secret_value(SecretId=arn)
    with refused("AccessDeniedException"):
        kms_stranger.generate_data_key(KeyId=key["Arn"], KeySpec="AES_256")
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy())
    for call in (
        lambda: stranger.get_secret_value(SecretId="s"),
        lambda: stranger.put_secret_value(SecretId="s", SecretString="x"),
    ):
        with refused("AccessDeniedException", NOT_ALLOWED):
            call()
    # A grant does as well.
    kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=STRANGER_ARN, Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": {"SecretARN": arn}},
    )
    assert stranger.get_secret_value(SecretId="s")["SecretString"] == "w"
    with refused("AccessDeniedException", NOT_ALLOWED):
        stranger.put_secret_value(SecretId="s", SecretString="x")


def test_the_service_key_is_its_accounts_own(sm, stranger):
    """The name `alias/aws/secretsmanager` of another account is nobody's to use."""
    sm.create_secret(Name="s", SecretString="v")
    with pytest.raises(ClientError):
        stranger.create_secret(
            Name="s", SecretString="v", KmsKeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/secretsmanager"
        )


# --- What would be lost with a key ----------------------------------------------------------------


def usage(server, arn: str) -> str:
    """What `strongroom keys usage` prints."""
    done = subprocess.run(
        [str(binary()), "keys", "usage", arn, "--data-dir", str(server.data_dir)],
        env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_operator_can_see_which_secrets_depend_on_a_key(kms, sm, server):
    old, new = made(kms), made(kms)
    kms.create_alias(AliasName="alias/app", TargetKeyId=old["KeyId"])
    arns = [sm.create_secret(Name=f"s{number}", SecretString="v", KmsKeyId="alias/app")["ARN"] for number in range(3)]
    sm.create_secret(Name="other", SecretString="v")
    alias_arn = old["Arn"].rsplit(":", 1)[0] + ":alias/app"
    for name in (old["Arn"], alias_arn):
        told = usage(server, name)
        assert all(arn in told for arn in arns) and "secret:other" not in told
    # One has nothing there any more, one still has a version without a label, one is gone.
    sm.update_secret(SecretId="s0", KmsKeyId=new["KeyId"])
    sm.put_secret_value(SecretId="s1", SecretString="w")
    sm.put_secret_value(SecretId="s1", SecretString="x")
    sm.update_secret(SecretId="s1", KmsKeyId=new["KeyId"])
    sm.delete_secret(SecretId="s2", ForceDeleteWithoutRecovery=True)
    told = usage(server, old["Arn"])
    assert [arn in told for arn in arns] == [False, True, False]
    told = usage(server, new["Arn"])
    assert [arn in told for arn in arns] == [True, True, False]
    before = len(server.output())
    kms.schedule_key_deletion(KeyId=new["KeyId"], PendingWindowInDays=7)
    assert "ScheduleKeyDeletion" in server.output()[before:], "the deletion of a key that secrets depend on is no news"
    before = len(server.output())
    kms.schedule_key_deletion(KeyId=made(kms)["KeyId"], PendingWindowInDays=7)
    assert "ScheduleKeyDeletion" not in server.output()[before:]

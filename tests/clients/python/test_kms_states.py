"""Every operation on a key in every state: what AWS's table "Key states of AWS KMS keys" says."""

from __future__ import annotations

import datetime
import hashlib

import kms_import
import pytest
from botocore.exceptions import ClientError

from server import ACCOUNT

GRANTEE = f"arn:aws:iam::{ACCOUNT}:root"
STATES = ("Enabled", "Disabled", "PendingDeletion", "PendingImport", "deleted")
OK = None
DISABLED, INVALID, NOT_FOUND = "DisabledException", "KMSInvalidStateException", "NotFoundException"
UNSUPPORTED, USAGE = "UnsupportedOperationException", "InvalidKeyUsageException"


class Key:
    """A key that is brought into a state after everything that needs it usable was made with it."""

    def __init__(self, kms, state: str, **spec: str) -> None:
        self.kms, self.state = kms, state
        # A key without material exists only where it is to be imported.
        origin = {"Origin": "EXTERNAL"} if state == "PendingImport" else {}
        made = kms.create_key(**spec, **origin)["KeyMetadata"]
        self.id, self.arn = made["KeyId"], made["Arn"]
        self.usage, self.spec = made["KeyUsage"], made["KeySpec"]
        self.alias = "alias/state"
        kms.create_alias(AliasName=self.alias, TargetKeyId=self.id)
        self.grant = None
        self.blob = self.mac = self.signature = b"x" * 64
        if state != "PendingImport":
            self.grant = kms.create_grant(KeyId=self.id, GranteePrincipal=GRANTEE, Operations=["DescribeKey"])
            self.use()

    def use(self) -> None:
        """Makes something of each kind with it."""
        match self.usage:
            case "ENCRYPT_DECRYPT":
                self.blob = self.kms.encrypt(KeyId=self.id, Plaintext=b"p")["CiphertextBlob"]
            case "GENERATE_VERIFY_MAC":
                self.mac = self.kms.generate_mac(KeyId=self.id, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
            case "SIGN_VERIFY":
                self.signature = self.kms.sign(KeyId=self.id, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]

    def enter(self) -> None:
        """Brings it into its state."""
        if self.state == "Disabled":
            self.kms.disable_key(KeyId=self.id)
        elif self.state in ("PendingDeletion", "deleted"):
            self.kms.schedule_key_deletion(KeyId=self.id, PendingWindowInDays=7)


SYMMETRIC: dict[str, str] = {}
MAC = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
PAIR = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
POLICY = f"""{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
  "Principal": {{"AWS": "arn:aws:iam::{ACCOUNT}:root"}}, "Action": "kms:*", "Resource": "*"}}]}}"""
USES = {"Enabled": OK, "Disabled": DISABLED, "PendingDeletion": INVALID, "PendingImport": INVALID, "deleted": NOT_FOUND}
ALWAYS = {"Enabled": OK, "Disabled": OK, "PendingDeletion": OK, "PendingImport": OK, "deleted": NOT_FOUND}
NOT_PENDING_DELETION = ALWAYS | {"PendingDeletion": INVALID}

# operation: (kind of key, call, what each state says).
OPERATIONS = {
    "Encrypt": (SYMMETRIC, lambda kms, key: kms.encrypt(KeyId=key.id, Plaintext=b"p"), USES),
    # Of a key that never had material there is no ciphertext; of a deleted one it isn't told that it is gone.
    "Decrypt": (
        SYMMETRIC,
        lambda kms, key: kms.decrypt(CiphertextBlob=key.blob),
        USES | {"PendingImport": "InvalidCiphertextException", "deleted": "AccessDeniedException"},
    ),
    "ReEncrypt to": (
        SYMMETRIC,
        lambda kms, key: kms.re_encrypt(
            CiphertextBlob=key.other_blob, DestinationKeyId=key.id
        ),
        USES,
    ),
    "GenerateDataKey": (SYMMETRIC, lambda kms, key: kms.generate_data_key(KeyId=key.id, KeySpec="AES_256"), USES),
    "GenerateDataKeyWithoutPlaintext": (
        SYMMETRIC,
        lambda kms, key: kms.generate_data_key_without_plaintext(KeyId=key.id, NumberOfBytes=16),
        USES,
    ),
    "GenerateDataKeyPair": (
        SYMMETRIC,
        lambda kms, key: kms.generate_data_key_pair(KeyId=key.id, KeyPairSpec="ECC_NIST_P256"),
        USES,
    ),
    "GenerateDataKeyPairWithoutPlaintext": (
        SYMMETRIC,
        lambda kms, key: kms.generate_data_key_pair_without_plaintext(KeyId=key.id, KeyPairSpec="ECC_NIST_P256"),
        USES,
    ),
    "GenerateMac": (MAC, lambda kms, key: kms.generate_mac(KeyId=key.id, Message=b"m", MacAlgorithm="HMAC_SHA_256"), USES),
    "VerifyMac": (
        MAC,
        lambda kms, key: kms.verify_mac(KeyId=key.id, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=key.mac),
        USES,
    ),
    "Sign": (PAIR, lambda kms, key: kms.sign(KeyId=key.id, Message=b"m", SigningAlgorithm="ECDSA_SHA_256"), USES),
    "Verify": (
        PAIR,
        lambda kms, key: kms.verify(
            KeyId=key.id, Message=b"m", SigningAlgorithm="ECDSA_SHA_256", Signature=key.signature
        ),
        USES,
    ),
    "GetPublicKey": (PAIR, lambda kms, key: kms.get_public_key(KeyId=key.id), USES),
    "CreateGrant": (
        SYMMETRIC,
        lambda kms, key: kms.create_grant(KeyId=key.id, GranteePrincipal=GRANTEE, Operations=["Decrypt"]),
        USES,
    ),
    "DescribeKey": (SYMMETRIC, lambda kms, key: kms.describe_key(KeyId=key.id), ALWAYS),
    "GetKeyPolicy": (SYMMETRIC, lambda kms, key: kms.get_key_policy(KeyId=key.id), ALWAYS),
    "ListKeyPolicies": (SYMMETRIC, lambda kms, key: kms.list_key_policies(KeyId=key.id), ALWAYS),
    "ListGrants": (SYMMETRIC, lambda kms, key: kms.list_grants(KeyId=key.id), ALWAYS),
    "ListResourceTags": (SYMMETRIC, lambda kms, key: kms.list_resource_tags(KeyId=key.id), ALWAYS),
    "ListAliases": (SYMMETRIC, lambda kms, key: kms.list_aliases(KeyId=key.id), ALWAYS),
    "PutKeyPolicy": (SYMMETRIC, lambda kms, key: kms.put_key_policy(KeyId=key.id, Policy=POLICY), NOT_PENDING_DELETION),
    "TagResource": (
        SYMMETRIC,
        lambda kms, key: kms.tag_resource(KeyId=key.id, Tags=[{"TagKey": "k", "TagValue": "v"}]),
        NOT_PENDING_DELETION,
    ),
    "UntagResource": (SYMMETRIC, lambda kms, key: kms.untag_resource(KeyId=key.id, TagKeys=["k"]), NOT_PENDING_DELETION),
    "UpdateKeyDescription": (
        SYMMETRIC,
        lambda kms, key: kms.update_key_description(KeyId=key.id, Description="d"),
        NOT_PENDING_DELETION,
    ),
    "CreateAlias": (
        SYMMETRIC,
        lambda kms, key: kms.create_alias(AliasName="alias/another", TargetKeyId=key.id),
        NOT_PENDING_DELETION,
    ),
    "UpdateAlias": (
        SYMMETRIC,
        lambda kms, key: kms.update_alias(AliasName="alias/of-another", TargetKeyId=key.id),
        NOT_PENDING_DELETION,
    ),
    "EnableKey": (
        SYMMETRIC,
        lambda kms, key: kms.enable_key(KeyId=key.id),
        NOT_PENDING_DELETION | {"PendingImport": INVALID},
    ),
    "DisableKey": (
        SYMMETRIC,
        lambda kms, key: kms.disable_key(KeyId=key.id),
        NOT_PENDING_DELETION | {"PendingImport": INVALID},
    ),
    "ScheduleKeyDeletion": (
        SYMMETRIC,
        lambda kms, key: kms.schedule_key_deletion(KeyId=key.id, PendingWindowInDays=30),
        NOT_PENDING_DELETION,
    ),
    "CancelKeyDeletion": (
        SYMMETRIC,
        lambda kms, key: kms.cancel_key_deletion(KeyId=key.id),
        USES | {"Enabled": INVALID, "Disabled": INVALID, "PendingDeletion": OK},
    ),
    "EnableKeyRotation": (
        SYMMETRIC, lambda kms, key: kms.enable_key_rotation(KeyId=key.id), USES | {"PendingImport": UNSUPPORTED}
    ),
    "DisableKeyRotation": (
        SYMMETRIC, lambda kms, key: kms.disable_key_rotation(KeyId=key.id), USES | {"PendingImport": UNSUPPORTED}
    ),
    "GetKeyRotationStatus": (
        SYMMETRIC, lambda kms, key: kms.get_key_rotation_status(KeyId=key.id), ALWAYS
    ),
    "RotateKeyOnDemand": (SYMMETRIC, lambda kms, key: kms.rotate_key_on_demand(KeyId=key.id), USES | {"PendingImport": UNSUPPORTED}),
    "GetParametersForImport": (
        SYMMETRIC,
        lambda kms, key: kms.get_parameters_for_import(
            KeyId=key.id, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
        ),
        dict.fromkeys(STATES, UNSUPPORTED) | {"PendingImport": OK, "deleted": NOT_FOUND},
    ),
    "DeleteImportedKeyMaterial": (
        SYMMETRIC,
        lambda kms, key: kms.delete_imported_key_material(KeyId=key.id),
        dict.fromkeys(STATES, UNSUPPORTED) | {"PendingImport": OK, "deleted": NOT_FOUND},
    ),
    "RevokeGrant": (
        SYMMETRIC,
        lambda kms, key: kms.revoke_grant(KeyId=key.id, GrantId=key.grant["GrantId"] if key.grant else "0" * 64),
        ALWAYS | {"PendingImport": NOT_FOUND},
    ),
    "DeleteAlias": (SYMMETRIC, lambda kms, key: kms.delete_alias(AliasName=key.alias), ALWAYS),
}


@pytest.mark.parametrize("state", STATES)
def test_what_a_key_in_this_state_can_be_used_for(server, kms, state):
    wrong = []
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    other_blob = kms.encrypt(KeyId=other, Plaintext=b"p")["CiphertextBlob"]
    kms.create_alias(AliasName="alias/of-another", TargetKeyId=other)
    keys = []
    for name, (spec, call, expected) in OPERATIONS.items():
        key = Key(kms, state, **spec)
        key.enter()
        key.other_blob = other_blob
        kms.delete_alias(AliasName=key.alias)
        if name == "DeleteAlias":
            if state == "PendingDeletion":
                continue  # An alias can't be given to such a key any more, only taken.
        keys.append((name, key, call, expected[state]))
    if state == "deleted":
        server.advance(days=8)
    for name, key, call, expected in keys:
        if name == "DeleteAlias" and state != "deleted":
            kms.create_alias(AliasName=key.alias, TargetKeyId=key.id)
        try:
            call(kms, key)
            said, text = OK, ""
        except ClientError as error:
            said, text = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if said != expected:
            wrong.append(f"{name} with a key that is {state}: {said} {text!r} instead of {expected}")
        if said == DISABLED and text != f"{key.arn} is disabled.":
            wrong.append(f"{name}: {text!r}")
        if said == INVALID and state == "PendingDeletion" and text != f"{key.arn} is pending deletion.":
            wrong.append(f"{name}: {text!r}")
        if said == NOT_FOUND and state == "deleted" and name != "DeleteAlias" and text != f"Key '{key.arn}' does not exist":
            wrong.append(f"{name}: {text!r}")
    assert not wrong, "\n".join(wrong)


def test_a_ciphertext_of_a_deleted_key_tells_only_that_it_cannot_be_opened(server, kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    server.advance(days=7, seconds=1)
    with pytest.raises(ClientError) as raised:
        kms.decrypt(CiphertextBlob=blob)
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    assert raised.value.response["Error"]["Message"] == (
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
        "or you are not allowed to access."
    )


def test_a_key_goes_through_its_states(server, kms):
    key = kms.create_key(Description="d")["KeyMetadata"]
    described = lambda: kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]  # noqa: E731
    assert (key["KeyState"], key["Enabled"]) == ("Enabled", True)
    kms.disable_key(KeyId=key["KeyId"])
    kms.disable_key(KeyId=key["KeyId"])
    assert (described()["KeyState"], described()["Enabled"]) == ("Disabled", False)
    kms.enable_key(KeyId=key["Arn"])
    kms.enable_key(KeyId=key["KeyId"])
    assert described()["KeyState"] == "Enabled"
    planned = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=10)
    assert (planned["KeyId"], planned["KeyState"], planned["PendingWindowInDays"]) == (
        key["Arn"], "PendingDeletion", 10,
    )
    left = planned["DeletionDate"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=9, hours=23) < left < datetime.timedelta(days=11)
    pending = described()
    assert (pending["KeyState"], pending["Enabled"], pending["DeletionDate"]) == (
        "PendingDeletion", False, planned["DeletionDate"],
    )
    server.advance(days=9)
    assert kms.cancel_key_deletion(KeyId=key["KeyId"])["KeyId"] == key["Arn"]
    again = described()
    assert again["KeyState"] == "Disabled" and "DeletionDate" not in again
    # What was planned before doesn't happen any more.
    server.advance(days=2)
    kms.enable_key(KeyId=key["KeyId"])
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"p")
    assert kms.schedule_key_deletion(KeyId=key["KeyId"])["PendingWindowInDays"] == 30
    server.advance(days=31)
    with pytest.raises(kms.exceptions.NotFoundException):
        described()
    assert kms.list_keys()["Keys"] == []


def test_an_expired_material_awaits_its_import(server, kms):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    material = hashlib.sha256(b"material").digest()
    now = server_now(server)
    kms_import.give(kms, key, material, ValidTo=now + datetime.timedelta(days=30))
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (described["KeyState"], described["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_EXPIRES")
    assert abs(described["ValidTo"] - now - datetime.timedelta(days=30)) < datetime.timedelta(seconds=2)
    server.advance(days=31)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.decrypt(CiphertextBlob=blob)
    kms_import.give(kms, key, material)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


def server_now(server) -> datetime.datetime:
    """The server's clock."""
    return datetime.datetime.fromtimestamp(server.now(), datetime.timezone.utc)

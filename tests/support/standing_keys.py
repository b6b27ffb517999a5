"""Keys of each kind on a server, and a good request of each operation of KMS to them.

Keys' ids, ciphertexts and tokens are made anew with each server, so the requests name them by
placeholders such as `@key`, which `StandingKeys.call` replaces.
"""

from __future__ import annotations

import base64
import hashlib
import json

import kms_import
from server import ACCOUNT, Server
from wire import Answer, Signer, Wire

# A value that must never come back in an error.
MARK = "MARKED-VALUE-5d8e0a"
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"
PLAINTEXT = base64.b64encode(MARK.encode()).decode()
CONTEXT = {"team": "a"}
POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT_ARN}, "Action": "kms:*", "Resource": "*"}],
})
TAGS = [{"TagKey": "k", "TagValue": "v"}]

VALID: dict[str, dict] = {
    "CancelKeyDeletion": {"KeyId": "@going"},
    "CreateAlias": {"AliasName": "alias/made-by-bad-input", "TargetKeyId": "@key"},
    "CreateGrant": {
        "KeyId": "@key",
        "GranteePrincipal": ROOT_ARN,
        "RetiringPrincipal": ROOT_ARN,
        "Operations": ["Decrypt"],
        "Constraints": {"EncryptionContextSubset": CONTEXT},
        "Name": "made-by-bad-input",
    },
    "CreateKey": {
        "Policy": POLICY,
        "Description": "d",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
        "BypassPolicyLockoutSafetyCheck": False,
        "Tags": TAGS,
        "MultiRegion": False,
    },
    "Decrypt": {
        "CiphertextBlob": "@blob",
        "EncryptionContext": CONTEXT,
        "KeyId": "@key",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    },
    "DeleteAlias": {"AliasName": "alias/standing"},
    "DeleteImportedKeyMaterial": {"KeyId": "@external"},
    "DescribeKey": {"KeyId": "@key"},
    "DisableKey": {"KeyId": "@key"},
    "DisableKeyRotation": {"KeyId": "@key"},
    "EnableKey": {"KeyId": "@key"},
    "EnableKeyRotation": {"KeyId": "@key", "RotationPeriodInDays": 90},
    "Encrypt": {
        "KeyId": "@key",
        "Plaintext": PLAINTEXT,
        "EncryptionContext": CONTEXT,
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    },
    "GenerateDataKey": {"KeyId": "@key", "EncryptionContext": CONTEXT, "KeySpec": "AES_256"},
    "GenerateDataKeyPair": {"KeyId": "@key", "KeyPairSpec": "ECC_NIST_P256", "EncryptionContext": CONTEXT},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyId": "@key", "KeyPairSpec": "ECC_NIST_P256", "EncryptionContext": CONTEXT},
    "GenerateDataKeyWithoutPlaintext": {"KeyId": "@key", "EncryptionContext": CONTEXT, "KeySpec": "AES_128"},
    "GenerateMac": {"KeyId": "@codes", "Message": PLAINTEXT, "MacAlgorithm": "HMAC_SHA_256"},
    "GenerateRandom": {"NumberOfBytes": 16},
    "GetKeyPolicy": {"KeyId": "@key", "PolicyName": "default"},
    "GetKeyRotationStatus": {"KeyId": "@key"},
    "GetParametersForImport": {
        "KeyId": "@external", "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
    },
    "GetPublicKey": {"KeyId": "@signing"},
    "ImportKeyMaterial": {
        "KeyId": "@external",
        "ImportToken": "@import-token",
        "EncryptedKeyMaterial": "@material",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    },
    "ListAliases": {"KeyId": "@key", "Limit": 5},
    "ListGrants": {"KeyId": "@key", "Limit": 5, "GranteePrincipal": ROOT_ARN},
    "ListKeyPolicies": {"KeyId": "@key", "Limit": 5},
    "ListKeyRotations": {"KeyId": "@key", "Limit": 5, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"},
    "ListKeys": {"Limit": 5},
    "ListResourceTags": {"KeyId": "@key", "Limit": 5},
    "ListRetirableGrants": {"RetiringPrincipal": ROOT_ARN, "Limit": 5},
    "PutKeyPolicy": {
        "KeyId": "@key", "PolicyName": "default", "Policy": POLICY, "BypassPolicyLockoutSafetyCheck": False,
    },
    "ReEncrypt": {
        "CiphertextBlob": "@blob",
        "SourceEncryptionContext": CONTEXT,
        "SourceKeyId": "@key",
        "DestinationKeyId": "@key",
        "DestinationEncryptionContext": CONTEXT,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    },
    "RetireGrant": {"KeyId": "@arn", "GrantId": "@grant"},
    "RevokeGrant": {"KeyId": "@key", "GrantId": "@grant"},
    "RotateKeyOnDemand": {"KeyId": "@key"},
    "ScheduleKeyDeletion": {"KeyId": "@key", "PendingWindowInDays": 7},
    "Sign": {"KeyId": "@signing", "Message": PLAINTEXT, "MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"},
    "TagResource": {"KeyId": "@key", "Tags": TAGS},
    "UntagResource": {"KeyId": "@key", "TagKeys": ["k"]},
    "UpdateAlias": {"AliasName": "alias/standing", "TargetKeyId": "@other"},
    "UpdateKeyDescription": {"KeyId": "@key", "Description": "d"},
    "Verify": {
        "KeyId": "@signing",
        "Message": PLAINTEXT,
        "MessageType": "RAW",
        "Signature": "@signature",
        "SigningAlgorithm": "ECDSA_SHA_256",
    },
    "VerifyMac": {"KeyId": "@codes", "Message": PLAINTEXT, "MacAlgorithm": "HMAC_SHA_256", "Mac": "@code"},
}

class StandingKeys:
    """Keys of each kind, that no refused request may change."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.wire = Wire(server, Signer(service="kms"))
        self.names: dict[str, str] = {}
        self.built = ""

    def build(self) -> None:
        """Empties the server and fills it again."""
        self.server.reset()
        self.names = {}
        ok = self._ok
        key = ok("CreateKey", {"Description": "standing", "Tags": TAGS})["KeyMetadata"]
        ids = {
            "key": key,
            "other": ok("CreateKey", {})["KeyMetadata"],
            "going": ok("CreateKey", {})["KeyMetadata"],
            "codes": ok("CreateKey", {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"})["KeyMetadata"],
            "signing": ok("CreateKey", {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"})["KeyMetadata"],
            "external": ok("CreateKey", {"Origin": "EXTERNAL"})["KeyMetadata"],
        }
        self.names = {f"@{name}": made["KeyId"] for name, made in ids.items()} | {"@arn": key["Arn"]}
        ok("CreateAlias", {"AliasName": "alias/standing", "TargetKeyId": "@key"})
        grant = ok("CreateGrant", VALID["CreateGrant"] | {"Name": "standing"})
        ok("RotateKeyOnDemand", {"KeyId": "@key"})
        ok("ScheduleKeyDeletion", {"KeyId": "@going"})
        parameters = ok("GetParametersForImport", VALID["GetParametersForImport"])
        public = {"PublicKey": base64.b64decode(parameters["PublicKey"])}
        material = kms_import.wrapped(public, "RSAES_OAEP_SHA_256", hashlib.sha256(b"material").digest())
        self.names |= {
            "@blob": ok("Encrypt", VALID["Encrypt"])["CiphertextBlob"],
            "@code": ok("GenerateMac", VALID["GenerateMac"])["Mac"],
            "@signature": ok("Sign", VALID["Sign"])["Signature"],
            "@grant": grant["GrantId"],
            "@grant-token": grant["GrantToken"],
            "@import-token": parameters["ImportToken"],
            "@material": base64.b64encode(material).decode(),
        }
        self.built = self.dump()

    def _ok(self, operation: str, request: dict):
        answer = self.call(operation, request)
        assert answer.status == 200, (operation, answer.body)
        return answer.json if answer.body else None

    def call(self, operation: str, request: dict | bytes, **how: str) -> Answer:
        """One call, with what the placeholders stand for."""
        return self.wire.call(operation, self.filled(request), **how)

    def filled(self, request: dict | bytes) -> bytes:
        """A request's body, with what the placeholders stand for."""
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        for name, value in self.names.items():
            body = body.replace(json.dumps(name).encode(), json.dumps(value).encode())
        return body

    def dump(self) -> str:
        """All that can be seen of the store, but its dates."""
        seen = {"aliases": self._ok("ListAliases", {}), "keys": self._ok("ListKeys", {})}
        for key in seen["keys"]["Keys"]:
            named = {"KeyId": key["KeyId"]}
            for operation in ("DescribeKey", "GetKeyPolicy", "ListResourceTags", "ListGrants", "GetKeyRotationStatus"):
                seen[f"{operation} {key['KeyId']}"] = self._ok(operation, named)
        symmetric = {"KeyId": self.names["@key"], "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
        seen["rotations"] = self._ok("ListKeyRotations", symmetric)
        seen["plaintext"] = self._ok("Decrypt", VALID["Decrypt"])
        return json.dumps(seen, sort_keys=True, indent=1)

"""What the bad requests to KMS are made from."""

from __future__ import annotations

from bad_requests import Catalogue
from standing_keys import CONTEXT, PLAINTEXT, VALID

# Operations that this deployment doesn't have, each with a good request.
REFUSED_AS_A_WHOLE: dict[str, dict] = {
    "ConnectCustomKeyStore": {"CustomKeyStoreId": "cks-1"},
    "CreateCustomKeyStore": {"CustomKeyStoreName": "n"},
    "Decapsulate": {"KeyId": "@key", "SharedSecretCiphertextBlob": PLAINTEXT, "EncapsulationAlgorithm": "ML_KEM"},
    "DeleteCustomKeyStore": {"CustomKeyStoreId": "cks-1"},
    "DeriveSharedSecret": {"KeyId": "@key", "KeyAgreementAlgorithm": "ECDH", "PublicKey": PLAINTEXT},
    "DescribeCustomKeyStores": {},
    "DisconnectCustomKeyStore": {"CustomKeyStoreId": "cks-1"},
    "Encapsulate": {"KeyId": "@key", "EncapsulationAlgorithm": "ML_KEM"},
    "GetKeyLastUsage": {"KeyId": "@key"},
    "ReplicateKey": {"KeyId": "@key", "ReplicaRegion": "eu-west-1"},
    "UpdateCustomKeyStore": {"CustomKeyStoreId": "cks-1"},
    "UpdatePrimaryRegion": {"KeyId": "@key", "PrimaryRegion": "eu-west-1"},
}

KMS = Catalogue(
    service="kms",
    valid=VALID,
    samples={
        "Constraints": {"EncryptionContextEquals": CONTEXT},
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "DryRun": False,
        "GrantId": "@grant",
        "GrantToken": "@grant-token",
        "GrantTokens": ["@grant-token"],
        "ImportType": "NEW_KEY_MATERIAL",
        "KeyId": "@key",
        "KeyMaterialDescription": "d",
        "Marker": "nonsense",
        "NumberOfBytes": 16,
        "PendingWindowInDays": 7,
        "ValidTo": 4102444800,
    },
    refused_as_a_whole=REFUSED_AS_A_WHOLE,
    unknown_operations=frozenset(),
    # What nothing here can use: refused with its own words, wherever it is well-formed.
    unknown_members=frozenset({
        "CustomKeyStoreId", "DryRunModifiers", "GranteeServicePrincipal", "KeyMaterialId", "Recipient", "ResourceOwners",
        "RetiringServicePrincipal", "XksKeyId",
    }),
    instead_of={
        ("GenerateDataKey", "NumberOfBytes"): ["KeySpec"],
        ("GenerateDataKeyWithoutPlaintext", "NumberOfBytes"): ["KeySpec"],
        ("CreateKey", "CustomerMasterKeySpec"): ["KeySpec"],
        ("ImportKeyMaterial", "ValidTo"): ["ExpirationModel"],
        ("RetireGrant", "GrantToken"): ["KeyId", "GrantId"],
    },
)

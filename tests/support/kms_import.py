"""The client's side of importing key material, by the `cryptography` package."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import padding


def wrapped(parameters: dict, algorithm: str, material: bytes) -> bytes:
    """`material` as `algorithm` encrypts it to the public key of GetParametersForImport's answer."""
    public = serialization.load_der_public_key(parameters["PublicKey"])
    digest = hashes.SHA1 if algorithm.endswith("SHA_1") else hashes.SHA256
    oaep = padding.OAEP(padding.MGF1(digest()), digest(), None)
    if algorithm.startswith("RSAES_OAEP"):
        return public.encrypt(material, oaep)
    assert algorithm.startswith("RSA_AES_KEY_WRAP"), algorithm
    key = os.urandom(32)
    return public.encrypt(key, oaep) + keywrap.aes_key_wrap_with_padding(key, material)


def give(kms, key_id: str, material: bytes, algorithm: str = "RSAES_OAEP_SHA_256", spec: str = "RSA_2048", **more):
    """Imports material into a key; without `ValidTo` it never expires."""
    parameters = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)
    if "ValidTo" not in more:
        more.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    return kms.import_key_material(
        KeyId=key_id,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrapped(parameters, algorithm, material),
        **more,
    )

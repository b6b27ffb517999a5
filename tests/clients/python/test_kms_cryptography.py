"""What KMS computes, checked with other implementations: the `cryptography` package and Python's own."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import os
import uuid

import kms_import
import pytest
from aws import client, refused
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from server import OTHER_REGION
from wire import Signer, Wire

CONTEXT = {"purpose": "test", "Größe": "42 €", "empty": "e"}


def made(kms, **spec) -> str:
    """A new key's id."""
    return kms.create_key(**spec)["KeyMetadata"]["KeyId"]


# --- Symmetric keys -------------------------------------------------------------------------------


@pytest.mark.parametrize("plaintext", [b"p", b"\x00" * 4096, bytes(range(256))], ids=["short", "longest", "binary"])
def test_what_was_encrypted_is_decrypted(kms, plaintext):
    key = kms.create_key()["KeyMetadata"]
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=plaintext, EncryptionContext=CONTEXT)
    assert (sealed["KeyId"], sealed["EncryptionAlgorithm"]) == (key["Arn"], "SYMMETRIC_DEFAULT")
    assert plaintext not in sealed["CiphertextBlob"] or len(plaintext) == 1
    for named in ({}, {"KeyId": key["KeyId"]}, {"KeyId": key["Arn"]}):
        opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=CONTEXT, **named)
        assert (opened["Plaintext"], opened["KeyId"], opened["EncryptionAlgorithm"]) == (
            plaintext, key["Arn"], "SYMMETRIC_DEFAULT",
        )
        assert opened["KeyMaterialId"] == key["CurrentKeyMaterialId"]


def test_the_same_plaintext_never_gives_the_same_ciphertext(kms):
    key = made(kms)
    blobs = {kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"] for _ in range(20)}
    assert len(blobs) == 20


def test_the_encryption_context_must_be_the_same_to_the_letter(kms):
    key = made(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={"a": "1", "b": "2"})["CiphertextBlob"]
    for context in ({}, {"a": "1"}, {"a": "1", "b": "2", "c": "3"}, {"A": "1", "b": "2"}, {"a": "2", "b": "1"}, {"a": "1", "b": "2 "}):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    # Its order is nothing.
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"b": "2", "a": "1"})["Plaintext"] == b"p"
    with refused("ValidationException"):
        kms.encrypt(KeyId=key, Plaintext=b"p", EncryptionContext={"a": "x" * 9000})


def test_a_changed_or_foreign_ciphertext_is_refused(kms, server):
    key, other = made(kms), made(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"a plaintext")["CiphertextBlob"]
    for at in range(len(blob)):
        changed = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1:]
        # A changed name of a key is a key that isn't there.
        with refused({"InvalidCiphertextException", "AccessDeniedException"}):
            kms.decrypt(CiphertextBlob=changed)
    for changed in (blob[:-1], blob + b"x", blob[1:], b"x", b"\x00" * 6144):
        with refused({"InvalidCiphertextException", "AccessDeniedException"}):
            kms.decrypt(CiphertextBlob=changed)
    with refused("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."):
        kms.decrypt(CiphertextBlob=blob, KeyId=other)
    elsewhere = client(server, service="kms", region=OTHER_REGION)
    with refused({"AccessDeniedException", "InvalidCiphertextException"}):
        elsewhere.decrypt(CiphertextBlob=blob)


@pytest.mark.parametrize(
    ("asked", "size"),
    [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1}, 1), ({"NumberOfBytes": 1024}, 1024)],
    ids=str,
)
def test_a_data_key_opens_what_it_sealed(kms, asked, size):
    key = kms.create_key()["KeyMetadata"]
    data_key = kms.generate_data_key(KeyId=key["KeyId"], EncryptionContext=CONTEXT, **asked)
    assert (len(data_key["Plaintext"]), data_key["KeyId"]) == (size, key["Arn"])
    opened = kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == data_key["Plaintext"]
    hidden = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], **asked)
    assert "Plaintext" not in hidden
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == size


def test_an_envelope_of_a_client_can_be_opened_later(kms, server):
    key = made(kms)
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    data_key = kms.generate_data_key(KeyId="alias/app", KeySpec="AES_256", EncryptionContext={"file": "1"})
    nonce = os.urandom(12)
    envelope = (data_key["CiphertextBlob"], nonce, AESGCM(data_key["Plaintext"]).encrypt(nonce, b"a file", b""))
    kms.rotate_key_on_demand(KeyId=key)
    server.advance(days=400)
    kms.update_alias(AliasName="alias/app", TargetKeyId=made(kms))
    wrapped, nonce, sealed = envelope
    opened = kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={"file": "1"})["Plaintext"]
    assert AESGCM(opened).decrypt(nonce, sealed, b"") == b"a file"


def test_a_ciphertext_is_moved_to_another_key_and_context(kms):
    one, two = (kms.create_key()["KeyMetadata"] for _ in range(2))
    blob = kms.encrypt(KeyId=one["KeyId"], Plaintext=b"p", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=two["KeyId"],
        DestinationEncryptionContext={"b": "2"},
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (one["Arn"], two["Arn"])
    kms.disable_key(KeyId=one["KeyId"])
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"p", two["Arn"])
    with refused("InvalidCiphertextException"):
        kms.re_encrypt(CiphertextBlob=moved["CiphertextBlob"], DestinationKeyId=two["KeyId"])
    kms.enable_key(KeyId=one["KeyId"])
    with refused("IncorrectKeyException"):
        kms.re_encrypt(
            CiphertextBlob=moved["CiphertextBlob"],
            SourceEncryptionContext={"b": "2"},
            SourceKeyId=one["KeyId"],
            DestinationKeyId=two["KeyId"],
        )


def test_rotated_keys_open_all_that_they_ever_sealed(kms, server):
    key = made(kms)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    sealed = {}
    for number in range(6):
        answer = kms.encrypt(KeyId=key, Plaintext=b"%d" % number)
        sealed[number] = answer["CiphertextBlob"]
        if number % 2:
            kms.rotate_key_on_demand(KeyId=key)
        else:
            server.advance(days=91)
    materials = set()
    for number, blob in sealed.items():
        opened = kms.decrypt(CiphertextBlob=blob)
        assert opened["Plaintext"] == b"%d" % number
        materials.add(opened["KeyMaterialId"])
    assert len(materials) == 6
    rotations = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert len(rotations) == 6
    assert {rotation["RotationType"] for rotation in rotations} == {"AUTOMATIC", "ON_DEMAND"}
    current = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert current not in materials
    assert kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"])["KeyMaterialId"] == current


def test_random_bytes_are_as_many_as_asked(kms):
    seen = {kms.generate_random(NumberOfBytes=size)["Plaintext"] for size in (1, 32, 32, 1024)}
    assert sorted(len(plaintext) for plaintext in seen) == [1, 32, 32, 1024]


def test_a_dry_run_does_everything_but_the_work(kms):
    key = made(kms)
    with refused("DryRunOperationException", "The request would have succeeded, but the DryRun option is set."):
        kms.encrypt(KeyId=key, Plaintext=b"p", DryRun=True)
    kms.disable_key(KeyId=key)
    with refused("DisabledException"):
        kms.encrypt(KeyId=key, Plaintext=b"p", DryRun=True)


# --- Keys of another kind -------------------------------------------------------------------------


def test_a_key_does_only_what_it_is_for(kms):
    symmetric = made(kms)
    mac = made(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    signing = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    encrypting = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    usage = "InvalidKeyUsageException"
    for key in (mac, signing):
        with refused(usage):
            kms.encrypt(KeyId=key, Plaintext=b"p")
        with refused(usage):
            kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    with refused(usage):
        kms.generate_data_key(KeyId=encrypting, KeySpec="AES_256")
    for key in (symmetric, mac, encrypting):
        with refused(usage):
            kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
    for key in (symmetric, signing):
        with refused(usage):
            kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256")
    # The right use, another key's algorithm.
    with refused(usage):
        kms.sign(KeyId=signing, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")
    with refused(usage):
        kms.generate_mac(KeyId=mac, Message=b"m", MacAlgorithm="HMAC_SHA_512")
    with refused(usage):
        kms.encrypt(KeyId=symmetric, Plaintext=b"p", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    for key in (symmetric, mac):
        with refused("UnsupportedOperationException"):
            kms.get_public_key(KeyId=key)


@pytest.mark.parametrize("bits", ["224", "256", "384", "512"])
def test_a_mac_is_that_of_an_imported_key(kms, bits):
    material = os.urandom(int(bits) // 8)
    key = made(kms, KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC", Origin="EXTERNAL")
    kms_import.give(kms, key, material)
    message = b"a message" * 400
    algorithm = f"HMAC_SHA_{bits}"
    answer = kms.generate_mac(KeyId=key, Message=message, MacAlgorithm=algorithm)
    assert answer["Mac"] == hmac.new(material, message, f"sha{bits}").digest()
    assert answer["MacAlgorithm"] == algorithm
    verified = kms.verify_mac(KeyId=key, Message=message, MacAlgorithm=algorithm, Mac=answer["Mac"])
    assert verified["MacValid"] is True
    for message, mac in ((b"another", answer["Mac"]), (message, answer["Mac"][:-1] + b"x"), (message, answer["Mac"][:-1])):
        with refused("KMSInvalidMacException"):
            kms.verify_mac(KeyId=key, Message=message, MacAlgorithm=algorithm, Mac=mac)


CURVES = {"ECC_NIST_P256": "256", "ECC_NIST_P384": "384", "ECC_NIST_P521": "512", "ECC_SECG_P256K1": "256"}
RSA_ALGORITHMS = [f"RSASSA_{kind}_SHA_{bits}" for kind in ("PSS", "PKCS1_V1_5") for bits in (256, 384, 512)]
DIGESTS = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
MESSAGE = b"a message to sign"


def outside(public_key, algorithm: str):
    """How the `cryptography` package verifies: a function of signature and digest, and the digest's maker."""
    digest = DIGESTS[algorithm[-3:]]
    prehashed = utils.Prehashed(digest())
    if algorithm.startswith("ECDSA"):
        arguments = (ec.ECDSA(prehashed),)
    elif "PSS" in algorithm:
        arguments = (padding.PSS(padding.MGF1(digest()), digest.digest_size), prehashed)
    else:
        arguments = (padding.PKCS1v15(), prehashed)
    return lambda signature, hashed: public_key.verify(signature, hashed, *arguments)


def check_signatures(kms, key: str, algorithm: str) -> None:
    """Signs message and digest; both verify here, outside, and not for anything else."""
    answer = kms.get_public_key(KeyId=key)
    assert algorithm in answer["SigningAlgorithms"] and answer["KeyUsage"] == "SIGN_VERIFY"
    verify = outside(serialization.load_der_public_key(answer["PublicKey"]), algorithm)
    digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
    for message, kind in ((MESSAGE, "RAW"), (digest, "DIGEST")):
        signed = kms.sign(KeyId=key, Message=message, MessageType=kind, SigningAlgorithm=algorithm)
        assert signed["SigningAlgorithm"] == algorithm
        verify(signed["Signature"], digest)
        for other, other_kind in ((MESSAGE, "RAW"), (digest, "DIGEST")):
            verified = kms.verify(
                KeyId=key, Message=other, MessageType=other_kind, SigningAlgorithm=algorithm, Signature=signed["Signature"]
            )
            assert verified["SignatureValid"] is True
        with refused("KMSInvalidSignatureException"):
            kms.verify(KeyId=key, Message=b"another", SigningAlgorithm=algorithm, Signature=signed["Signature"])
    with pytest.raises(InvalidSignature):
        verify(signed["Signature"], hashlib.new(f"sha{algorithm[-3:]}", b"another").digest())
    with refused("ValidationException"):
        kms.sign(KeyId=key, Message=digest[:-1], MessageType="DIGEST", SigningAlgorithm=algorithm)


@pytest.mark.parametrize("spec", CURVES)
def test_signatures_of_curves_verify_outside(kms, spec):
    key = made(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    check_signatures(kms, key, f"ECDSA_SHA_{CURVES[spec]}")


def test_a_signature_of_ed25519_verifies_outside(kms):
    key = made(kms, KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(public, ed25519.Ed25519PublicKey)
    signed = kms.sign(KeyId=key, Message=MESSAGE, SigningAlgorithm="ED25519_SHA_512")["Signature"]
    public.verify(signed, MESSAGE)
    assert kms.verify(KeyId=key, Message=MESSAGE, SigningAlgorithm="ED25519_SHA_512", Signature=signed)["SignatureValid"]


def test_signatures_of_rsa_verify_outside(kms):
    key = made(kms, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    for algorithm in RSA_ALGORITHMS:
        check_signatures(kms, key, algorithm)


@pytest.mark.parametrize("digest", ["SHA_1", "SHA_256"])
def test_what_was_encrypted_outside_by_the_public_key_is_decrypted(kms, digest):
    key = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    answer = kms.get_public_key(KeyId=key)
    assert set(answer["EncryptionAlgorithms"]) == {"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"}
    public = serialization.load_der_public_key(answer["PublicKey"])
    hashed = hashes.SHA1() if digest == "SHA_1" else hashes.SHA256()
    blob = public.encrypt(b"from outside", padding.OAEP(padding.MGF1(hashed), hashed, None))
    algorithm = f"RSAES_OAEP_{digest}"
    assert kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)["Plaintext"] == b"from outside"
    sealed = kms.encrypt(KeyId=key, Plaintext=b"inside", EncryptionAlgorithm=algorithm)["CiphertextBlob"]
    assert kms.decrypt(KeyId=key, CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)["Plaintext"] == b"inside"
    with refused("InvalidCiphertextException"):
        kms.decrypt(KeyId=key, CiphertextBlob=b"x" * 256, EncryptionAlgorithm=algorithm)


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"])
def test_a_data_key_pair_fits_together(kms, spec):
    key = made(kms)
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext=CONTEXT)
    assert pair["KeyPairSpec"] == spec
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert public == pair["PublicKey"]
    assert isinstance(private, rsa.RSAPrivateKey if spec.startswith("RSA") else ec.EllipticCurvePrivateKey)
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"]
    hidden = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in hidden
    opened = kms.decrypt(CiphertextBlob=hidden["PrivateKeyCiphertextBlob"])["Plaintext"]
    private = serialization.load_der_private_key(opened, None)
    assert private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    ) == hidden["PublicKey"]


# --- Imported material ----------------------------------------------------------------------------

IMPORTS = [
    ("RSAES_OAEP_SHA_1", "RSA_2048"),
    ("RSAES_OAEP_SHA_256", "RSA_3072"),
    ("RSA_AES_KEY_WRAP_SHA_1", "RSA_2048"),
    ("RSA_AES_KEY_WRAP_SHA_256", "RSA_4096"),
]


@pytest.mark.parametrize(("algorithm", "spec"), IMPORTS)
def test_imported_material_is_used_and_can_be_taken_out_and_put_back(kms, algorithm, spec):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    assert (key["KeyState"], key["Enabled"], key["Origin"]) == ("PendingImport", False, "EXTERNAL")
    key = key["KeyId"]
    material = os.urandom(32)
    kms_import.give(kms, key, material, algorithm, spec)
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (described["KeyState"], described["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    blob = kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    with refused("KMSInvalidStateException"):
        kms.decrypt(CiphertextBlob=blob)
    with refused("IncorrectKeyMaterialException"):
        kms_import.give(kms, key, os.urandom(32), algorithm, spec)
    kms_import.give(kms, key, material, algorithm, spec)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


def test_two_keys_with_the_same_material_are_two_keys(kms):
    """AWS KMS Developer Guide, Importing key material: a ciphertext opens under its own key alone."""
    material = os.urandom(32)
    one, two = (made(kms, Origin="EXTERNAL") for _ in range(2))
    for key in (one, two):
        kms_import.give(kms, key, material)
    blob = kms.encrypt(KeyId=one, Plaintext=b"p")["CiphertextBlob"]
    ids = [uuid.UUID(key).bytes for key in (one, two)]
    assert ids[0] in blob
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob.replace(*ids))
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"p"


def test_a_bad_import_changes_nothing(kms, server):
    one, two = (made(kms, Origin="EXTERNAL") for _ in range(2))
    asked = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    parameters = {key: kms.get_parameters_for_import(KeyId=key, **asked) for key in (one, two)}
    good = kms_import.wrapped(parameters[one], "RSAES_OAEP_SHA_256", b"m" * 32)
    forever = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    give = lambda **more: kms.import_key_material(  # noqa: E731
        **{"KeyId": one, "ImportToken": parameters[one]["ImportToken"], "EncryptedKeyMaterial": good} | forever | more
    )
    with refused("InvalidImportTokenException"):
        give(ImportToken=parameters[two]["ImportToken"])
    with refused("InvalidImportTokenException"):
        give(ImportToken=b"nonsense")
    with refused("InvalidCiphertextException"):
        give(EncryptedKeyMaterial=good[:-1] + bytes([good[-1] ^ 1]))
    with refused("IncorrectKeyMaterialException"):
        give(EncryptedKeyMaterial=kms_import.wrapped(parameters[one], "RSAES_OAEP_SHA_256", b"m" * 31))
    with refused("ValidationException"):
        give(ExpirationModel="KEY_MATERIAL_EXPIRES")
    with refused("ValidationException"):
        give(ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=datetime.datetime(2001, 1, 1))
    server.advance(hours=25)
    with refused("ExpiredImportTokenException"):
        give()
    assert kms.describe_key(KeyId=one)["KeyMetadata"]["KeyState"] == "PendingImport"


def test_an_imported_pair_signs_as_outside(kms):
    private = ec.generate_private_key(ec.SECP256R1())
    key = made(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Origin="EXTERNAL")
    material = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kms_import.give(kms, key, material, "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048")
    signed = kms.sign(KeyId=key, Message=MESSAGE, SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    private.public_key().verify(signed, MESSAGE, ec.ECDSA(hashes.SHA256()))
    inside = kms.get_public_key(KeyId=key)["PublicKey"]
    assert serialization.load_der_public_key(inside).public_numbers() == private.public_key().public_numbers()


# --- Identifiers ----------------------------------------------------------------------------------


def test_a_key_is_named_by_id_arn_alias_and_the_aliases_arn(kms):
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/app/v1", TargetKeyId=key["KeyId"])
    alias_arn = key["Arn"].rsplit(":", 1)[0] + ":alias/app/v1"
    for name in (key["KeyId"], key["Arn"], "alias/app/v1", alias_arn):
        answer = kms.encrypt(KeyId=name, Plaintext=b"p")
        assert answer["KeyId"] == key["Arn"]
        assert kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], KeyId=name)["KeyId"] == key["Arn"]
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key["KeyId"]
        assert kms.generate_data_key(KeyId=name, KeySpec="AES_256")["KeyId"] == key["Arn"]


def test_wrong_names_of_keys_are_refused_in_awss_words(kms, server):
    key = kms.create_key()["KeyMetadata"]
    base = key["Arn"].rsplit(":", 1)[0]
    absent = "11111111-2222-3333-4444-555555555555"
    cases = {
        absent: ("NotFoundException", f"Key '{base}:key/{absent}' does not exist"),
        f"{base}:key/{absent}": ("NotFoundException", f"Key '{base}:key/{absent}' does not exist"),
        "alias/nothing": ("NotFoundException", f"Alias {base}:alias/nothing is not found."),
        f"{base}:alias/nothing": ("NotFoundException", f"Alias {base}:alias/nothing is not found."),
        "nonsense": ("NotFoundException", "Invalid keyId 'nonsense'"),
        key["Arn"].replace("us-east-1", OTHER_REGION): ({"NotFoundException", "InvalidArnException"}, None),
        "arn:aws:kms:us-east-1": ("InvalidArnException", None),
    }
    for name, (code, text) in cases.items():
        with refused(code, text):
            kms.describe_key(KeyId=name)
        with refused(code, text):
            kms.encrypt(KeyId=name, Plaintext=b"p")


def test_base64_is_only_the_wires(kms, server):
    key = made(kms)
    raw = Wire(server, Signer(service="kms"))
    answer = raw.call("Encrypt", {"KeyId": key, "Plaintext": base64.b64encode(b"\xff\x00p").decode()})
    assert answer.status == 200
    opened = raw.call("Decrypt", {"CiphertextBlob": answer.json["CiphertextBlob"]})
    assert base64.b64decode(opened.json["Plaintext"]) == b"\xff\x00p"
    raw.close()

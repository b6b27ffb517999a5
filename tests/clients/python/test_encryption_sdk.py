"""The AWS Encryption SDK, unmodified: envelopes of its own whose data keys KMS gives and opens."""

from __future__ import annotations

import aws_encryption_sdk
import botocore.session
import pytest
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.exceptions import DecryptKeyError
from server import ROOT

CONTEXT = {"purpose": "test", "file": "1"}


@pytest.fixture
def environment(server, monkeypatch) -> None:
    """Tells clients of this server as any program is told."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret_access_key)


def provider(*arns: str) -> aws_encryption_sdk.StrictAwsKmsMasterKeyProvider:
    """A provider of keys by ARN."""
    return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(
        key_ids=list(arns), botocore_session=botocore.session.Session()
    )


def test_a_file_is_encrypted_and_decrypted(environment, kms):
    one, two = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
    plaintext = b"a file" * 10_000
    sealed, header = client.encrypt(source=plaintext, key_provider=provider(one, two), encryption_context=CONTEXT)
    assert plaintext[:20] not in sealed
    assert {key.key_provider.key_info.decode() for key in header.encrypted_data_keys} == {one, two}
    kms.rotate_key_on_demand(KeyId=one)
    opened, header = client.decrypt(source=sealed, key_provider=provider(one))
    assert opened == plaintext
    assert CONTEXT.items() <= header.encryption_context.items()
    # Either key is enough, none isn't.
    kms.disable_key(KeyId=one)
    assert client.decrypt(source=sealed, key_provider=provider(two))[0] == plaintext
    with pytest.raises(DecryptKeyError):
        client.decrypt(source=sealed, key_provider=provider(one))

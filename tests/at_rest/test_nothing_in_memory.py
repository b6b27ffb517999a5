"""When a request is over, its values are gone from the server's memory: what was freed was zeroed."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterable

import aws
import kms_import
import pytest
from production import production
from wire import Signer, Wire

CHUNK_BYTES = 4 << 20
# Connections end and their buffers go a moment after the client has closed them.
PATIENCE_SECONDS = 10


def memory(process_id: int) -> Iterable[bytes]:
    """The memory that a process has written to, in pieces."""
    empty = bytes(CHUNK_BYTES)
    with open(f"/proc/{process_id}/maps") as maps, open(f"/proc/{process_id}/mem", "rb", 0) as content:
        for line in maps:
            bounds, permissions = line.split()[:2]
            if not permissions.startswith("rw"):
                continue
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            for at in range(start, end, CHUNK_BYTES):
                try:
                    content.seek(at)
                    piece = content.read(min(CHUNK_BYTES, end - at))
                except OSError:
                    continue
                if piece != empty[: len(piece)]:
                    yield piece


def remains(process_id: int, values: dict[str, bytes]) -> set[str]:
    """The values of which a piece is in a process's memory, as it is or in base64."""
    needles = {name: (value[4:24], base64.b64encode(value)[4:28]) for name, value in values.items()}
    found = set()
    for piece in memory(process_id):
        found |= {name for name, forms in needles.items() if any(form in piece for form in forms)}
    return found


def test_no_value_stays_in_memory():
    values: dict[str, bytes] = {}

    def new(name: str) -> str:
        text = f"{uuid.uuid4().hex}{uuid.uuid4().hex}"
        values[name] = text.encode()
        return text

    with production(seal='key_file = "{secrets}/root.key"') as server:
        root = server.init()
        server.start()
        process_id = server.process.pid
        try:
            next(iter(memory(process_id)))
        except PermissionError:
            pytest.skip("only root may read the memory of a process that can't be traced")
        sm, kms = (aws.client(server, credentials=root, service=service) for service in ("secretsmanager", "kms"))
        kept = uuid.uuid4().hex + uuid.uuid4().hex
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        for number in range(20):
            more = {"KmsKeyId": key} if number % 2 else {}
            sm.create_secret(Name=f"s{number}", SecretString=new(f"secret {number}"), Description=kept, **more)
            sm.get_secret_value(SecretId=f"s{number}")
        sm.batch_get_secret_value(SecretIdList=[f"s{number}" for number in range(20)])
        for number in range(20):
            blob = kms.encrypt(KeyId=key, Plaintext=new(f"plaintext {number}").encode())["CiphertextBlob"]
            kms.decrypt(CiphertextBlob=blob)
            values[f"data key {number}"] = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
        pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_2048")
        values["private key"] = pair["PrivateKeyPlaintext"][-90:-40]
        values["random password"] = sm.get_random_password(PasswordLength=40)["RandomPassword"].encode()
        external = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
        kms_import.give(kms, external, new("imported material")[:32].encode())
        wire = Wire(server, Signer(root))
        for sign in ("right", "wrong", "none"):
            for body in ({"Name": "a b", "SecretString": new(f"refused, {sign}")}, {"SecretString": [new(f"not read, {sign}")]}):
                assert wire.call("CreateSecret", json.dumps(body).encode(), sign=sign).status == 400
        for client in (sm, kms, wire):
            client.close()
        until = time.monotonic() + PATIENCE_SECONDS
        while (found := remains(process_id, values)) and time.monotonic() < until:
            time.sleep(0.2)
        assert found == set()
        # What isn't secret is there, so that the search finds what there is.
        assert remains(process_id, {"a description": kept.encode()})

"""What was ever sealed opens for ever: after rotations of KMS keys, a new root key, new data keys, restarts,
and a copy of it all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import aws
import kms_import
import pytest
from server import ACCOUNT, OTHER_ACCOUNT, Server, binary, clean_environment


class World:
    """A server, and all that was ever made with it."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.made: list = []
        self.rounds = 0

    def start(self) -> None:
        """Starts the server on its folder."""
        self.server = Server(data_dir=self.folder)
        self.sm, self.kms = (aws.client(self.server, service=service) for service in ("secretsmanager", "kms"))

    def keys(self, *arguments: str) -> str:
        """Runs `strongroom keys` on the server."""
        return self.run("keys", *arguments, "--data-dir", str(self.folder))

    def run(self, *arguments: str) -> str:
        """Runs a command."""
        done = subprocess.run(
            [str(binary()), *arguments],
            env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def root_key(self) -> str:
        """The id of the root key; no older one may be left."""
        status = json.loads(self.keys("status", "--json"))
        assert status["RetiringRootKeyIds"] == []
        return status["RootKeyId"]

    def prepare(self) -> None:
        """Makes the keys."""
        new = lambda **spec: self.kms.create_key(**spec)["KeyMetadata"]["KeyId"]  # noqa: E731
        self.key = new()
        self.imported = new(Origin="EXTERNAL")
        kms_import.give(self.kms, self.imported, os.urandom(32))
        self.codes = new(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        self.signing = new(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.rsa = new(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
        self.kms.enable_key_rotation(KeyId=self.key, RotationPeriodInDays=90)
        self.stranger = self.server.create_account(OTHER_ACCOUNT)

    def make(self) -> None:
        """Makes one of everything; `made` knows how to open it."""
        kms, sm, key, number = self.kms, self.sm, self.key, self.rounds
        self.rounds += 1
        value = os.urandom(32)

        def add(what: str, call, member: str, expected) -> None:
            self.made.append((f"{what} of round {number}", call, member, expected))

        for name in (key, self.imported):
            blob = kms.encrypt(KeyId=name, Plaintext=value, EncryptionContext={"n": str(number)})["CiphertextBlob"]
            add("ciphertext", lambda w, blob=blob: w.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"n": str(number)}),
                "Plaintext", value)
        data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
        add("data key", lambda w: w.kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"]), "Plaintext", data_key["Plaintext"])
        pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256")
        add("key pair", lambda w: w.kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"]), "Plaintext",
            pair["PrivateKeyPlaintext"])
        oaep = {"KeyId": self.rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
        sealed = kms.encrypt(Plaintext=value, **oaep)["CiphertextBlob"]
        add("RSA ciphertext", lambda w: w.kms.decrypt(CiphertextBlob=sealed, **oaep), "Plaintext", value)
        hmac = {"KeyId": self.codes, "Message": value, "MacAlgorithm": "HMAC_SHA_256"}
        code = kms.generate_mac(**hmac)["Mac"]
        add("code", lambda w: w.kms.verify_mac(Mac=code, **hmac), "MacValid", True)
        ecdsa = {"KeyId": self.signing, "Message": value, "SigningAlgorithm": "ECDSA_SHA_256"}
        signature = kms.sign(**ecdsa)["Signature"]
        add("signature", lambda w: w.kms.verify(Signature=signature, **ecdsa), "SignatureValid", True)
        for kind, more in (("own", {}), ("customer", {"KmsKeyId": key}), ("imported", {"KmsKeyId": self.imported})):
            name = f"{kind}/{number}"
            versions = [sm.create_secret(Name=name, SecretBinary=value, **more)["VersionId"]]
            versions += [sm.put_secret_value(SecretId=name, SecretBinary=value + b"%d" % n)["VersionId"] for n in (1, 2)]
            for n, version in enumerate(versions):
                expected = value + (b"%d" % n if n else b"")
                add(f"{name} {n}", lambda w, name=name, version=version: w.sm.get_secret_value(SecretId=name, VersionId=version),
                    "SecretBinary", expected)

    def check(self, after: str) -> None:
        """Opens everything."""
        wrong = []
        for what, call, member, expected in self.made:
            try:
                if call(self)[member] != expected:
                    wrong.append(f"{what} is another after {after}")
            except Exception as error:
                wrong.append(f"{what} after {after}: {error}")
        assert not wrong, "\n".join(wrong)
        # Access keys are sealed as well.
        aws.client(self.server, credentials=self.stranger).list_secrets()


def test_what_was_ever_sealed_opens_for_ever(tmp_path):
    world = World(tmp_path / "data")

    def restart() -> None:
        world.server.terminate()
        world.start()

    def die() -> None:
        world.server.kill()
        world.start()

    def move() -> None:
        world.server.terminate()
        shutil.copytree(world.folder, tmp_path / "copy")
        world.folder = tmp_path / "copy"
        world.start()

    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a passphrase of many words\n")
    passphrase.chmod(0o600)
    opened_by = ("--passphrase-file", str(passphrase))
    backup = str(tmp_path / "backup.age")

    def restore() -> None:
        """A backup of the running server goes into a new folder, where it is served from then on."""
        world.run("backup", "--data-dir", str(world.folder), "--output", backup, *opened_by)
        world.server.kill()
        folder = tmp_path / "restored"
        world.run("restore", backup, "--data-dir", str(folder), *opened_by)
        shutil.copy(world.folder / "root.key", folder / "root.key")
        world.folder = folder
        world.start()

    def restore_one() -> None:
        """One secret and its key come back from that backup, made under an earlier root key."""
        world.keys("rewrap", "--wait")
        arn = world.sm.describe_secret(SecretId="customer/0")["ARN"]
        world.sm.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
        world.run(
            "restore", backup, "--into-running", "--data-dir", str(world.folder), "--secret", arn, *opened_by,
            "--seal-key-file", str(world.folder / "root.key"),
        )
        assert world.sm.describe_secret(SecretId="customer/0")["ARN"] == arn

    def restore_account() -> None:
        """Everything of the account is put back over what is there."""
        world.run(
            "restore", backup, "--into-running", "--data-dir", str(world.folder), "--account", ACCOUNT, "--overwrite",
            *opened_by, "--seal-key-file", str(world.folder / "root.key"),
        )

    steps = {
        "a rotation on demand": lambda: world.kms.rotate_key_on_demand(KeyId=world.key),
        "a rotation by plan": lambda: world.server.advance(days=400),
        "a new root key": lambda: world.keys("rewrap", "--wait"),
        "new data keys": lambda: world.keys("rotate-data-keys", "--wait"),
        "a restart": restart,
        "another new root key": lambda: world.keys("rewrap", "--wait"),
        "a death": die,
        "a rotation after it all": lambda: world.kms.rotate_key_on_demand(KeyId=world.key),
        "new data keys once more": lambda: world.keys("rotate-data-keys", "--wait"),
        "a move to another folder": move,
        "a restored backup": restore,
        "a rotation after the restore": lambda: world.kms.rotate_key_on_demand(KeyId=world.key),
        "a restored secret": restore_one,
        "a restored account": restore_account,
    }
    world.start()
    try:
        world.prepare()
        world.make()
        roots = [world.root_key()]
        for after, step in steps.items():
            step()
            world.check(after)
            world.make()
            roots.append(world.root_key())
        world.check("everything")
        assert len(set(roots)) == 4
        rotations = world.kms.list_key_rotations(KeyId=world.key)["Rotations"]
        assert {rotation["RotationType"] for rotation in rotations} == {"AUTOMATIC", "ON_DEMAND"}
    finally:
        world.server.stop()


@pytest.mark.parametrize("jobs", [("rewrap",), ("rotate-data-keys",)], ids=lambda jobs: jobs[0])
def test_a_job_that_is_done_twice_changes_nothing(tmp_path, jobs):
    world = World(tmp_path / "data")
    world.start()
    try:
        world.prepare()
        world.make()
        for job in jobs * 2:
            world.keys(job, "--wait")
            world.check(job)
    finally:
        world.server.stop()

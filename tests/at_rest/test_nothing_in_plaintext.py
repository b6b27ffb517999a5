"""Nothing that is secret is written anywhere: marked values in every place that takes or gives one,
all that the server does with them at the most talkative log level, and then a look at all it has written.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import uuid
from pathlib import Path

import aws
import http2
import kms_import
import pytest
from botocore.exceptions import ClientError
from production import Production, production
from scanner import Scanner, Value, files
from wire import JSON_TYPE, Signer, Wire

from server import OTHER_ACCOUNT, REGION, Credentials, Server

PASSPHRASE = "a passphrase of many words 5c1e77d0"
BACKUP_PASSPHRASE = "another one, of just as many words 0be3f1"


class Planted:
    """The values, and all that was answered where no value belongs."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.answers: list[tuple[str, bytes]] = []

    def add(self, name: str, content: bytes | str) -> bytes | str:
        """Remembers a value."""
        self.values.append(Value(name, content.encode() if isinstance(content, str) else content))
        return content

    def text(self, name: str) -> str:
        """A new text that no encoding leaves as it is."""
        return self.add(name, f'{name}: "q\\u{uuid.uuid4().hex}é€/+\t{uuid.uuid4().hex}')

    def binary(self, name: str, size: int = 48) -> bytes:
        """New bytes."""
        return self.add(name, os.urandom(size))

    def listen(self, client) -> None:
        """Keeps the heads of all answers, and the bodies of those that give no value."""

        def keep(operation_model, response_dict, **_) -> None:
            name = operation_model.name
            self.answers.append((f"the head of {name}'s answer", str(response_dict["headers"]).encode()))
            gives = {"GetSecretValue", "BatchGetSecretValue", "Decrypt", "GetRandomPassword", "GenerateRandom",
                     "GenerateDataKey", "GenerateDataKeyPair", "CreateGrant", "GetParametersForImport"}
            if response_dict["status_code"] != 200 or name not in gives:
                self.answers.append((f"{name}'s answer", response_dict["body"]))

        client.meta.events.register("before-parse", keep)


def refused(call, *arguments, **request) -> None:
    """Calls what must be refused."""
    with pytest.raises(ClientError):
        call(*arguments, **request)


def use_secrets(planted: Planted, sm, kms) -> None:
    """Every way in which a secret goes in and out."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for name, more in (("own", {}), ("customer's", {"KmsKeyId": key})):
        text, binary = planted.text(f"text under the {name} key"), planted.binary(f"binary under the {name} key")
        place = "s" + str(len(name))
        sm.create_secret(Name=place, SecretString=text, ClientRequestToken="a" * 32, **more)
        sm.put_secret_value(SecretId=place, SecretBinary=binary, ClientRequestToken="b" * 32)
        sm.put_secret_value(SecretId=place, SecretBinary=binary, ClientRequestToken="b" * 32)
        refused(sm.put_secret_value, SecretId=place, SecretString=planted.text("another value of a version"), ClientRequestToken="b" * 32)
        sm.update_secret(SecretId=place, SecretString=planted.text("an updated value"), ClientRequestToken="c" * 32)
        sm.put_secret_value(SecretId=place, SecretString=planted.text("a pending value"), VersionStages=["AWSPENDING"])
        assert sm.get_secret_value(SecretId=place, VersionId="a" * 32)["SecretString"] == text
        assert sm.get_secret_value(SecretId=place, VersionId="b" * 32)["SecretBinary"] == binary
        sm.batch_get_secret_value(SecretIdList=[place])
        sm.update_secret(SecretId=place, KmsKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
        refused(sm.create_secret, Name=place, SecretString=planted.text("a value for a name that is taken"))
        refused(sm.put_secret_value, SecretId="nothing", SecretString=planted.text("a value for a secret that isn't there"))
        refused(sm.create_secret, Name="a b", SecretString=planted.text("a value for a name that can't be"))
        refused(sm.create_secret, Name="t", SecretString=planted.text("a value for a key that isn't there"), KmsKeyId="alias/nothing")
    sm.create_secret(Name="long", SecretString=planted.add("a long value", "".join(uuid.uuid4().hex for _ in range(2000))))
    refused(sm.create_secret, Name="longer", SecretString=planted.add("too long a value", "".join(uuid.uuid4().hex for _ in range(2100))))
    sm.create_secret(Name="gone", SecretString=planted.text("a value that is deleted"))
    sm.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    sm.create_secret(Name="going", SecretString=planted.text("a value whose deletion is planned"))
    sm.delete_secret(SecretId="going")
    refused(sm.get_secret_value, SecretId="going")
    planted.add("a random password", sm.get_random_password(PasswordLength=40)["RandomPassword"])
    kms.disable_key(KeyId=key)
    refused(sm.create_secret, Name="t", SecretString=planted.text("a value for a disabled key"), KmsKeyId=key)


def use_keys(planted: Planted, kms) -> None:
    """Every way in which KMS takes or gives what is secret."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    plaintext = planted.binary("a plaintext")
    blob = kms.encrypt(KeyId=key, Plaintext=plaintext, EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == plaintext
    refused(kms.decrypt, CiphertextBlob=blob)
    kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "b"}, DestinationKeyId=other)
    refused(kms.encrypt, KeyId="alias/nothing", Plaintext=planted.binary("a plaintext for no key"))
    refused(kms.encrypt, KeyId=key, Plaintext=planted.binary("a plaintext for a wrong algorithm"), EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    refused(kms.encrypt, KeyId=key, Plaintext=planted.binary("a plaintext of a dry run"), DryRun=True)
    planted.add("a data key", kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"])
    hidden = kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")["CiphertextBlob"]
    planted.add("a data key that was given out later", kms.decrypt(CiphertextBlob=hidden)["Plaintext"])
    for spec in ("RSA_2048", "ECC_NIST_P256"):
        pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)
        # What comes before the numbers is the same for all keys, and no secret.
        planted.add(f"a private key of {spec}", pair["PrivateKeyPlaintext"][-90:-40] if spec == "RSA_2048" else pair["PrivateKeyPlaintext"][36:68])
        kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])
    planted.add("random bytes", kms.generate_random(NumberOfBytes=64)["Plaintext"])
    rsa = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    oaep = {"KeyId": rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(Plaintext=planted.binary("a plaintext of RSA"), **oaep)["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, **oaep)
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    message = planted.binary("a message that is signed")
    signature = kms.sign(KeyId=signing, Message=message, SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    kms.verify(KeyId=signing, Message=message, SigningAlgorithm="ECDSA_SHA_256", Signature=signature)
    refused(kms.verify, KeyId=signing, Message=planted.binary("a message that isn't signed"), SigningAlgorithm="ECDSA_SHA_256", Signature=signature)

    external = {"Origin": "EXTERNAL"}
    mac_key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC", **external)["KeyMetadata"]["KeyId"]
    kms_import.give(kms, mac_key, planted.binary("an imported key for codes", 32))
    message = planted.binary("a message with a code")
    code = kms.generate_mac(KeyId=mac_key, Message=message, MacAlgorithm="HMAC_SHA_256")["Mac"]
    kms.verify_mac(KeyId=mac_key, Message=message, MacAlgorithm="HMAC_SHA_256", Mac=code)
    imported = kms.create_key(**external)["KeyMetadata"]["KeyId"]
    asked = {"KeyId": imported, "WrappingAlgorithm": "RSA_AES_KEY_WRAP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    parameters = kms.get_parameters_for_import(**asked)
    planted.add("a token for an import", parameters["ImportToken"])
    material = planted.binary("an imported key", 32)
    kms.import_key_material(
        KeyId=imported, ImportToken=parameters["ImportToken"], ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE",
        EncryptedKeyMaterial=kms_import.wrapped(parameters, asked["WrappingAlgorithm"], material),
    )
    kms.encrypt(KeyId=imported, Plaintext=planted.binary("a plaintext under an imported key"))
    refused(kms_import.give, kms, imported, planted.binary("another key that is imported", 32))
    root = f"arn:aws:iam::{OTHER_ACCOUNT}:root"
    grant = kms.create_grant(KeyId=key, GranteePrincipal=root, RetiringPrincipal=root, Operations=["Decrypt"])
    planted.add("a grant's token", grant["GrantToken"])
    kms.rotate_key_on_demand(KeyId=key)


def send_what_is_refused(planted: Planted, server: Production, root: Credentials) -> None:
    """Requests that go wrong before, while and after they are understood."""
    for service, target, member, encode in (
        ("secretsmanager", "secretsmanager.CreateSecret", "SecretString", lambda text: text),
        ("kms", "TrentService.Encrypt", "Plaintext", lambda text: base64.b64encode(text.encode()).decode()),
    ):
        wire = Wire(server, Signer(root, service=service))
        headers = {"Content-Type": JSON_TYPE, "X-Amz-Target": target}
        bodies = {
            "in a list": lambda text: json.dumps({"Name": "n", "KeyId": "alias/n", member: [text]}),
            "in an object": lambda text: json.dumps({"Name": "n", "KeyId": "alias/n", member: {text: text}}),
            "in a body that is cut off": lambda text: json.dumps({"Name": "n", member: text})[:-2],
            "in a body that is no JSON": lambda text: f"{member}={text}",
            "as a member's name": lambda text: json.dumps({text: text}),
            "with too long a name": lambda text: json.dumps({"Name": "n" * 600, "KeyId": "n" * 3000, member: text}),
            "with bad base64": lambda text: json.dumps({"Name": "n", "KeyId": "alias/n", member: text + "!", "SecretBinary": text + "!"}),
        }
        for sign in ("right", "wrong", "none", "stranger"):
            for how, body in bodies.items():
                text = encode(planted.text(f"a value {how} ({service}, signed {sign})"))
                answer = wire.send("POST", "/", headers, body(text).encode(), sign=sign)
                assert answer.status != 200, answer
                planted.answers.append((f"the answer to a value {how}", str(answer.headers).encode() + answer.body))
        for name in ("X-Amz-Target", "Content-Type", "X-Other"):
            text = "header-" + uuid.uuid4().hex
            planted.add(f"a value in the header {name}", text)
            answer = wire.send("POST", "/", headers | {name: text}, b"{}")
            planted.answers.append((f"the answer to the header {name}", str(answer.headers).encode() + answer.body))
        wire.close()


def send_by_http2(planted: Planted, server: Production, root: Credentials) -> None:
    """The same protocol in other frames: its library logs each of them."""
    signer = Signer(root)
    text, header = planted.text("a value over HTTP/2"), "header-" + uuid.uuid4().hex
    planted.add("a value in a header of HTTP/2", header)
    for operation, request in (
        ("CreateSecret", {"Name": "http2", "SecretString": text, "ClientRequestToken": "a" * 32}),
        ("GetSecretValue", {"SecretId": "http2"}),
        ("CreateSecret", {"Name": "http2", "SecretString": planted.text("a value that is refused over HTTP/2")}),
    ):
        body = json.dumps(request).encode()
        headers = {
            "Host": "{}:{}".format(*server.address), "Content-Type": JSON_TYPE, "X-Other": header,
            "X-Amz-Target": f"secretsmanager.{operation}",
        }
        answer = http2.post(server.address, signer.headers("POST", "/", headers, body), body)
        if operation == "GetSecretValue":
            assert json.loads(answer)["SecretString"] == text
        else:
            planted.answers.append((f"{operation}'s answer over HTTP/2", answer))


def operate(planted: Planted, server: Production) -> None:
    """All that an operator does with a running server."""
    for arguments in (
        ("doctor",), ("admin", "status"), ("admin", "account", "list"), ("keys", "status"), ("keys", "seal", "list"),
        ("keys", "seal", "drill"), ("keys", "rewrap", "--wait"),
    ):
        server.ok(*arguments)
    # Fails where a version's key is disabled; it is named.
    server.run("keys", "rotate-data-keys", "--wait")
    shares = server.ok("keys", "seal", "shares", "--threshold", "2", "--shares", "3")
    server.commands.pop()
    for number, line in enumerate(lines_of_shares(shares)):
        planted.add(f"line {number} of the shares", line)
    for path in ("/metrics", "/healthz", "/readyz"):
        planted.answers.append((path, server.operated(path)))
    server.hang_up()


def back_up(planted: Planted, server: Production) -> None:
    """A backup, looked at, and put back as a whole and in part."""
    secrets = server.folder.parent / "secrets"
    backup, opened_by = str(server.folder / "backup.age"), ("--passphrase-file", str(secrets / "backup-passphrase"))
    seal = ("--seal-key-file", str(secrets / "root.key"))
    server.ok("backup", "--output", backup, *opened_by)
    server.ok("backup", "verify", backup, *opened_by, *seal)
    # What is in it, without the passphrase around it.
    server.ok("restore", backup, *opened_by, "--data-dir", str(server.folder / "restored"), config=False)
    into = ("restore", backup, "--into-running", *opened_by, *seal)
    server.ok(*into, "--account", OTHER_ACCOUNT, "--overwrite")
    server.ok(*into, "--account", OTHER_ACCOUNT, "--overwrite", "--dry-run")
    # And what goes wrong with it.
    assert server.run(*into, "--account", OTHER_ACCOUNT).returncode != 0
    assert server.run("backup", "verify", backup, "--passphrase-file", str(secrets / "passphrase")).returncode != 0


def lines_of_shares(printed: str) -> list[str]:
    """The lines with the secret parts of shares: groups of letters and digits."""
    lines = [line.strip() for line in printed.splitlines()]
    found = [line for line in lines if len(re.findall(r"\b[A-Za-z0-9]{4,}\b", line)) >= 4 and line.upper() == line]
    assert len(found) >= 3, printed
    return found


def everything(planted: Planted, server: Production) -> list[tuple[str, bytes]]:
    """All that the server has written or said, but where it was asked for a value."""
    seen = list(files(server.folder))
    seen.append(("standard output", "\n".join(server.printed).encode()))
    seen += [(f"strongroom {' '.join(arguments)}", said.encode()) for arguments, said in server.commands]
    seen += planted.answers
    if server.process.poll() is None:
        for name in ("environ", "cmdline", "status", "limits"):
            with open(f"/proc/{server.process.pid}/{name}", "rb") as file:
                seen.append((f"/proc/PID/{name}", file.read()))
    return seen


def check_the_process(server: Production) -> None:
    """No core dump, no tracer, no swap."""
    with open(f"/proc/{server.process.pid}/limits") as limits:
        core = next(line for line in limits if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], core
    doctor = server.run("doctor").stdout.lower()
    assert re.search(r"ok .*core", doctor), doctor


PIN = "73190264518820736645"
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
TOKEN = f"""pkcs11_module = "{MODULE}"
pkcs11_token = "test"
pkcs11_pin_file = "{{secrets}}/pin"
"""


@pytest.mark.parametrize("seal", ["another KMS", "a token"])
def test_nothing_that_opens_a_seal_is_written_anywhere(seal):
    if seal == "a token" and not MODULE.exists():
        pytest.skip("softhsm2 is not installed")
    planted = Planted()
    with Server() as other:
        credentials = other.create_account(OTHER_ACCOUNT)
        key = aws.client(other, service="kms", credentials=credentials).create_key()["KeyMetadata"]["Arn"]
        by_kms = f'kms_key_id = "{key}"\nkms_region = "{REGION}"\nkms_endpoint = "{other.url}"\n'
        by_kms += 'kms_credentials_file = "{secrets}/credentials"\n'
        secrets = {
            "credentials": f"AWS_ACCESS_KEY_ID={credentials.access_key_id}\n"
            f"AWS_SECRET_ACCESS_KEY={credentials.secret_access_key}\n",
            "pin": PIN + "\n",
            "softhsm2.conf": "directories.tokendir = {secrets}/tokens\nobjectstore.backend = file\n",
        }
        text = by_kms if seal == "another KMS" else TOKEN
        with production(seal=text, log_level="trace", secrets=secrets, SOFTHSM2_CONF="{secrets}/softhsm2.conf") as server:
            if seal == "a token":
                make_token(server, planted)
            else:
                planted.add("the other KMS's secret access key", credentials.secret_access_key)
            root = server.init()
            server.commands.pop()
            planted.add("the root's secret access key", root.secret_access_key)
            server.start()
            sm = aws.client(server, credentials=root)
            sm.create_secret(Name="s", SecretString=planted.text("a value"))
            operate(planted, server)
            server.kill()
            server.start()
            sm = aws.client(server, credentials=root)
            sm.get_secret_value(SecretId="s")
            assert Scanner(planted.values).scan(everything(planted, server)) == []
            server.terminate()
            # And where it doesn't open.
            right = PIN if seal == "a token" else credentials.secret_access_key
            wrong = server.folder.parent / "secrets" / ("pin" if seal == "a token" else "credentials")
            wrong.write_text(wrong.read_text().replace(right, planted.add("a wrong one", right[::-1])))
            assert server.run("keys", "seal", "drill").returncode != 0
            server.run("doctor")
            assert Scanner(planted.values).scan(everything(planted, server)) == []


def make_token(server: Production, planted: Planted) -> None:
    """A token of SoftHSM's."""
    (server.folder.parent / "secrets" / "tokens").mkdir()
    planted.add("the token's PIN", PIN)
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "test", "--so-pin", PIN[::-1], "--pin", PIN],
        env=server.environment, capture_output=True, check=True, timeout=30,
    )


def test_nothing_that_is_secret_is_written_anywhere():
    planted = Planted()
    planted.add("the passphrase", PASSPHRASE)
    planted.add("a backup's passphrase", BACKUP_PASSPHRASE)
    seal = 'key_file = "{secrets}/root.key"\npassphrase_file = "{secrets}/passphrase"'
    secrets = {"passphrase": PASSPHRASE + "\n", "backup-passphrase": BACKUP_PASSPHRASE + "\n"}
    with production(seal=seal, log_level="trace", secrets=secrets) as server:
        root = server.init()
        server.commands.pop()
        planted.add("the root's secret access key", root.secret_access_key)
        key_file = server.folder.parent / "secrets" / "root.key"
        planted.add("the key file", base64.b64decode(key_file.read_text()))
        server.start()
        stranger = server.create_account(OTHER_ACCOUNT)
        server.commands.pop()
        planted.add("another account's secret access key", stranger.secret_access_key)

        sm, kms = (aws.client(server, credentials=root, service=service) for service in ("secretsmanager", "kms"))
        for client in (sm, kms):
            planted.listen(client)
        use_secrets(planted, sm, kms)
        use_keys(planted, kms)
        send_what_is_refused(planted, server, root)
        send_by_http2(planted, server, root)
        operate(planted, server)
        back_up(planted, server)
        check_the_process(server)
        assert len(planted.values) > 100
        log = server.log.read_text(errors="replace")
        assert "TRACE" in log and "panicked" not in log, "the log isn't at its most talkative"
        assert Scanner(planted.values).scan(everything(planted, server)) == []

        # The same after it died while it wrote.
        stopping = threading.Event()

        def write(number: int) -> None:
            writer = aws.client(server, credentials=root)
            count = 0
            while not stopping.is_set():
                count += 1
                try:
                    text = planted.text(f"a value that is written by {number}")
                    writer.create_secret(Name=f"w/{number}/{count}", SecretString=text)
                    writer.get_secret_value(SecretId=f"w/{number}/{count}")
                except Exception:
                    return

        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        stopping.wait(0.5)
        server.kill()
        stopping.set()
        for writer in writers:
            writer.join()
        assert Scanner(planted.values).scan(everything(planted, server)) == []
        server.start()
        sm = aws.client(server, credentials=root)
        sm.get_secret_value(SecretId="long")
        server.terminate()
        assert Scanner(planted.values).scan(everything(planted, server)) == []
        for name, folder in server.working.items():
            assert list(folder.iterdir()) == [], f"something was left in the {name} folder"

        # What would be found, had it been written.
        (server.data_dir / "left-behind").write_bytes(base64.b64encode(planted.values[5].content))
        (found,) = {find.split(" (")[0] for find in Scanner(planted.values).scan(everything(planted, server))}
        assert found == planted.values[5].name

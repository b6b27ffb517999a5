"""Rotation by the functions that are built in: what they make, by other implementations' judgement."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import re
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from aws import client, refused
from server import ACCOUNT, REGION, Credentials


def rotate(sm, name: str, function: str, parameters: dict[str, str], wait: bool = True) -> str:
    """Rotates a secret; gives its new value once that is current."""
    token = str(uuid.uuid4())
    sm.rotate_secret(
        SecretId=name,
        ClientRequestToken=token,
        RotationLambdaARN=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:strongroom-{function}",
        RotationRules={"AutomaticallyAfterDays": 30},
        ExternalSecretRotationMetadata=[{"Key": key, "Value": value} for key, value in parameters.items()],
    )
    if not wait:
        return ""
    deadline = time.monotonic() + 30
    while "AWSCURRENT" not in (shown := sm.describe_secret(SecretId=name))["VersionIdsToStages"].get(token, []):
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    return sm.get_secret_value(SecretId=name)["SecretString"]


def test_a_member_of_the_value_is_replaced(sm):
    sm.create_secret(Name="db", SecretString='{"username": "app", "password": "old", "port": 5432}')
    value = rotate(sm, "db", "random-value", {"PasswordLength": "20", "ExcludePunctuation": "true"})
    read = json.loads(value)
    assert list(read) == ["username", "password", "port"]
    assert (read["username"], read["port"], len(read["password"])) == ("app", 5432, 20)
    shown = sm.describe_secret(SecretId="db")
    assert {"Key": "PasswordLength", "Value": "20"} in shown["ExternalSecretRotationMetadata"]


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-3072"])
def test_an_ssh_key_pair_is_read_by_another_implementation(sm, algorithm):
    sm.create_secret(Name="deploy")
    pair = json.loads(rotate(sm, "deploy", "ssh-key-pair", {"Algorithm": algorithm, "Comment": "deploy@ci"}))
    private = serialization.load_ssh_private_key(pair["privateKey"].encode(), password=None)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert pair["publicKey"] == f"{public.decode()} deploy@ci"


def authority(days: int) -> tuple[x509.Certificate, str]:
    """An authority, and the value of a secret that holds it."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bäckerei"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Authority"),
    ])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA384())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    certificate = made.public_bytes(serialization.Encoding.PEM).decode()
    return made, json.dumps({"certificate": certificate, "privateKey": pem.decode()})


def test_a_certificate_is_accepted_by_another_implementation(sm):
    root, value = authority(days=365)
    sm.create_secret(Name="ca", SecretString=value)
    sm.create_secret(Name="tls")
    parameters = {"CaSecretId": "ca", "DnsNames": "db.example.com,*.db.example.com", "CommonName": "db"}
    made = json.loads(rotate(sm, "tls", "tls-certificate", parameters))
    leaf = x509.load_pem_x509_certificate(made["certificate"].encode())
    verifier = PolicyBuilder().store(Store([root])).build_server_verifier(x509.DNSName("a.db.example.com"))
    assert verifier.verify(leaf, [])[0] == leaf
    private = serialization.load_pem_private_key(made["privateKey"].encode(), password=None)
    assert private.public_key() == leaf.public_key()
    assert x509.load_pem_x509_certificate(made["chain"].encode()) == root
    assert made["notAfter"] == leaf.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    with refused("InvalidParameterException", re.compile("lower ValidityDays to")):
        rotate(sm, "tls", "tls-certificate", parameters | {"ValidityDays": "366"}, wait=False)


def test_an_access_key_can_be_used_until_the_one_after_the_next(server, sm, iam):
    iam.create_user(UserName="bob")
    sm.create_secret(Name="key")

    def who(value: str) -> str:
        key = json.loads(value)
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        return client(server, service="sts", credentials=credentials).get_caller_identity()["Arn"]

    first, second = (rotate(sm, "key", "iam-access-key", {"UserName": "bob"}) for _ in range(2))
    assert who(first) == who(second) == f"arn:aws:iam::{ACCOUNT}:user/bob"
    third = rotate(sm, "key", "iam-access-key", {"UserName": "bob"})
    assert who(second) == who(third)
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        who(first)


class Hook(ThreadingHTTPServer):
    """A web server that keeps what it is sent."""

    def __init__(self) -> None:
        self.events: list[tuple[str | None, bytes]] = []
        self.answer = b"{}"
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.events.append((self.headers["X-Strongroom-Signature"], body))
                self.send_response(200)
                self.send_header("Content-Length", str(len(hook.answer)))
                self.end_headers()
                self.wfile.write(hook.answer)

            def log_message(self, *_) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/rotate"


@pytest.fixture
def hook():
    with Hook() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def test_a_webhook_is_told_of_the_steps_with_a_signature(sm, hook):
    key = "a signing key of its own"
    sm.create_secret(Name="signing", SecretString=key)
    arn = sm.create_secret(Name="s", SecretString="old")["ARN"]
    parameters = {"Url": hook.url, "SigningSecretId": "signing", "IncludeValue": "true", "PasswordLength": "12"}
    value = rotate(sm, "s", "webhook", parameters)
    events = [json.loads(body) for _, body in hook.events]
    assert [event["step"] for event in events] == ["setSecret", "testSecret"]
    for event in events:
        assert (event["secretArn"], event["currentSecretString"]) == (arn, "old")
        assert event["pendingSecretString"] == value
    for signature, body in hook.events:
        stamp, code = (part.split("=", 1)[1] for part in signature.split(","))
        assert abs(int(stamp) - time.time()) < 300
        assert hmac.compare_digest(code, hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest())


def test_a_webhook_makes_the_value(sm, hook):
    hook.answer = json.dumps({"SecretString": "made elsewhere"}).encode()
    sm.create_secret(Name="s", SecretString="old")
    assert rotate(sm, "s", "webhook", {"Url": hook.url, "Creates": "true"}) == "made elsewhere"
    assert "old" not in str(hook.events)


def test_what_cannot_work_is_refused_at_once(sm):
    sm.create_secret(Name="s", SecretString="old")
    with refused("InvalidParameterException", re.compile("no parameter 'Lenght'")):
        rotate(sm, "s", "random-value", {"Lenght": "1"}, wait=False)
    with refused("InvalidParameterException", re.compile("There is no built-in function strongroom-database")):
        rotate(sm, "s", "database", {}, wait=False)

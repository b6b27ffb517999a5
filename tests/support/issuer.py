"""An OpenID Connect issuer of a test's own: real keys, over HTTPS, by a certificate authority of its own."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from certificate import certificate


def encoded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, size: int | None = None) -> str:
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    """A key that signs tokens: RS256 or ES256."""

    def __init__(self, algorithm: str, key_id: str) -> None:
        self.algorithm, self.key_id = algorithm, key_id
        if algorithm == "RS256":
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            self.private = ec.generate_private_key(ec.SECP256R1())

    def published(self) -> dict:
        """As a JSON Web Key."""
        numbers = self.private.public_key().public_numbers()
        common = {"kid": self.key_id, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            return common | {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        point = {"x": number(numbers.x, 32), "y": number(numbers.y, 32)}
        return common | {"kty": "EC", "crv": "P-256"} | point

    def sign(self, signed: bytes) -> bytes:
        if self.algorithm == "RS256":
            return self.private.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        r, s = utils.decode_dss_signature(self.private.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Issuer:
    """Serves its configuration and its keys until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.key = Key("RS256", "first")
        self.keys = [self.key]
        self.up = True
        self.paths: list[str] = []
        self.ca_file, served = certificate(folder)
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.paths.append(self.path)
                body = issuer._answer(self.path)
                self.send_response(200 if body else 503)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(served)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"https://{self.host}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, path: str) -> bytes:
        if not self.up:
            return b""
        if path == "/.well-known/openid-configuration":
            return json.dumps({"issuer": self.url, "jwks_uri": self.url + "/keys"}).encode()
        return self.key_set().encode()

    def key_set(self) -> str:
        """What is published."""
        return json.dumps({"keys": [key.published() for key in self.keys]})

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, *, key: Key | None = None, header: dict | None = None, **claims) -> str:
        """A token for `sts.amazonaws.com`, good for ten minutes, with these claims instead."""
        key = key or self.key
        now = int(time.time())
        said = {
            "iss": self.url,
            "sub": "system:serviceaccount:prod:app",
            "aud": ["sts.amazonaws.com"],
            "iat": now,
            "nbf": now,
            "exp": now + 600,
        } | claims
        said = {name: value for name, value in said.items() if value is not None}
        head = {"alg": key.algorithm, "kid": key.key_id, "typ": "JWT"} | (header or {})
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, said))
        return f"{signed}.{encoded(key.sign(signed.encode()))}"

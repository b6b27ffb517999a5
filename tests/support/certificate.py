"""Certificates for servers of tests' own."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path) -> tuple[Path, Path]:
    """PEM files in a folder: a certificate authority, and a certificate of it for 127.0.0.1 with its key."""
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)

    def signed(name, public, issuer_name, signer, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    authority = ec.generate_private_key(ec.SECP256R1())
    ca = signed(
        name("tests"),
        authority.public_key(),
        name("tests"),
        authority,
        (x509.BasicConstraints(ca=True, path_length=None), True),
    )
    own = ec.generate_private_key(ec.SECP256R1())
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    leaf = signed(
        name("server"),
        own.public_key(),
        name("tests"),
        authority,
        (x509.SubjectAlternativeName([address]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
    )
    pem = serialization.Encoding.PEM
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(ca.public_bytes(pem))
    served = folder / "served.pem"
    served.write_bytes(
        own.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + leaf.public_bytes(pem)
    )
    return ca_file, served

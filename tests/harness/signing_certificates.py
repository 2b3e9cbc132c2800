"""An authority of a test, and a certificate for signing that it gives to an archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def make_signing_files(folder: Path, *, begins: timedelta, lasts: timedelta) -> tuple[Path, Path]:
    """Write a chain of certificates and the key of the first of them, in PEM; return their paths.

    Args:
        begins: when they are valid, from now.
    """
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    start = datetime.now(UTC) + begins

    def certificate(name: str, public: ec.EllipticCurvePublicKey, *, authority: bool) -> x509.Certificate:
        names = [
            x509.Name([
                x509.NameAttribute(NameOID.COMMON_NAME, one),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Archive of a test"),
            ])
            for one in (name, "Authority")
        ]  # fmt: skip
        usage = x509.KeyUsage(
            digital_signature=not authority, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[0])
            .issuer_name(names[1])
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + lasts)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False)
            .add_extension(usage, critical=True)
        )
        if not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return builder.sign(authority_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    chain = [
        certificate("Archive", key.public_key(), authority=False),
        certificate("Authority", authority_key.public_key(), authority=True),
    ]
    (folder / "chain.pem").write_bytes(b"".join(one.public_bytes(pem) for one in chain))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "chain.pem", folder / "key.pem"

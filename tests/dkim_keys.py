"""DKIM keys for tests, and DNS as a verifier would find it: made once, kept nowhere, asked without a network."""

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from distributor.delivery.signing import Signer

DOMAIN, SELECTOR, FILE = "news.example.com", "s2026", "secrets/dkim-s2026.pem"
DNS_NAME = b"s2026._domainkey.news.example.com."
TABLE = f'\n[dkim]\ndomain = "{DOMAIN}"\nselector = "{SELECTOR}"\nkey_file = "{FILE}"\n'


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def signer() -> Signer:
    return Signer(domain=DOMAIN, selector=SELECTOR, key=rsa_key())


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None, form: PrivateFormat = PrivateFormat.PKCS8
) -> bytes:
    return (key or rsa_key()).private_bytes(Encoding.PEM, form, NoEncryption())


def write_key(root: Path, content: bytes | None = None, *, mode: int = 0o600) -> Path:
    """Write a key where `TABLE` says that it is."""
    path = root / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content or pem())
    path.chmod(mode)
    return path


def record() -> bytes:
    """Return what DNS says of `rsa_key()`."""
    public = rsa_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(public)


def dns(**records: bytes) -> Callable[..., bytes | None]:
    """Return a lookup that knows `rsa_key()`, or else only what it is given."""
    known = {name.encode(): value for name, value in records.items()} or {DNS_NAME: record()}
    return lambda name, timeout=5: known.get(name)


def verifies(message: bytes, lookup: Callable[..., bytes | None] | None = None) -> bool:
    """Say whether dkimpy, which knows nothing of us, accepts the topmost signature."""
    return bool(dkim.verify(message, dnsfunc=lookup or dns()))

"""DKIM keys: one made together with its DNS record, one shown again, and the signer that the settings name.

Enters: settings and the files that they name. Leaves: a `Signer` for the copies, a `KeyRecord` for the person who
edits DNS. A key file is readable by its owner alone, and never overwritten: its public half may be in DNS already.
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from distributor import addresses
from distributor.addresses import Address
from distributor.config.loader import Config
from distributor.config.model import Places, Settings
from distributor.delivery import signing
from distributor.delivery.signing import Signer
from distributor.errors import ConfigError, InputError
from distributor.operations.files import new_file
from distributor.problems import Problem, Wording, wording

_EXPONENT = 65537
_STRING = 255
"""Octets of one string of a TXT record (RFC 1035 §3.3.14); a 2048-bit key needs two (RFC 6376 §3.6.2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key pair as staff meet it: the private half's file, from the workspace, and the public half's DNS record."""

    domain: str
    selector: str
    file: str
    value: str

    @property
    def name(self) -> str:
        """The name of the TXT record, without a final dot."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def strings(self) -> tuple[str, ...]:
        """The value in strings that a TXT record can hold."""
        return tuple(self.value[start : start + _STRING] for start in range(0, len(self.value), _STRING))


def read_signer(root: Path, settings: Settings, places: Places) -> tuple[Signer | None, list[Problem]]:
    """Return the signer of `[dkim]`: None without that table, and None with every fault where it will not do."""
    if settings.dkim is None:
        return None, []
    pem, problems = _read_file(root, settings.dkim.key_file)
    signer, faults = signing.parse_signer(settings.dkim, pem, sender=_sender(settings), places=places)
    return (None if problems else signer), [*problems, *faults]


def make_key(config: Config, today: date, *, selector: str | None = None, domain: str | None = None) -> KeyRecord:
    """Write a new private key to secrets/dkim-<selector>.pem and return its record.

    Without a selector the year is one (`s2026`), without a domain that of `[dkim]` or of the sender. Raises
    InputError, for a file that exists too, and EnvironmentFault.
    """
    selector, domain = selector or f"s{today.year}", _domain(config.settings, domain)
    fault = signing.selector_fault(selector) or signing.domain_fault(domain, _sender(config.settings))
    if fault is not None:
        raise InputError(_sentence(*fault))
    file = file_of(selector)
    if (config.root / file).exists():
        raise InputError(_sentence(*_existing(file, selector)))
    key = generate_private_key(_EXPONENT, signing.KEY_BITS)
    (config.root / file).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with new_file(config.root / file, mode=0o600) as stream:
        stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return _record(key, file, selector=selector, domain=domain)


def show_key(config: Config, selector: str | None = None) -> KeyRecord:
    """Return the record of the key that `[dkim]` names, or of secrets/dkim-<selector>.pem. Raises ConfigError."""
    dkim = config.settings.dkim
    named = selector or (dkim.selector if dkim else None)
    if named is None:
        raise InputError(_sentence(*_NO_KEY))
    file = dkim.key_file if dkim and dkim.selector == named else file_of(named)
    pem, problems = _read_file(config.root, file)
    key, faults = signing.parse_key(pem, path=file) if pem is not None else (None, [])
    if key is None:
        raise ConfigError(_REFUSED, problems=[*problems, *faults])
    return _record(key, file, selector=named, domain=_domain(config.settings, None))


def file_of(selector: str) -> str:
    """Return the file of a selector's key, from the workspace."""
    return f"secrets/dkim-{selector}.pem"


def _record(key: RSAPrivateKey, file: str, *, selector: str, domain: str) -> KeyRecord:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    value = f"v=DKIM1; k=rsa; p={b64encode(public).decode('ascii')}"
    return KeyRecord(domain=domain, selector=selector, file=file, value=value)


def _sender(settings: Settings) -> Address:
    mailbox = addresses.parse_mailbox(settings.publication.sender)
    assert mailbox is not None
    return mailbox.address


def _domain(settings: Settings, asked: str | None) -> str:
    written = asked or (settings.dkim.domain if settings.dkim else _sender(settings).domain)
    return signing.parse_domain(written) or written


def _read_file(root: Path, file: str) -> tuple[bytes | None, list[Problem]]:
    path = root / file
    try:
        if path.stat().st_mode & 0o077:
            return None, [_problem(file, _OPEN, wording(f"运行 chmod 600 {file}", f"run chmod 600 {file}"))]
        return path.read_bytes(), []
    except FileNotFoundError:
        return None, [_problem(file, _MISSING, _MAKE)]
    except OSError as error:
        what = wording(f"读不了这个密钥：{error.strerror}", f"cannot read this key: {error.strerror}")
        return None, [_problem(file, what, wording("检查文件和权限", "check the file and its rights"))]


def _problem(file: str, what: Wording, remedy: Wording) -> Problem:
    return Problem(path=file, line=None, what=what, remedy=remedy)


def _sentence(what: Wording, remedy: Wording) -> Wording:
    return wording(f"{what.zh} → {remedy.zh}", f"{what.en}: {remedy.en}")


def _existing(file: str, selector: str) -> tuple[Wording, Wording]:
    return (
        wording(f"{file} 已经存在，没有覆盖", f"{file} exists and was not overwritten"),
        wording(
            f"再看它的 DNS 记录用 distributor dkim show --selector {selector}；另建一个密钥请用 --selector 换个名字",
            f"see its DNS record with `distributor dkim show --selector {selector}`, or name another with --selector",
        ),
    )


_OPEN = wording("别人也能读这个密钥", "others can read this key")
_MISSING = wording("DKIM 密钥文件不存在", "the DKIM key file does not exist")
_MAKE = wording("从备份恢复，或运行 distributor dkim new", "restore it from a backup, or run `distributor dkim new`")
_NO_KEY = (
    wording("设置里没有 [dkim]", "the settings have no [dkim]"),
    wording("先运行 distributor dkim new，或用 --selector 指明", "run `distributor dkim new` or pass --selector"),
)
_REFUSED = wording("密钥文件不能用，什么都没有改动", "the key file was refused, nothing was changed")

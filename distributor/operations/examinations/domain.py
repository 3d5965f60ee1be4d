"""What DNS says of the sender's domain and of the web address: SPF, DKIM, DMARC, MX, and whether the site is found.

A lookup enters, findings leave. Without an answer a thing is "not checked", never at fault: who sits behind a
firewall has done nothing wrong. Rules: RFC 7208, RFC 6376 §3.6.1, RFC 9989 §4.7 and §4.10, RFC 5321 §5.1, RFC 7505.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from distributor.delivery.servers import is_loopback
from distributor.delivery.signing import Signer
from distributor.errors import EnvironmentFault
from distributor.operations.examinations.findings import Check, Finding, told
from distributor.operations.examinations.nameservers import Lookup
from distributor.operations.examinations.settings import is_reserved_host
from distributor.operations.examinations.spf import MOST_LOOKUPS, walk_spf
from distributor.problems import Wording, wording

_SPF = Check(name="dns.spf", title=wording("SPF", "SPF"))
_DKIM = Check(name="dns.dkim", title=wording("DKIM 记录", "DKIM record"))
_DMARC = Check(name="dns.dmarc", title=wording("DMARC", "DMARC"))
_MX = Check(name="dns.mx", title=wording("MX", "MX"))
_SITE = Check(name="dns.site", title=wording("网址", "web address"))
_CHECKS = (_SPF, _DKIM, _DMARC, _MX, _SITE)

_POLICIES = ("none", "quarantine", "reject")
# RFC 9989 §4.10: a tree walk asks at most eight names.
_MOST_LABELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What is looked up: the sender's domain, who signs if we do, and the host of the web address."""

    domain: str
    signer: Signer | None
    host: str


async def examine_domain(names: Names, lookup: Lookup | None) -> tuple[Finding, ...]:
    """Return the findings of all five, looked up at the same time; `lookup` None means offline."""
    if lookup is None:
        return tuple(check.not_checked(wording("离线，没有查", "offline")) for check in _CHECKS)
    return tuple(
        await asyncio.gather(
            _answered(_SPF, names.domain, examine_spf(names.domain, lookup)),
            _answered(_DKIM, names.signer.domain if names.signer else "", examine_dkim(names.signer, lookup)),
            _answered(_DMARC, names.domain, examine_dmarc(names.domain, lookup)),
            _answered(_MX, names.domain, examine_mx(names.domain, lookup)),
            _answered(_SITE, names.host, examine_site(names.host, lookup)),
        )
    )


async def _answered(check: Check, name: str, examination: Awaitable[Finding]) -> Finding:
    try:
        finding = await examination
    except EnvironmentFault as fault:
        return check.not_checked(told(fault.message)[0])
    if is_reserved_host(name) and finding.verdict != "ok":
        return check.not_checked(wording(f"{name} 是示例域名", f"{name} is an example domain"))
    return finding


async def examine_spf(domain: str, lookup: Lookup) -> Finding:
    """Look for one SPF record that receivers can walk to its end."""
    walk = await walk_spf(domain, lookup)
    if not walk.records:
        return _SPF.warning(
            wording(f"{domain} 没有 SPF 记录", f"{domain} has no SPF record"),
            wording("按邮件服务商给的值在 DNS 加一条 TXT", "add a TXT record with the value of your mail provider"),
        )
    record = _short(walk.records[0])
    if len(walk.records) > 1:
        return _SPF.fault(
            wording(
                f"{domain} 有 {len(walk.records)} 条 SPF 记录，等于没有",
                f"{domain} has {len(walk.records)}, which void each other",
            ),
            wording(
                "合并成一条：一个 v=spf1，所有 include 都写在里面", "merge them: one v=spf1 with every include in it"
            ),
        )
    if walk.lookups > MOST_LOOKUPS or walk.without_record:
        return _SPF.warning(_not_walkable(walk.lookups, walk.without_record, record), _FEWER_INCLUDES)
    if walk.lets_everybody_pass:
        return _SPF.warning(
            wording(f"{record} 让任何人都能冒名", f"{record} lets anybody send in your name"),
            wording("把 +all 改成 ~all 或 -all", "end it with ~all or -all"),
        )
    return _SPF.ok(wording(f"{record}（查询 {walk.lookups} 次）", f"{record} ({walk.lookups} lookups)"))


def _not_walkable(lookups: int, without_record: Sequence[str], record: str) -> Wording:
    if without_record:
        names = ", ".join(without_record)
        return wording(f"{record} 引用的 {names} 没有 SPF 记录", f"{record} names {names}, which has no SPF record")
    return wording(f"{record} 要查询 {MOST_LOOKUPS} 次以上", f"{record} needs more than {MOST_LOOKUPS} lookups")


async def examine_dkim(signer: Signer | None, lookup: Lookup) -> Finding:
    """Compare the published key with the one that signs."""
    if signer is None:
        return _DKIM.not_checked(wording("没有 [dkim]：由邮件服务商签名", "no [dkim]: your mail provider signs"))
    name = f"{signer.selector}._domainkey.{signer.domain}"
    records = await lookup(name, "TXT")
    if not records:
        return _DKIM.fault(wording(f"没有记录 {name}", f"there is no record {name}"), _PUBLISH)
    if len(records) > 1:
        number = len(records)
        return _DKIM.fault(wording(f"{name} 有 {number} 条记录", f"{name} has {number} records"), _PUBLISH)
    tags = _tags(records[0])
    if _published_key(tags) != signer.key.public_key().public_numbers():
        return _DKIM.fault(wording(f"{name} 里不是签名用的公钥", f"{name} does not hold the key that signs"), _PUBLISH)
    if "y" in tags.get("t", "").split(":"):
        return _DKIM.warning(
            wording(f"{name} 还标着试用 (t=y)", f"{name} still says testing (t=y)"),
            wording("从记录里去掉 t=y", "take t=y out of the record"),
        )
    return _DKIM.ok(wording(f"{name} 与密钥一致", f"{name} agrees with the key"))


def _published_key(tags: dict[str, str]) -> object:
    """Return the numbers of the key in a DKIM record; None where it holds no usable RSA key (RFC 6376 §3.6.1)."""
    hashes = tags.get("h", "sha256").split(":")
    if tags.get("v", "DKIM1") != "DKIM1" or tags.get("k", "rsa") != "rsa" or "sha256" not in hashes:
        return None
    try:
        key = load_der_public_key(base64.b64decode("".join(tags.get("p", "").split()), validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return key.public_numbers() if isinstance(key, RSAPublicKey) else None


async def examine_dmarc(domain: str, lookup: Lookup) -> Finding:
    """Look for the DMARC policy of the domain, or of the nearest domain above it that has one."""
    labels = domain.split(".")
    for start in range(max(0, len(labels) - _MOST_LABELS), max(1, len(labels) - 1)):
        holder = ".".join(labels[start:])
        records = [record for record in await lookup(f"_dmarc.{holder}", "TXT") if _tags(record).get("v") == "DMARC1"]
        if len(records) > 1:
            return _DMARC.warning(
                wording(
                    f"_dmarc.{holder} 有 {len(records)} 条记录，都不算数",
                    f"_dmarc.{holder} has {len(records)}: none counts",
                ),
                wording("只留一条", "keep one of them"),
            )
        if records:
            return _policy(holder, records[0], own=start == 0)
    return _DMARC.warning(
        wording(f"_dmarc.{domain} 没有 DMARC 记录", f"_dmarc.{domain} has no DMARC record"),
        wording(
            "从 v=DMARC1; p=none 开始；Gmail、Outlook 要求有",
            "begin with v=DMARC1; p=none; Gmail and Outlook ask for it",
        ),
    )


def _policy(holder: str, record: str, *, own: bool) -> Finding:
    tags = _tags(record)
    policy = tags.get("p", "none") if own else tags.get("sp", tags.get("p", "none"))
    if policy.lower() not in _POLICIES:
        return _DMARC.warning(
            wording(
                f"_dmarc.{holder} 的策略看不懂：{_short(record)}",
                f"the policy of _dmarc.{holder} is none: {_short(record)}",
            ),
            wording("p= 写 none、quarantine 或 reject", "write none, quarantine or reject for p="),
        )
    return _DMARC.ok(wording(f"_dmarc.{holder}：策略 {policy}", f"_dmarc.{holder}: policy {policy}"))


async def examine_mx(domain: str, lookup: Lookup) -> Finding:
    """Look where answers and bounces would go."""
    remedy = wording(
        "在 DNS 加上 MX，让退信和回信到得了；有的服务商不收没有 MX 的域名的信",
        "add an MX record, so that bounces and answers arrive; some receivers refuse a domain without",
    )
    records = await lookup(domain, "MX")
    hosts = [record.split()[-1].rstrip(".") for record in records]
    if hosts == [""]:
        return _MX.fault(wording(f"{domain} 声明不收邮件 (null MX)", f"{domain} says that it takes no mail"), remedy)
    if hosts:
        listed = ", ".join(sorted(hosts)[:3])
        return _MX.ok(wording(f"{domain} → {listed}", f"{domain} → {listed}"))
    if await lookup(domain, "A") or await lookup(domain, "AAAA"):
        return _MX.warning(wording(f"{domain} 没有 MX，只有地址", f"{domain} has no MX, only an address"), remedy)
    return _MX.fault(wording(f"{domain} 没有 MX 也没有地址", f"{domain} has neither MX nor address"), remedy)


async def examine_site(host: str, lookup: Lookup) -> Finding:
    """Look whether readers can find the host of the archive."""
    if is_loopback(host) or _is_address(host):
        return _SITE.ok(wording(f"{host}，不用查", f"{host}, nothing to look up"))
    addresses = (*await lookup(host, "A"), *await lookup(host, "AAAA"))
    if addresses:
        listed = ", ".join(addresses[:3])
        return _SITE.ok(wording(f"{host} → {listed}", f"{host} → {listed}"))
    return _SITE.fault(
        wording(f"{host} 查不到地址，邮件里的链接打不开", f"{host} has no address, so the links in mail lead nowhere"),
        wording("在 DNS 加上它的 A 记录，或改 base_url", "add its A record, or mend base_url"),
    )


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit() or ":" in host


def _tags(record: str) -> dict[str, str]:
    """Read `v=DKIM1; k=rsa; p=…` (RFC 6376 §3.2)."""
    pairs = (part.partition("=") for part in record.split(";") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _short(record: str) -> str:
    return record if len(record) <= 100 else f"{record[:99]}…"


_PUBLISH = wording(
    "在 DNS 里只留一条，内容用 distributor dkim show 打印",
    "keep one record in DNS, as `distributor dkim show` prints it",
)
_FEWER_INCLUDES = wording(
    "去掉不用的 include；接收方只查 10 次，超过或落空就不再认",
    "drop includes that you do not need: receivers give up here",
)

"""SPF, DKIM, DMARC, MX and the web address examined, against a resolver that answers from a table."""

import asyncio
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from distributor.delivery.signing import Signer
from distributor.operations.examinations import domain
from distributor.operations.examinations.domain import Names, examine_domain
from distributor.operations.examinations.findings import Finding
from distributor.operations.examinations.nameservers import RecordKind
from distributor.operations.examinations.spf import walk_spf
from tests.dkim_keys import rsa_key
from tests.operations.examining import Records, answering, told, unreachable, verdicts

SIGNER = Signer(domain="office.cn", selector="s2026", key=rsa_key())
RECORD = "s2026._domainkey.office.cn"
IN_ORDER: Records = {
    ("office.cn", "TXT"): ("verification=1", "v=spf1 include:spf.provider.cn -all"),
    ("spf.provider.cn", "TXT"): ("v=spf1 ip4:192.0.2.0/24 -all",),
    ("_dmarc.office.cn", "TXT"): ("v=DMARC1; p=none; rua=mailto:dmarc@office.cn",),
    ("office.cn", "MX"): ("10 mx2.provider.cn.", "5 mx1.provider.cn."),
    ("news.office.cn", "A"): ("192.0.2.7",),
}


def public(key: object = None, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    chosen = key or rsa_key().public_key()
    return b64encode(chosen.public_bytes(Encoding.DER, form)).decode()  # type: ignore[attr-defined]


def txt(name: str, *values: str) -> Records:
    return {(name, "TXT"): values}


async def spf(*values: str, **others: str) -> Finding:
    records = txt("office.cn", *values)
    more: Records = {(f"{name}.cn", "TXT"): (value,) for name, value in others.items()}
    return await domain.examine_spf("office.cn", answering({**records, **more}))


# All five together


async def test_a_domain_in_order_is_well() -> None:
    records: Records = {**IN_ORDER, (RECORD, "TXT"): (f"v=DKIM1; k=rsa; p={public()}",)}

    findings = await examine_domain(Names(domain="office.cn", signer=SIGNER, host="news.office.cn"), answering(records))

    assert [finding.name for finding in findings] == ["dns.spf", "dns.dkim", "dns.dmarc", "dns.mx", "dns.site"]
    assert set(verdicts(findings)) == {"ok"}


async def test_a_resolver_that_does_not_answer_is_never_a_fault() -> None:
    findings = await examine_domain(Names(domain="office.cn", signer=SIGNER, host="news.office.cn"), unreachable())

    assert set(verdicts(findings)) == {"not checked"}
    assert "timed out" in told(findings)


async def test_offline_nobody_is_asked() -> None:
    findings = await examine_domain(Names(domain="office.cn", signer=SIGNER, host="news.office.cn"), None)

    assert set(verdicts(findings)) == {"not checked"}
    assert len(findings) == 5


async def test_example_domains_are_not_held_against_anybody() -> None:
    findings = await examine_domain(
        Names(domain="news.example.com", signer=None, host="news.example.com"), answering({})
    )

    assert set(verdicts(findings)) == {"not checked"}


async def test_the_five_are_looked_up_at_the_same_time() -> None:
    begun = 0
    all_begun = asyncio.Event()

    async def lookup(_name: str, _kind: RecordKind) -> tuple[str, ...]:
        nonlocal begun
        begun += 1
        if begun == 5:
            all_begun.set()
        await all_begun.wait()
        return ()

    names = Names(domain="office.cn", signer=SIGNER, host="news.office.cn")

    assert len(await asyncio.wait_for(examine_domain(names, lookup), 5)) == 5


# SPF


async def test_one_record_that_can_be_walked_is_well() -> None:
    finding = await spf("v=spf1 a mx:office.cn/24 include:provider.cn ~all", provider="v=spf1 ip4:192.0.2.1 -all")

    assert finding.verdict == "ok"
    assert "查询 3 次" in finding.seen.zh


@pytest.mark.parametrize("values", [(), ("spf1 mx",), ("v=spf10 mx -all",), ("v=DMARC1; p=none",)], ids=str)
async def test_no_record_is_warned_of(values: tuple[str, ...]) -> None:
    assert (await spf(*values)).verdict == "warning"


async def test_two_records_are_a_fault_because_they_void_each_other() -> None:
    assert (await spf("v=spf1 mx -all", "v=spf1 a -all")).verdict == "fault"


@pytest.mark.parametrize(
    ("record", "lookups"),
    [
        ("v=spf1 -all", 0),
        ("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 all:x -all", 0),
        ("v=spf1 a mx ptr exists:%{i}.x.cn ?a:b.cn/24 -mx/24//64 -all", 6),
        ("v=spf1 include:one.cn include:two.cn -all", 4),
        ("V=SPF1 INCLUDE:one.cn redirect=two.cn", 4),
        ("v=spf1 include:%{d}.x.cn -all", 1),
    ],
)
async def test_lookups_are_counted_as_receivers_count_them(record: str, lookups: int) -> None:
    # one.cn and two.cn ask for one more each.
    records = {**txt("office.cn", record), **txt("one.cn", "v=spf1 mx -all"), **txt("two.cn", "v=spf1 a -all")}

    walk = await walk_spf("office.cn", answering(records))

    assert walk.lookups == lookups
    assert walk.without_record == ()


@pytest.mark.parametrize(("number", "verdict"), [(10, "ok"), (11, "warning")])
async def test_more_than_ten_lookups_are_warned_of(number: int, verdict: str) -> None:
    mechanisms = " ".join(f"a:host{index}.cn" for index in range(number))

    assert (await spf(f"v=spf1 {mechanisms} -all")).verdict == verdict


async def test_a_domain_that_includes_itself_ends_at_the_limit() -> None:
    finding = await spf("v=spf1 include:office.cn -all")

    assert finding.verdict == "warning"
    assert "10 次以上" in finding.seen.zh


async def test_an_include_without_a_record_is_warned_of_by_name() -> None:
    finding = await spf("v=spf1 include:gone.cn -all")

    assert finding.verdict == "warning"
    assert "gone.cn" in finding.seen.zh


@pytest.mark.parametrize("end", ["+all", "all"])
async def test_a_record_that_lets_everybody_pass_is_warned_of(end: str) -> None:
    assert (await spf(f"v=spf1 mx {end}")).verdict == "warning"


# DKIM


async def dkim(*values: str, signer: Signer | None = SIGNER) -> Finding:
    return await domain.examine_dkim(signer, answering(txt(RECORD, *values)))


@pytest.mark.parametrize(
    "value",
    [
        f"v=DKIM1; k=rsa; p={public()}",
        f"p={public()}",
        f"v=DKIM1;h=sha1:sha256;p={public()[:100]} {public()[100:]};",
    ],
    ids=["usual", "shortest", "with blanks"],
)
async def test_a_record_with_our_key_is_well(value: str) -> None:
    assert (await dkim(value)).verdict == "ok"


@pytest.mark.parametrize(
    "values",
    [
        (),
        (f"v=DKIM1; p={public(rsa_key(1024).public_key())}",),
        ("v=DKIM1; k=rsa; p=",),
        (f"v=DKIM1; p={public()[:-8]}",),
        ("v=DKIM1; p=not base64!",),
        (f"v=DKIM1; k=ed25519; p={public()}",),
        (f"v=DKIM1; h=sha1; p={public()}",),
        (f"v=DKIM1; p={public(ec.generate_private_key(ec.SECP256R1()).public_key())}",),
        (f"p={public()}", f"p={public()}"),
    ],
    ids=["none", "another key", "revoked", "cut", "garbage", "ed25519", "sha1", "elliptic", "two"],
)
async def test_a_record_without_our_key_is_a_fault_that_says_how_to_print_it(values: tuple[str, ...]) -> None:
    finding = await dkim(*values)

    assert (finding.verdict, finding.concern) == ("fault", "config")
    assert finding.remedy is not None
    assert "distributor dkim show" in finding.remedy.zh


async def test_a_record_still_on_trial_is_warned_of() -> None:
    assert (await dkim(f"v=DKIM1; t=y:s; p={public()}")).verdict == "warning"


async def test_without_a_key_of_ours_nothing_is_compared() -> None:
    assert (await dkim(signer=None)).verdict == "not checked"


# DMARC


@pytest.mark.parametrize(
    ("records", "verdict", "said"),
    [
        (txt("_dmarc.news.office.cn", "v=DMARC1; p=reject"), "ok", "_dmarc.news.office.cn：策略 reject"),
        (txt("_dmarc.office.cn", "v=DMARC1; p=none"), "ok", "_dmarc.office.cn：策略 none"),
        (txt("_dmarc.office.cn", "v=DMARC1; p=reject; sp=quarantine"), "ok", "策略 quarantine"),
        (txt("_dmarc.news.office.cn", "v=DMARC1; rua=mailto:a@office.cn"), "ok", "策略 none"),
        (txt("_dmarc.news.office.cn", "v=DMARC1; p=nothing"), "warning", "p=nothing"),
        (txt("_dmarc.news.office.cn", "v=DMARC1; p=none", "v=DMARC1; p=reject"), "warning", "2 条"),
        (txt("_dmarc.news.office.cn", "dmarc please"), "warning", "没有 DMARC"),
        (txt("_dmarc.cn", "v=DMARC1; p=none"), "warning", "没有 DMARC"),
        ({}, "warning", "没有 DMARC"),
    ],
    ids=["own", "above", "for subdomains", "no policy", "unknown", "two", "no record", "registry", "none"],
)
async def test_which_policy_holds_for_the_sender(records: Records, verdict: str, said: str) -> None:
    finding = await domain.examine_dmarc("news.office.cn", answering(records))

    assert finding.verdict == verdict
    assert said in finding.seen.zh


async def test_a_walk_up_a_long_name_asks_at_most_eight_times() -> None:
    asked: list[str] = []

    async def lookup(name: str, _kind: RecordKind) -> tuple[str, ...]:
        asked.append(name)
        return ()

    await domain.examine_dmarc(".".join([*"abcdefghijkl", "office", "cn"]), lookup)

    assert len(asked) <= 8
    assert asked[-1] == "_dmarc.office.cn"


# MX and the web address


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ({("office.cn", "MX"): ("10 mx.provider.cn.",)}, "ok"),
        ({("office.cn", "A"): ("192.0.2.1",)}, "warning"),
        ({("office.cn", "AAAA"): ("2001:db8::1",)}, "warning"),
        ({}, "fault"),
        ({("office.cn", "MX"): ("0 .",)}, "fault"),
    ],
    ids=["mx", "address", "address of version 6", "nothing", "null mx"],
)
async def test_where_answers_and_bounces_would_go(records: Records, verdict: str) -> None:
    assert (await domain.examine_mx("office.cn", answering(records))).verdict == verdict


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ({("news.office.cn", "A"): ("192.0.2.7",)}, "ok"),
        ({("news.office.cn", "AAAA"): ("2001:db8::7",)}, "ok"),
        ({}, "fault"),
    ],
    ids=["a", "aaaa", "none"],
)
async def test_whether_readers_can_find_the_archive(records: Records, verdict: str) -> None:
    assert (await domain.examine_site("news.office.cn", answering(records))).verdict == verdict


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "192.0.2.7", "2001:db8::7"])
async def test_an_address_needs_no_name_server(host: str) -> None:
    assert (await domain.examine_site(host, unreachable())).verdict == "ok"


async def test_a_long_record_is_shown_in_short() -> None:
    finding = await spf("v=spf1 " + "ip4:192.0.2.1 " * 200 + "-all")

    assert finding.verdict == "ok"
    assert len(finding.seen.zh) < 140

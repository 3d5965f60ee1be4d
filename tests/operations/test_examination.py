"""The examination as a whole: everything in order, each part's fault beside the others, and nothing changed by it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from distributor.operations import membership
from distributor.operations.examination import Instruments, examine
from distributor.operations.examinations.findings import Check, Finding, exit_code, told
from distributor.operations.examinations.nameservers import Lookup
from distributor.operations.office import make_key_file
from distributor.problems import Problem, wording
from tests import smtp_servers
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list, write_workspace
from tests.operations import examining
from tests.operations.examining import OURS, SUMMER, answering, named, unreachable, verdicts
from tests.smtp_servers import Sink, serving

USER, PASSWORD = "weekly@news.office.cn", "authorisation-code-42"
IN_ORDER: examining.Records = {
    ("news.office.cn", "TXT"): ("v=spf1 mx -all",),
    ("_dmarc.news.office.cn", "TXT"): ("v=DMARC1; p=reject",),
    ("news.office.cn", "MX"): ("10 mx.office.cn.",),
    ("news.office.cn", "A"): ("192.0.2.7",),
}
A_CHECK = Check(name="thing", title=wording("东西", "thing"))
SEEN, REMEDY = wording("看到的", "seen"), wording("怎么办", "remedy")


def instruments(lookup: Lookup | None = None, **changes: object) -> Instruments:
    known = {"clock": SetClock(SUMMER), "environment": {}, "lookup": lookup, "python": (3, 13, 12)}
    return Instruments(**{**known, "free_bytes": lambda _folder: 10**12, **changes})  # type: ignore[arg-type]


async def examined(root: Path, looked_with: Instruments) -> list[Finding]:
    return [finding async for finding in examine(root, looked_with)]


def workspace(root: Path, *, more: str = "", **changes: str) -> Path:
    make_key_file(root)
    return write_workspace(root, changes=OURS | changes, more=more)


def smtp_table(port: int, scheme: str = "smtp+plaintext") -> str:
    return f'\n[[smtp]]\nurl = "{scheme}://weekly%40news.office.cn@127.0.0.1:{port}"\npassword_file = "secrets/smtp"\n'


def write_password(root: Path) -> None:
    (root / "secrets").mkdir(exist_ok=True)
    (root / "secrets" / "smtp").touch(mode=0o600)
    (root / "secrets" / "smtp").write_text(PASSWORD, encoding="utf-8")


def contents(root: Path) -> dict[str, bytes]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).digest() for path in files}


async def test_an_office_in_order_has_nothing_to_mend(tmp_path: Path) -> None:
    authority, sink = trustme.CA(), Sink(users={USER: PASSWORD})
    write_password(tmp_path)
    async with serving(sink, tls="implicit", context=smtp_servers.certificate(authority)) as running:
        root = workspace(tmp_path, more=smtp_table(running.port, "smtps"))
        async with office_in(root, SetClock(SUMMER)):
            pass
        findings = await examined(root, instruments(answering(IN_ORDER), trust=smtp_servers.trusting(authority)))

    assert [finding for finding in findings if finding.verdict not in {"ok", "not checked"}] == []
    assert [finding.name for finding in findings if finding.verdict == "not checked"] == ["dns.dkim"]
    assert exit_code(findings) == 0
    assert sink.received == []


async def test_every_part_is_looked_at(tmp_path: Path) -> None:
    findings = await examined(workspace(tmp_path), instruments(answering(IN_ORDER)))

    assert list(dict.fromkeys(finding.name for finding in findings)) == [
        *("python", "disk", "var", "settings", "database", "clock", "publication", "token_key", "calendar"),
        *("schedules", "lists", "templates", "smtp", "dns.spf", "dns.dkim", "dns.dmarc", "dns.mx", "dns.site"),
    ]


async def test_an_examination_leaves_every_file_as_it_was(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    write_issue(root)
    async with office_in(root, SetClock(SUMMER)):
        pass
    before = contents(root)

    await examined(root, instruments(unreachable()))

    assert contents(root) == before


async def test_an_examination_of_a_fresh_workspace_makes_nothing(tmp_path: Path) -> None:
    root = write_workspace(tmp_path, changes=OURS)
    before = contents(root)

    findings = await examined(root, instruments())

    assert contents(root) == before
    assert not (root / "var").exists()
    assert not (root / "secrets").exists()
    assert exit_code(findings) == 0


async def test_broken_settings_leave_the_machine_examined_and_say_what_was_not(tmp_path: Path) -> None:
    root = write_workspace(tmp_path, changes={"schema = 1": "schema = 2", "Asia/Shanghai": "Asia/Shangai"})

    findings = await examined(root, instruments(answering(IN_ORDER)))

    assert verdicts(named(findings, "settings")) == ["fault", "fault"]
    assert [finding.verdict for finding in findings if finding.name in {"python", "disk", "var", "clock"}] == ["ok"] * 4
    assert {"database", "templates", "lists", "smtp", "dns"} == {
        finding.name for finding in findings if finding.verdict == "not checked"
    }
    assert exit_code(findings) == 2


async def test_a_clock_behind_the_database_is_found(tmp_path: Path) -> None:
    root = workspace(tmp_path)
    write_list(root, "members", {"reader@office.cn": ""})
    async with office_in(root, SetClock(datetime(2026, 6, 2, tzinfo=UTC))) as office:
        await membership.sync_changed(office, office.workspace.list_names)

    findings = await examined(root, instruments())

    assert verdicts(named(findings, "clock")) == ["fault"]
    assert exit_code(findings) == 3


async def test_a_full_disk_does_not_hide_a_missing_server(tmp_path: Path) -> None:
    root = workspace(tmp_path, **{'transport = "outbox"': 'transport = "smtp"'})

    findings = await examined(root, instruments(free_bytes=lambda _folder: 1_000))

    assert [finding.name for finding in findings if finding.verdict == "fault"] == ["disk", "smtp"]


async def test_offline_no_server_elsewhere_is_connected_to(tmp_path: Path) -> None:
    write_password(tmp_path)
    table = smtp_table(465, "smtps").replace("127.0.0.1", "smtp.office.cn")
    async with serving(sink := Sink(users={USER: PASSWORD})) as running:
        root = workspace(tmp_path, more=table + smtp_table(running.port))
        findings = await examined(root, instruments(environment={"DISTRIBUTOR_SMTP_PASSWORD_2": PASSWORD}))

    assert verdicts(named(findings, "smtp.1.connect")) == ["not checked"]
    # The relay on this host is no other machine.
    assert verdicts(named(findings, "smtp.2.sender")) == ["ok"]
    assert {finding.verdict for finding in findings if finding.name.startswith("dns.")} == {"not checked"}
    assert sink.connections == 2


async def test_a_limit_is_compared_with_the_budget_of_the_settings(tmp_path: Path) -> None:
    write_password(tmp_path)
    sink = Sink(users={USER: PASSWORD})
    sink.size_limit = 1_000_000
    async with serving(sink) as running:
        # 2 × 500,000 bytes, a third more in base64.
        changes = {"max_html_kb = 95": "max_html_kb = 500"}
        root = workspace(tmp_path, more=smtp_table(running.port), **changes)
        findings = await examined(root, instruments())

    assert verdicts(named(findings, "smtp.1.size")) == ["fault"]


async def test_secrets_are_in_no_finding_and_no_repr(tmp_path: Path) -> None:
    write_password(tmp_path)
    async with serving(Sink(users={USER: "another"})) as running:
        root = workspace(tmp_path, more=smtp_table(running.port))
        looked_with = instruments(environment={"DISTRIBUTOR_SMTP_PASSWORD": PASSWORD})
        findings = await examined(root, looked_with)

    assert verdicts(named(findings, "smtp.1.login")) == ["fault"]
    assert PASSWORD not in examining.told(findings) + repr(findings) + repr(looked_with)


# Findings


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([A_CHECK.ok(SEEN), A_CHECK.warning(SEEN, REMEDY), A_CHECK.not_checked(SEEN)], 0),
        ([A_CHECK.ok(SEEN), A_CHECK.fault(SEEN, REMEDY)], 2),
        ([A_CHECK.fault(SEEN, REMEDY, concern="environment")], 3),
        ([A_CHECK.fault(SEEN, REMEDY, concern="environment"), A_CHECK.fault(SEEN, REMEDY)], 2),
    ],
    ids=["nothing", "warnings", "config", "environment", "both"],
)
def test_the_exit_code_says_who_must_mend(findings: list[Finding], code: int) -> None:
    assert exit_code(findings) == code


@pytest.mark.parametrize(("warning", "verdict"), [(False, "fault"), (True, "warning")])
def test_a_problem_becomes_a_finding_with_its_place(warning: bool, verdict: str) -> None:
    problem = Problem(path="distributor.toml", line=3, what=SEEN, remedy=REMEDY, warning=warning)

    finding = A_CHECK.problem(problem)

    assert (finding.verdict, finding.seen.zh, finding.remedy) == (verdict, "distributor.toml:3: 看到的", REMEDY)


@pytest.mark.parametrize(
    ("zh", "en", "parts"),
    [
        ("连不上 → 检查网络", "cannot reach → check it", ("连不上", "cannot reach", "检查网络", "check it")),
        ("连不上 → 检查网络", "x: cannot reach: check it", ("连不上", "x: cannot reach", "检查网络", "check it")),
        (
            "读不了 a：b",
            "cannot read a: b",
            ("读不了 a：b", "cannot read a: b", "按左边的原因处理", "mend what it names"),
        ),
    ],
    ids=["arrows", "colon", "no remedy"],
)
def test_a_message_is_parted_into_what_was_seen_and_the_remedy(
    zh: str, en: str, parts: tuple[str, str, str, str]
) -> None:
    seen, remedy = told(wording(zh, en))

    assert (seen.zh, seen.en, remedy.zh, remedy.en) == parts

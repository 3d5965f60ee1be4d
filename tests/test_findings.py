"""Eleven traps of the libraries below us, each found by measuring, and the tests that keep us out of them.

| finding | what happened | kept by |
|---|---|---|
| 1 | a title that decodes to header lines added real headers | delivery/test_compose.py, here |
| 2 | a display name that decodes to line ends raised an error | delivery/test_headers.py, here |
| 3 | an address with a line end was cut, and somebody else mailed | delivery/test_session.py, test_headers.py, here |
| 4 | an address beyond ASCII raised an error of another tree | delivery/test_session.py, test_compose.py, here |
| 5 | a server that hides STARTTLS was given the password | delivery/test_transport.py |
| 6 | a certificate that nobody vouches for | delivery/test_transport.py |
| 7 | bare line ends, dots, NUL and long lines in a body | delivery/test_session.py, test_compose.py |
| 8 | a blank of the subject fell out between two encoded words | delivery/test_compose.py, here |
| 9 | characters that XML forbids broke the feed after the mail had gone | here |
| 10 | templates escape nothing by themselves and may run without end | here |
| 11 | garbage, endless or missing answers taken for a refusal | delivery/test_session.py, test_outcomes.py |

The tests here send with the whole house to a real server on this host; what it received is the evidence.
"""

import ast
import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from distributor.delivery import headers
from distributor.errors import DistributorError, EnvironmentFault, InputError, TemplateError
from distributor.identifiers import IssueId, ListName
from distributor.operations import sending
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.schema import mailing
from tests.conftest import SetClock
from tests.delivery import rfc2047
from tests.offices import article_text, office_in, write_issue, write_list, write_workspace
from tests.smtp_servers import Sink, serving

TESTS = Path(__file__).parent
PLAN = SendingPlan(issue=IssueId("2015-055"), lists=(ListName("members"),))
READER = "reader@example.com"
HEADERS_IN_A_WORD = "=?utf-8?q?a=0ABcc:=20evil@example.org=0AX-Inj:=201?="
# What XML 1.0 §2.2 forbids, and a lone surrogate as UTF-8 would write it.
FORBIDDEN = [b"\x08", b"\x0b", b"\x00", "\ufffe".encode(), "\uffff".encode(), b"\xed\xa0\x80"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of sending: what the server received, what stands on the web, whether a mailing was begun."""

    sink: Sink
    public: Path
    error: DistributorError | None
    mailings: int

    @property
    def mail(self) -> EmailMessage:
        (only,) = self.sink.received
        return BytesParser(policy=email.policy.default).parsebytes(only.content)

    @property
    def nothing_left(self) -> bool:
        return not self.sink.received and not self.mailings

    def html(self) -> str:
        part = self.mail.get_body(("html",))
        assert part is not None
        content: str = part.get_content()
        return content

    def pages(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in sorted(self.public.rglob("*.html")))


async def sent(root: Path, clock: SetClock, *edits: Callable[[Path], Any], sink: Sink | None = None) -> Sent:
    """Send one small issue, edited, to a server on this host, with the whole house."""
    sink, error = sink or Sink(), None
    async with serving(sink) as server:
        more = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{server.port}"\n'
        write_workspace(root, changes={'transport = "smtp"': 'transport = "smtp"'}, more=more)
        write_issue(root, sections=("market",))
        write_list(root, "members", {READER: ""})
        for edit in edits:
            edit(root)
        async with office_in(root, clock) as office:
            try:
                await sending.send(office, PLAN)
            except DistributorError as caught:
                error = caught
            async with office.database.read() as connection:
                mailings = await connection.scalar(sa.select(sa.func.count()).select_from(mailing)) or 0
            return Sent(sink=sink, public=office.workspace.public, error=error, mailings=mailings)


def article(title: str = "", body: str = "") -> Callable[[Path], Any]:
    text = article_text("2015-055-a01", "market", title=title, body=body)
    return lambda root: (root / "content/2015-055/a01.md").write_text(text, encoding="utf-8")


def members(rows: str) -> Callable[[Path], Any]:
    text = f"email,name,sections\n{rows}\n"
    return lambda root: (root / "subscribers/members.csv").write_text(text, encoding="utf-8")


def header_names(content: bytes) -> list[str]:
    return [name for name, _ in headers.split_headers(content)]


def subject(text: str) -> Callable[[Path], Any]:
    def write(root: Path) -> None:
        with (root / "content/2015-055/issue.toml").open("a", encoding="utf-8") as file:
            file.write(f'subject = "{text}"\n')

    return write


@pytest.mark.parametrize("edit", [article(title=f"'{HEADERS_IN_A_WORD}'"), subject(HEADERS_IN_A_WORD)])
async def test_finding_1_a_title_that_decodes_to_headers_is_refused_before_anything_leaves(
    tmp_path: Path, clock: SetClock, edit: Callable[[Path], Any]
) -> None:
    one = await sent(tmp_path, clock, edit)

    assert isinstance(one.error, InputError)
    assert one.nothing_left
    assert not one.public.exists()


async def test_finding_2_a_name_that_decodes_to_headers_adds_none_and_stops_nobody(
    tmp_path: Path, clock: SetClock
) -> None:
    usual = await sent(tmp_path / "usual", clock)

    rows = members(f"{READER},,\nother@example.com,{HEADERS_IN_A_WORD},")
    hostile = await sent(tmp_path / "hostile", clock, rows)

    assert READER in {received.recipient for received in hostile.sink.received}
    for received in hostile.sink.received:
        assert header_names(received.content) == header_names(usual.sink.received[0].content)


@pytest.mark.parametrize(
    "address", ["other@example.com> NOTIFY=NEVER", '"other@example.com>\nRCPT TO:<third@example.com"', "甲@例子.cn"]
)
async def test_findings_3_and_4_an_odd_address_gets_nothing_and_stops_nobody(
    tmp_path: Path, clock: SetClock, address: str
) -> None:
    one = await sent(tmp_path, clock, members(f"{READER},,\n{address},,"))

    assert [received.recipient for received in one.sink.received] == [READER]


async def test_finding_8_the_subject_keeps_its_blanks_on_the_wire(tmp_path: Path, clock: SetClock) -> None:
    title = "上半年 GDP 增长 7.0% 与 CO2 排放 下降 的 关系"

    one = await sent(tmp_path, clock, subject(title))

    assert rfc2047.decode(dict(headers.split_headers(one.sink.received[0].content))["Subject"]) == title


@pytest.mark.parametrize("character", FORBIDDEN)
async def test_finding_9_a_character_that_xml_forbids_is_named_before_anything_leaves(
    tmp_path: Path, clock: SetClock, character: bytes
) -> None:
    def spoil(root: Path) -> None:
        with (root / "content/2015-055/a01.md").open("ab") as file:
            file.write("甲".encode() + character + "乙\n".encode())

    one = await sent(tmp_path, clock, spoil)

    assert isinstance(one.error, InputError)
    assert "a01.md" in one.error.text("en")
    assert one.nothing_left
    assert not one.public.exists()


@pytest.mark.parametrize("scheme", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x"])
async def test_finding_9_a_link_that_runs_code_never_passes(tmp_path: Path, clock: SetClock, scheme: str) -> None:
    one = await sent(tmp_path, clock, article(body=f"[这里]({scheme})"))

    assert isinstance(one.error, InputError)
    assert one.nothing_left


async def test_finding_9_where_pages_cannot_be_written_no_mail_leaves(tmp_path: Path, clock: SetClock) -> None:
    def block(root: Path) -> None:
        (root / "var").mkdir()
        (root / "var/public").write_text("a file where the folder should be", encoding="utf-8")

    one = await sent(tmp_path, clock, block)

    assert isinstance(one.error, EnvironmentFault)
    assert one.nothing_left


class Looking(Sink):
    """Looks at the feeds on the web at the moment a mail arrives."""

    def __init__(self, public: Path) -> None:
        super().__init__()
        self.public = public
        self.feeds: dict[str, bytes] = {}

    def keep(self, envelope: Any) -> None:
        self.feeds |= feeds_in(self.public)
        super().keep(envelope)


def feeds_in(public: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in public.glob("feeds/*") if path.suffix in {".atom", ".rss"}}


async def test_finding_9_whole_feeds_stand_on_the_web_when_the_first_mail_arrives(
    tmp_path: Path, clock: SetClock
) -> None:
    looking = Looking(tmp_path / "var/public")

    one = await sent(tmp_path, clock, article(title="碳市场与电力"), sink=looking)

    assert looking.feeds == feeds_in(one.public)
    for name in ("all.atom", "all.rss", "section-market.atom"):
        assert "碳市场与电力" in etree.fromstring(looking.feeds[name]).xpath("//*[local-name()='title']/text()")


async def test_finding_10_what_an_article_says_is_never_run_as_a_template(tmp_path: Path, clock: SetClock) -> None:
    code = "{{ 7 * 191 }} {% for one in range(9) %}x{% endfor %} {# gone #}"

    one = await sent(tmp_path, clock, article(title=f"'{code}'", body=code))

    for text in (one.html(), one.pages()):
        assert text.count("{{ 7 * 191 }} {% for one in range(9) %}x{% endfor %} {# gone #}") > 1
        assert "1337" not in text


async def test_finding_10_markup_in_a_title_is_only_shown(tmp_path: Path, clock: SetClock) -> None:
    one = await sent(tmp_path, clock, article(title="'<script>alert(1)</script><img src=x onerror=alert(2)>'"))

    for text in (one.html(), one.pages()):
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


@pytest.mark.parametrize(
    "runaway",
    ['{{ "x" * 10**9 }}', "{% for a in range(90000) %}{% for b in range(90000) %} {% endfor %}{% endfor %}"],
)
async def test_finding_10_a_template_without_end_stops_before_anything_leaves(
    tmp_path: Path, clock: SetClock, runaway: str
) -> None:
    def spoil(root: Path) -> None:
        with (root / "templates/email.html").open("a", encoding="utf-8") as file:
            file.write(runaway)

    one = await sent(tmp_path, clock, spoil)

    assert isinstance(one.error, TemplateError)
    assert one.nothing_left
    assert not one.public.exists()


@pytest.mark.parametrize("number", range(1, 12))
def test_every_finding_has_its_tests_where_the_table_says(number: int) -> None:
    (cell,) = re.findall(rf"^\| {number} \|.*\| (.+) \|$", __doc__ or "", re.MULTILINE)
    folder = TESTS / "delivery"
    for name in cell.split(", "):
        file = Path(__file__) if name == "here" else TESTS / name if "/" in name else folder / name
        folder = file.parent
        numbers = {
            int(found)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_finding")
            for found in re.findall(r"_(\d+)(?=_)", node.name)
        }

        assert number in numbers, file.name

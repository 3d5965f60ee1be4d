"""Corrections after publication: what changes in pages and feeds, what stays as it was, and that nobody is mailed."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from distributor.delivery import counts, decisions, pilots
from distributor.errors import AnotherProcess, EnvironmentFault, HeldError, InputError
from distributor.identifiers import IssueId, ListName, MailingId
from distributor.operations import correcting, delivering, launching, membership, publishing, worker
from distributor.operations.correcting import CHANGING_TEXT, Corrected
from distributor.operations.launching import LaunchOrder
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from tests.conftest import SetClock
from tests.offices import article_text
from tests.operations.test_publishing import with_deploy

NOTE = "第二句应为 41.5 元"
A02 = "2015-055-a02"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def launched(office: Office, clock: SetClock) -> Office:
    """The issue went to three readers into the outbox; a week later somebody finds a mistake."""
    await worker.tick(office)
    await delivering.deliver(office, MailingId(1))
    clock.advance(timedelta(days=7))
    return office


def mend(office: Office, article: str = A02, body: str = "改好的正文，41.5 元。") -> Path:
    path = office.workspace.root / "content" / "2015-055" / f"{article[-3:]}.md"
    path.write_text(article_text(article, "policy", body=body), encoding="utf-8")
    return path


async def correct(office: Office, note: str = NOTE, article: str = "a02") -> Corrected:
    return await correcting.correct(office, await correcting.draft(office, "55", article, note))


def files(office: Office) -> dict[str, bytes]:
    public = office.workspace.public
    return {path.relative_to(public).as_posix(): path.read_bytes() for path in public.rglob("*") if path.is_file()}


def atom_entries(feed: bytes) -> dict[str, bytes]:
    entries = etree.fromstring(feed).findall(f"{ATOM}entry")
    return {entry.findtext(f"{ATOM}id") or "": etree.tostring(entry, method="c14n") for entry in entries}


def rss_items(feed: bytes) -> dict[str, bytes]:
    items = etree.fromstring(feed).findall("channel/item")
    return {item.findtext("guid") or "": etree.tostring(item, method="c14n") for item in items}


def json_items(feed: bytes) -> dict[str, bytes]:
    return {item["id"]: json.dumps(item).encode() for item in json.loads(feed)["items"]}


READERS = {"atom": atom_entries, "rss": rss_items, "json": json_items}


def changed_entries(before: Mapping[str, bytes], after: Mapping[str, bytes], form: str) -> dict[str, set[str]]:
    """Return the ids of the entries that are not byte for byte as before, by feed."""
    found = {}
    for name in (name for name in before if name.endswith(f".{form}")):
        old, new = READERS[form](before[name]), READERS[form](after[name])
        assert old.keys() == new.keys()
        found[name] = {key.rpartition(":")[2] for key in old if old[key] != new[key]}
    return {name: changed for name, changed in found.items() if changed}


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
async def test_only_the_entry_of_the_corrected_article_changes(launched: Office, form: str) -> None:
    before = files(launched)
    mend(launched)

    await correct(launched)

    assert changed_entries(before, files(launched), form) == {
        f"feeds/all.{form}": {A02},
        f"feeds/section-policy.{form}": {A02},
        # The entry of an issue holds its articles.
        f"feeds/issues.{form}": {"2015-055"},
    }


async def test_its_updated_is_the_minute_of_the_correction(launched: Office) -> None:
    await correct(launched)

    items = {item["id"]: item for item in json.loads(files(launched)["feeds/all.json"])["items"]}
    moved = {key[-3:]: item["date_modified"] for key, item in items.items() if "07-10" not in item["date_modified"]}
    assert moved == {"a02": "2015-07-17T09:00:04+08:00"}
    assert NOTE in json.dumps(items, ensure_ascii=False)


async def test_pages_show_the_note_with_its_date(launched: Office) -> None:
    await correct(launched)

    pages = files(launched)
    for name in (f"articles/{A02}.html", "issues/2015-055.html"):
        assert f"更正（2015年7月17日）</time></strong>：{NOTE}" in pages[name].decode()


async def test_nobody_is_mailed_and_no_account_changes(launched: Office) -> None:
    outbox = sorted(launched.workspace.outbox.rglob("*"))
    async with launched.database.read() as connection:
        before = await counts.mailings(connection)

    await correct(launched)

    assert sorted(launched.workspace.outbox.rglob("*")) == outbox
    async with launched.database.read() as connection:
        assert await counts.mailings(connection) == before


async def test_it_says_whether_the_text_changed(launched: Office) -> None:
    as_published = await correcting.draft(launched, "55", "a02", NOTE)
    mend(launched)
    mended = await correcting.draft(launched, "55", "a02", NOTE)
    (launched.workspace.public / "articles" / f"{A02}.html").unlink()
    without_page = await correcting.draft(launched, "55", "a02", NOTE)

    assert [one.text_changed for one in (as_published, mended, without_page)] == [False, True, None]


async def test_a_second_correction_keeps_the_first_one(launched: Office, clock: SetClock) -> None:
    await correct(launched)
    clock.advance(timedelta(days=3))

    await correct(launched, "单位应为吨")

    page = files(launched)[f"articles/{A02}.html"].decode()
    assert page.index("更正（2015年7月20日）") < page.index("更正（2015年7月17日）")
    assert NOTE in page


async def test_the_same_words_again_change_nothing(launched: Office, clock: SetClock) -> None:
    await correct(launched)
    before = files(launched)
    clock.advance(timedelta(minutes=5))

    again = await correct(launched)

    assert (again.file_changed, again.publication.written) == (False, ())
    assert files(launched) == before


async def test_text_mended_after_its_note_moves_updated_and_is_noted_once(launched: Office, clock: SetClock) -> None:
    path = (await correct(launched)).draft.article.path
    article = launched.workspace.root / path
    article.write_text(article.read_text(encoding="utf-8").replace("第二句。", "41.5 元。"), encoding="utf-8")
    clock.advance(timedelta(minutes=5))

    await correct(launched)

    header = article.read_text(encoding="utf-8").split("---")[1]
    assert header.count(NOTE) == 1
    assert "updated: 2015-07-17 09:05" in header


async def test_a_correction_killed_before_publishing_is_published_by_the_same_words(
    launched: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = await correcting.draft(launched, "55", "a02", NOTE)
    article = launched.workspace.root / drafted.article.path
    article.write_text(drafted.after, encoding="utf-8")

    await correct(launched)

    assert article.read_text(encoding="utf-8").count(NOTE) == 1
    assert NOTE in files(launched)[f"articles/{A02}.html"].decode()


async def test_a_rehearsal_names_the_files_and_writes_none(launched: Office) -> None:
    before = files(launched)
    drafted = await correcting.draft(launched, "55", "a02", NOTE)

    shown = await correcting.would_change(launched, drafted)

    assert files(launched) == before
    assert {str(file.path) for file in shown} == {
        str(path) for path in (await correcting.correct(launched, drafted)).publication.written
    }
    assert {file.path.name for file in shown} >= {f"{A02}.html", "2015-055.html", "all.atom"}


async def test_an_issue_that_never_went_is_refused_with_the_remedy(office: Office) -> None:
    with pytest.raises(InputError, match="just edit the article"):
        await correcting.draft(office, "55", "a02", NOTE)


async def test_an_issue_with_a_fault_is_refused_and_its_article_stays(launched: Office) -> None:
    article = mend(launched)
    (article.parent / "a03.md").write_text("no header", encoding="utf-8")
    before = article.read_bytes()

    with pytest.raises(InputError):
        await correct(launched)

    assert article.read_bytes() == before


async def test_a_disk_that_refuses_is_told_as_such(launched: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("distributor.content.corrections.write_article", full)

    with pytest.raises(EnvironmentFault, match="No space left"):
        await correct(launched)


async def test_a_deployment_that_failed_is_done_by_the_next_publishing(launched: Office, tmp_path: Path) -> None:
    broken = with_deploy(launched, f"{sys.executable} -c 'raise SystemExit(1)'")
    with pytest.raises(EnvironmentFault):
        await correct(broken)
    working = with_deploy(launched, f"{sys.executable} -c \"open('{tmp_path}/deployed', 'a').write('x')\"")

    await publishing.publish(working)
    await publishing.publish(working)

    assert (tmp_path / "deployed").read_text() == "x"


async def launch_to_members(office: Office) -> None:
    await membership.sync_changed(office, (ListName("members"),))
    plan = SendingPlan(issue=IssueId("2015-055"), lists=(ListName("members"),))
    await launching.launch(office, LaunchOrder(plan=plan, origin="members"))


async def send_rest(office: Office, **options: object) -> correcting.Rest:
    drafted = await correcting.draft(office, "55", "a02", NOTE)
    await correcting.correct(office, drafted)
    (unsent,) = await correcting.unsent(office, drafted.issue)
    return await correcting.send_rest(office, unsent.line, **options)  # type: ignore[arg-type]  # its own keywords


async def mailed(office: Office) -> str:
    await delivering.deliver(office, MailingId(1))
    async with office.database.read() as connection:
        renditions = await counts.load_renditions(connection, MailingId(1))
        editions = await counts.readers_by_edition(connection, MailingId(1))
    return "".join(renditions[key].html for key in editions)


async def test_unsent_copies_bear_the_new_text_and_the_mailing_goes_on(office: Office) -> None:
    await launch_to_members(office)
    mend(office)

    rest = await send_rest(office)

    assert rest.goes_on
    # The third reader has neither the article nor its section.
    assert sum(rest.refrozen.moved.values()) == 2
    assert "41.5 元" in await mailed(office)
    assert await correcting.unsent(office, (await correcting.draft(office, "55", "a02", NOTE)).issue) == ()


async def test_a_mailing_that_a_person_paused_stays_paused(office: Office) -> None:
    await launch_to_members(office)
    async with office.database.write() as tx:
        await decisions.pause(tx, MailingId(1), reason="图错了")

    rest = await send_rest(office)

    async with office.database.read() as connection:
        mailing = await counts.load_mailing(connection, MailingId(1))
    assert (rest.goes_on, mailing.state, mailing.reason) == (False, "paused", "图错了")


async def test_a_change_of_text_that_was_cut_short_is_finished_by_the_same_call(office: Office) -> None:
    await launch_to_members(office)
    async with office.database.write() as tx:
        await decisions.pause(tx, MailingId(1), reason=CHANGING_TEXT)

    assert (await send_rest(office)).goes_on


async def test_copies_in_a_senders_hands_leave_the_mailing_paused(office: Office) -> None:
    await launch_to_members(office)
    await claimed(office)
    heard: list[int] = []

    with pytest.raises(AnotherProcess):
        await send_rest(office, patience=timedelta(0), waiting=heard.append)

    async with office.database.read() as connection:
        mailing = await counts.load_mailing(connection, MailingId(1))
    assert (heard, mailing.state, mailing.reason) == ([3], "paused", CHANGING_TEXT)


async def test_copies_of_a_sender_that_died_are_waited_for(office: Office) -> None:
    await launch_to_members(office)
    await claimed(office, lease=timedelta(seconds=1))

    rest = await send_rest(office)

    assert sum(rest.refrozen.moved.values()) > 0


async def claimed(office: Office, lease: timedelta = timedelta(minutes=2)) -> None:
    from_now = correcting.ledger.Wanted(channel="outbox", limit=9, now=office.workspace.clock.now())
    async with office.database.write() as tx:
        await tx.run_sync(correcting.ledger.claim, correcting.ledger.Claim(token="theirs", lease=lease), from_now)


async def test_a_cancelled_mailing_has_nothing_to_change(office: Office) -> None:
    await launch_to_members(office)
    drafted = await correcting.draft(office, "55", "a02", NOTE)
    (unsent,) = await correcting.unsent(office, drafted.issue)
    async with office.database.write() as tx:
        await decisions.cancel(tx, MailingId(1), reason="wrong")

    with pytest.raises(HeldError, match="cancelled"):
        await correcting.send_rest(office, unsent.line)


async def test_a_mailing_whose_schedule_is_gone_keeps_its_text(office: Office) -> None:
    await worker.tick(office)
    settings = office.workspace.settings.model_copy(update={"schedule": ()})
    config = office.workspace.config.model_copy(update={"settings": settings})

    with pytest.raises(HeldError, match="gone from the settings"):
        await send_rest(replace(office, workspace=replace(office.workspace, config=config)))


async def test_a_new_text_wants_a_new_approval(office: Office) -> None:
    await worker.tick(office)
    weekly = office.workspace.schedule(office.workspace.rules[0].id).model_copy(update={"approval": True})
    settings = office.workspace.settings.model_copy(update={"schedule": (weekly,)})
    config = office.workspace.config.model_copy(update={"settings": settings})
    strict = replace(office, workspace=replace(office.workspace, config=config))

    with pytest.raises(HeldError, match="distributor approve 55"):
        await send_rest(strict)
    issue = (await correcting.draft(strict, "55", "a02", NOTE)).issue
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        await decisions.approve(tx, issue=issue.id, fingerprint=issue.fingerprint, by="王", at=now)

    assert (await send_rest(strict)).goes_on


async def test_a_pilots_copies_go_on_saying_that_they_are_a_pilots(launched: Office) -> None:
    members = (ListName("members"),)
    plan = SendingPlan(issue=IssueId("2015-055"), lists=members)
    await launching.launch(launched, LaunchOrder(plan=plan, origin="members", send_no=pilots.SEND_NO))

    await send_rest(launched)

    async with launched.database.read() as connection:
        subjects = {one.subject for one in (await counts.load_renditions(connection, MailingId(2))).values()}
        used = await counts.readers_by_edition(connection, MailingId(2))
    assert all(subject.startswith("【试发】") for subject in subjects)
    assert sum("@" in key for key in used) == 2


async def test_an_edition_whose_only_article_moved_away_keeps_its_text(office: Office) -> None:
    await launch_to_members(office)
    path = mend(office)
    path.write_text(path.read_text(encoding="utf-8").replace("section: policy", "section: market"), encoding="utf-8")

    rest = await send_rest(office)

    assert "policy" not in rest.refrozen.moved
    assert len(rest.refrozen.moved) == 2

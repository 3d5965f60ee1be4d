"""Several schedules side by side: nobody gets an issue twice, and trouble in one delays no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distributor.delivery import counts
from distributor.errors import ConfigError
from distributor.identifiers import ListName
from distributor.operations import history, launching, membership, sending, worker
from distributor.operations.office import Office
from distributor.operations.rehearsals.rehearsal import SendingPlan
from distributor.operations.sending import plan_of
from distributor.schema import mailing
from tests.conftest import SetClock
from tests.offices import office_in, write_issue, write_list
from tests.operations.slots import READERS, RULE, SLOT, beat, copies, edited, mailings, row_of, write_office

MEMBERS, PUBLIC = ListName("members"), ListName("public")


def schedule(named: str, when: str, lists: str, more: str = "") -> str:
    return f'\n[[schedule]]\nid = "{named}"\nwhen = "{when}"\nlists = [{lists}]\nholiday = "send"\n{more}\n'


@pytest.fixture
async def office(tmp_path: Path, clock: SetClock) -> AsyncIterator[Office]:
    async with office_in(write_office(tmp_path / "office"), clock) as opened:
        yield opened


async def test_issue_sent_by_hand_to_all_lists_is_not_chosen_for_the_slot(office: Office) -> None:
    await sending.send(office, plan_of(office, "55", (MEMBERS, PUBLIC)))

    beat_ = await worker.tick(office)

    assert beat_.launched == ()
    assert "members+public" in dict(beat_.passed_over)["2015-055"].zh  # type: ignore[index]
    assert (await row_of(office)).reason == "no-issue"


async def test_two_sendings_by_hand_together_cover_the_lists(office: Office) -> None:
    for one in (MEMBERS, PUBLIC):
        await sending.send(office, plan_of(office, "55", (one,)))

    assert (await worker.tick(office)).launched == ()


async def test_issue_sent_by_hand_to_some_lists_still_goes_to_the_others(office: Office, clock: SetClock) -> None:
    write_list(office.workspace.root, "public", {"citizen@example.com": ""})
    await sending.send(office, plan_of(office, "55", (MEMBERS,)))

    assert await beat(office, clock) == [("2015-055", 1)]
    assert await copies(office) == {
        (address, 1): 1
        for address in ("all@example.com", "policy@example.com", "two@example.org", "citizen@example.com")
    }


async def test_members_weekly_and_the_public_on_another_day_each_reader_once(tmp_path: Path, clock: SetClock) -> None:
    root = write_office(tmp_path / "office", more=schedule("later", "每周日 09:00", '"public"'))
    settings = root / "distributor.toml"
    text = settings.read_text(encoding="utf-8").replace('lists = ["members", "public"]', 'lists = ["members"]')
    settings.write_text(text, encoding="utf-8")
    write_list(root, "public", {"ALL@example.com": "", "citizen@example.com": ""})
    async with office_in(root, clock) as office:
        friday = await beat(office, clock)
        sunday = await beat(office, clock, "2015-07-12 09:00")

        assert friday == sunday == [("2015-055", 1)]
        assert set((await copies(office)).values()) == {1}
        assert len(await copies(office)) == 4


async def test_second_schedule_over_the_same_lists_waits_for_another_issue(tmp_path: Path, clock: SetClock) -> None:
    root = write_office(tmp_path / "office", more=schedule("again", "每周日 09:00", '"members"'))
    async with office_in(root, clock) as office:
        await beat(office, clock)
        sunday = await beat(office, clock, "2015-07-12 09:00")
        write_issue(root, 56, date="2015-07-12")

        assert sunday == []
        assert await beat(office, clock, "2015-07-12 10:00") == [("2015-056", 1)]


@pytest.mark.parametrize(
    ("sections", "asked", "is_covered"),
    [
        ('["policy"]', "preferred", False),
        ('["policy"]', ("policy",), True),
        ('["policy"]', ("policy", "market"), False),
        ('"preferred"', ("policy",), True),
    ],
)
async def test_schedule_of_one_section_covers_only_that_section(
    tmp_path: Path, clock: SetClock, sections: str, asked: object, *, is_covered: bool
) -> None:
    root = write_office(
        tmp_path / "office", more=schedule("part", "每周五 09:00", '"members"', f"sections = {sections}")
    )
    settings = root / "distributor.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("每周五 09:00", "每周六 09:00", 1), encoding="utf-8"
    )
    async with office_in(root, clock) as office:
        await beat(office, clock)
        weekly = office.workspace.schedule(office.workspace.rules[0].id)
        other = weekly.model_copy(update={"sections": asked, "lists": (MEMBERS,)})

        past = await history.past_of(office, other)

        assert ("2015-055" in past.elsewhere) is is_covered


async def test_schedule_gone_from_the_settings_covers_nothing_but_its_readers_have_the_issue(
    office: Office, clock: SetClock
) -> None:
    await beat(office, clock)

    async with edited(office, {'id = "weekly"': 'id = "friday"', "每周五 09:00": "每周五 10:00"}, clock) as renamed:
        assert await beat(renamed, clock, "2015-07-10 10:00") == [("2015-055", 1)]
        async with renamed.database.read() as connection:
            (line,) = await counts.mailings(connection, [mailing.c.origin == f"friday/{SLOT}"])

        assert (line.mailing.planned, line.mailing.already_mailed) == (0, 3)
        assert set((await copies(renamed)).values()) == {1}


async def test_renamed_list_file_mails_nobody_again(office: Office, clock: SetClock) -> None:
    await beat(office, clock)
    subscribers = office.workspace.root / "subscribers"
    (subscribers / "members.csv").rename(subscribers / "partners.csv")
    changes = {'"members"': '"partners"', 'id = "weekly"': 'id = "friday"', "每周五 09:00": "每周五 10:00"}
    async with edited(office, changes, clock) as renamed:
        assert await beat(renamed, clock, "2015-07-10 10:00") == [("2015-055", 1)]

        assert await copies(renamed) == {(address, 1): 1 for address in READERS}


@pytest.mark.parametrize("body", ["full", "digest"])
async def test_each_schedule_has_its_own_body(tmp_path: Path, clock: SetClock, body: str) -> None:
    root = write_office(tmp_path / "office", f'{RULE}\nbody = "{body}"')
    article = root / "content" / "2015-055" / "a01.md"
    article.write_text(article.read_text(encoding="utf-8") + "\n正文的一段。" * 200 + "末尾。\n", encoding="utf-8")
    async with office_in(root, clock) as office:
        await beat(office, clock)

        async with office.database.read() as connection:
            (line,) = await counts.mailings(connection)
            renditions = await counts.load_renditions(connection, line.mailing.id)
        assert {one.shortened > 0 for edition, one in renditions.items() if "market" in edition} == {body == "digest"}


async def test_failure_in_one_schedule_does_not_delay_the_other(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_office(tmp_path / "office", more=schedule("partners", "每周五 09:00", '"staff"'))
    sync = membership.sync_changed

    async def fail_for_members(office: Office, lists: tuple[ListName, ...]) -> object:
        if MEMBERS in lists:
            raise ZeroDivisionError("a mistake of ours")
        return await sync(office, lists)

    monkeypatch.setattr(membership, "sync_changed", fail_for_members)
    async with office_in(root, clock) as office:
        done = await worker.tick(office)

        assert [launched.origin for launched in done.launched] == [f"partners/{SLOT}"]
        (stay,) = done.stayed
        assert stay.error is not None
        assert "a mistake of ours" in stay.why.zh


async def test_fault_in_the_settings_stops_the_house(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_arguments: object) -> None:
        raise ConfigError

    monkeypatch.setattr(launching, "launch", refuse)

    with pytest.raises(ConfigError):
        await worker.tick(office)


async def test_slot_whose_schedule_left_the_settings_while_we_looked_stays(
    office: Office, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.tick(office)
    row = await row_of(office)
    async with edited(office, {'id = "weekly"': 'id = "friday"'}, clock) as renamed:
        result, choice = await worker._serve(renamed, row)

    assert isinstance(result, worker.Stay)
    assert choice is None
    assert await mailings(office) == 1


def test_plan_of_a_person_leaves_the_body_to_the_settings(office: Office) -> None:
    assert plan_of(office, "55", (MEMBERS,)) == SendingPlan(issue=plan_of(office, "55", ()).issue, lists=(MEMBERS,))

"""The whole proofreading: what cannot even be built is told with the rest, and each edition has its reader."""

from pathlib import Path

import pytest

from distributor.errors import InputError
from distributor.operations import membership, publishing
from distributor.operations.office import Office
from distributor.operations.rehearsals.proofs.reading import proofread, specimens_of
from distributor.problems import Problem, wording
from tests.offices import write_list
from tests.operations.proofreading import MEMBERS, galley_of


async def test_site_that_cannot_be_built_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    await membership.sync_changed(office, MEMBERS)
    galley = await galley_of(office)
    missing = Problem(path="content/2015-055/a.pdf", line=None, what=wording("没有", "gone"), remedy=wording("", ""))

    async def refuse(*_arguments: object) -> None:
        raise InputError(problems=[missing])

    monkeypatch.setattr(publishing, "files_with", refuse)

    assert await proofread(office, galley) == (missing,)


async def test_every_edition_and_format_has_one_reader_who_stands_for_it(office: Office, root: Path) -> None:
    rows = ("a@example.com,,html", "b@example.com,,html", "c@example.com,,text", "d@example.com,政策聚焦,")
    listed = "\n".join(("email,sections,format", *rows))
    (root / "subscribers/members.csv").write_text(listed, encoding="utf-8")
    await membership.sync_changed(office, MEMBERS)

    galley = await galley_of(office)

    whole = "market+policy+domestic+international+reading+notice"
    assert {(one.edition, one.format) for one in galley.specimens} == {
        (whole, "html"),
        (whole, "text"),
        ("policy", "html"),
    }


async def test_reader_of_no_section_stands_for_none(office: Office, root: Path) -> None:
    write_list(root, "members", {"a@example.com": "政策聚焦"})
    await membership.sync_changed(office, MEMBERS)

    assert await specimens_of(office, MEMBERS, {"policy": None}) == ()

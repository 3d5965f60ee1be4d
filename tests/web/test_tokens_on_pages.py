"""Tokens at the door: every wrong one gets the same page, and none is ever told to anybody."""

import logging
import os
from pathlib import Path

import pytest

from distributor.operations import publishing
from distributor.operations.office import Office
from distributor.subscribers import tokens
from distributor.subscribers.tokens import new_public_id
from tests.web.conftest import ALL, Reader, Token
from tests.web.visitor import ONE_CLICK, Visitor

PAGES = ("unsubscribe", "preferences")


async def test_every_change_of_a_right_token_makes_it_wrong(visitor: Visitor, token: Token, reader: Reader) -> None:
    right = await token(ALL)
    changed = {
        "cut": right[:-1],
        "longer": right + "a",
        "padded": right + "=",
        "upper case": right.upper(),
        "one letter": right[:-1] + ("a" if right[-1] != "a" else "b"),
        "another purpose": right.replace(".m.", ".c."),
        "another key": right.replace(right[3:7], "zzzz"),
        "another version": right.replace("v1.", "v2."),
        "another reader": right[:10] + ("a" if right[10] != "a" else "b") + right[11:],
    }

    answers = {name: await visitor.post(f"/unsubscribe/{one}", ONE_CLICK) for name, one in changed.items()}

    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(changed, 404)
    assert (await reader(ALL)).status == "active"


async def test_signed_token_of_nobody_gets_that_page_too(visitor: Visitor, office: Office) -> None:
    nobody = tokens.sign(office.keyring, tokens.MANAGE, new_public_id(os.urandom))

    shown, wrong = await visitor.get(f"/preferences/{nobody}"), await visitor.get("/preferences/wrong")

    assert (shown.status, shown.body) == (404, wrong.body)


async def test_page_of_a_wrong_token_speaks_english_when_asked(visitor: Visitor) -> None:
    assert "This link does not work" in (await visitor.get("/preferences/wrong?lang=en")).words


async def test_personal_pages_are_kept_by_nobody_and_tell_no_other_site(visitor: Visitor, token: Token) -> None:
    for page in PAGES:
        headers = (await visitor.get(f"/{page}/{await token(ALL)}")).headers

        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "etag" not in headers
        assert "set-cookie" not in headers


async def test_page_shows_neither_address_nor_name_nor_another_site(visitor: Visitor, token: Token) -> None:
    page = await visitor.get(f"/preferences/{await token(ALL)}")

    assert ALL not in page.text
    assert "http" not in page.text
    assert "<script" not in page.text


async def test_no_log_line_holds_a_token_or_an_address(
    visitor: Visitor, token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    signed = await token(ALL)

    with caplog.at_level(logging.DEBUG):
        for page in PAGES:
            await visitor.get(f"/{page}/{signed}")
            await visitor.post(f"/{page}/{signed}", ONE_CLICK)
            await visitor.ask("PUT", f"/{page}/{signed}")

    ours = [record for record in caplog.records if record.name.startswith(("distributor", "uvicorn"))]
    assert signed not in "".join(record.getMessage() for record in ours)
    assert ALL not in "".join(record.getMessage() for record in ours)


async def test_unknown_host_is_never_used_for_a_link(visitor: Visitor, token: Token) -> None:
    foreign = {"Host": "evil.example.net", "X-Forwarded-Host": "evil.example.net"}

    for path in (f"/preferences/{await token(ALL)}", "/preferences/wrong", "/nothing", "/unsubscribe"):
        answer = await visitor.get(path, foreign)

        assert "evil" not in answer.text
        assert "location" not in answer.headers


async def test_archive_and_feeds_hold_no_personal_link(visitor: Visitor, office: Office, root: Path) -> None:
    await publishing.publish(office)

    public = [file.read_text(encoding="utf-8") for file in (root / "var/public").rglob("*.*")]
    assert public
    assert not any("/unsubscribe/" in text or "/preferences/" in text for text in public)

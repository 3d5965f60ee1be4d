"""Operators' links: only what we signed, for this act, issue, look and operator; never a reader's token."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from distributor.identifiers import IssueId, PublicId
from distributor.operations.desk import desk_links
from distributor.operations.desk.desk_links import DeskLink
from distributor.subscribers import tokens
from distributor.subscribers.tokens import Keyring

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
RING = Keyring(keys={"aaaa": OLD}, current="aaaa")
LINK = DeskLink(
    act="approve",
    issue=IssueId("2015-057"),
    mark="ab" * 16,
    operator="ops@example.com",
    until=datetime(2015, 7, 24, tzinfo=UTC),
)


def test_a_link_comes_back_as_it_was_signed() -> None:
    assert desk_links.read(RING, desk_links.sign(RING, LINK)) == LINK


def test_a_token_stands_in_a_url_as_it_is() -> None:
    assert set(desk_links.sign(RING, LINK)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_an_older_key_still_reads() -> None:
    later = Keyring(keys={"bbbb": NEW, "aaaa": OLD}, current="bbbb")

    assert desk_links.read(later, desk_links.sign(RING, LINK)) == LINK


def test_another_key_of_the_same_name_does_not_read() -> None:
    assert desk_links.read(Keyring(keys={"aaaa": NEW}, current="aaaa"), desk_links.sign(RING, LINK)) is None


@pytest.mark.parametrize("place", [0, 5, 9, 30, 60, -40, -1])
def test_one_changed_character_makes_it_nobody_s(place: int) -> None:
    token = desk_links.sign(RING, LINK)
    other = "x" if token[place] != "x" else "y"

    assert desk_links.read(RING, token[:place] + other + (token[place + 1 :] if place != -1 else "")) is None


def test_the_acts_have_different_tokens() -> None:
    approve = desk_links.sign(RING, LINK).split(".")
    hold = desk_links.sign(RING, replace(LINK, act="hold")).split(".")

    assert desk_links.read(RING, ".".join([*hold[:3], approve[3]])) is None


WRONG = ["", "x", "d1", "d1.aaaa..", "d1.zzzz.YQ.aaaa", "d1.aaaa.é.x", "d1." + "a" * 5000, "....", "d1.aaaa.YQ=.x"]


@pytest.mark.parametrize("token", WRONG)
def test_what_nobody_signed_is_no_link(token: str) -> None:
    assert desk_links.read(RING, token) is None


def test_a_reader_s_token_is_no_operator_s_and_the_other_way_round() -> None:
    reader = tokens.sign(RING, tokens.MANAGE, PublicId("a" * 24))

    assert desk_links.read(RING, reader) is None
    assert tokens.verify(RING, tokens.MANAGE, desk_links.sign(RING, LINK)) is None


def test_a_link_is_about_what_was_seen() -> None:
    assert LINK.is_about("ab" * 32)
    assert not LINK.is_about("cd" * 32)

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.addresses import Address
from distributor.config.model import Places, Smtp
from distributor.config.places import key_lines
from distributor.delivery.headers import is_wire_address
from distributor.delivery.return_path import (
    LONGEST_SENDER,
    MOST_MAILINGS,
    read_return_path,
    return_path_problems,
    sign_return_path,
    specimen,
)
from distributor.identifiers import MailingId, PublicId
from distributor.subscribers import tokens
from distributor.subscribers.tokens import Keyring

OLD, NEW, THEIRS = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
RING = Keyring(keys={"k001": OLD}, current="k001")
SENDER = Address(local="weekly", domain="news.example.com")
READER = PublicId("abcdefghijklmnopqrstuvwx")
MAILING = MailingId(57)

keys = st.binary(min_size=32, max_size=32)
mailings = st.integers(0, MOST_MAILINGS - 1).map(MailingId)
readers = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=24, max_size=24).map(PublicId)


def ring(*ring_keys: bytes) -> Keyring:
    """A ring with the newest key first, as a key file has it."""
    return Keyring(keys={f"k{place:03d}": key for place, key in enumerate(ring_keys)}, current="k000")


def tag_of(path: str) -> str:
    return path.partition("+")[2].partition("@")[0]


@given(key=keys, mailing=mailings, reader=readers)
def test_a_signed_return_path_is_read_back(key: bytes, mailing: MailingId, reader: PublicId) -> None:
    path = sign_return_path(ring(key), SENDER, mailing, reader)

    assert read_return_path(ring(key), path) == (mailing, reader)


@given(mailing=mailings, reader=readers, upper=st.lists(st.booleans(), min_size=80, max_size=80))
def test_letter_case_folded_on_the_way_does_no_harm(mailing: MailingId, reader: PublicId, upper: list[bool]) -> None:
    path = sign_return_path(RING, SENDER, mailing, reader)
    folded = "".join(one.upper() if up else one for one, up in zip(path, upper, strict=False))

    assert len(path) < len(upper)
    assert read_return_path(RING, folded) == (mailing, reader)


@given(
    mailing=mailings,
    reader=readers,
    place=st.integers(0, 45),
    other=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"),
)
def test_one_changed_character_names_nobody(mailing: MailingId, reader: PublicId, place: int, other: str) -> None:
    tag = tag_of(sign_return_path(RING, SENDER, mailing, reader))
    forged = tag[:place] + other + tag[place + 1 :]

    found = read_return_path(RING, f"weekly+{forged}@news.example.com")

    assert found == ((mailing, reader) if forged == tag else None)


@given(cut=st.integers(0, 45))
def test_a_truncated_tag_names_nobody(cut: int) -> None:
    tag = tag_of(sign_return_path(RING, SENDER, MAILING, READER))

    assert read_return_path(RING, f"weekly+{tag[:cut]}@news.example.com") is None
    assert read_return_path(RING, f"weekly+{tag[46 - cut :]}@news.example.com") is None


@given(text=st.text(max_size=90))
def test_reading_foreign_text_never_crashes_and_names_nobody(text: str) -> None:
    assert read_return_path(RING, text) is None


@given(tag=st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=46, max_size=46))
def test_a_guessed_tag_names_nobody(tag: str) -> None:
    assert read_return_path(RING, f"weekly+{tag}@news.example.com") is None


def test_the_return_path_is_that_of_the_sender_with_a_tag() -> None:
    path = sign_return_path(RING, SENDER, MAILING, READER)

    assert path == f"weekly+{tag_of(path)}@news.example.com"
    assert len(tag_of(path)) == 46
    assert set(tag_of(path)) <= set(string.ascii_lowercase + "234567")
    assert READER in path


@given(mailing=mailings, reader=readers, local=st.text(string.ascii_letters, min_size=1, max_size=LONGEST_SENDER))
def test_a_return_path_can_always_go_on_the_wire(mailing: MailingId, reader: PublicId, local: str) -> None:
    path = sign_return_path(RING, Address(local=local, domain="news.example.com"), mailing, reader)

    assert is_wire_address(path)
    assert len(path.partition("@")[0]) <= 64


def test_the_same_copy_has_the_same_return_path_also_after_a_new_key() -> None:
    before = sign_return_path(ring(OLD), SENDER, MAILING, READER)

    assert sign_return_path(ring(NEW, OLD), SENDER, MAILING, READER) == before


@pytest.mark.parametrize("now", [ring(OLD), ring(NEW, OLD), ring(OLD, NEW), ring(THEIRS, OLD, NEW)], ids=range(4))
def test_every_key_of_the_ring_verifies(now: Keyring) -> None:
    path = sign_return_path(ring(OLD), SENDER, MAILING, READER)

    assert read_return_path(now, path) == (MAILING, READER)


def test_a_key_that_is_not_ours_signs_nothing() -> None:
    path = sign_return_path(ring(THEIRS), SENDER, MAILING, READER)

    assert read_return_path(ring(NEW, OLD), path) is None


def test_each_copy_has_its_own_return_path() -> None:
    paths = {
        sign_return_path(RING, SENDER, MailingId(mailing), PublicId(reader))
        for mailing in (1, 2, 33, 1025)
        for reader in ("a" * 24, "b" * 24)
    }

    assert len(paths) == 8


def test_the_mac_is_not_that_of_the_links_in_the_mail() -> None:
    link = tokens.sign(RING, tokens.MANAGE, READER)
    tag = tag_of(sign_return_path(RING, SENDER, MAILING, READER))

    assert tag[-16:] not in link
    assert read_return_path(RING, f"weekly+{tag[:30]}{link[-16:]}@news.example.com") is None


@pytest.mark.parametrize("text", ["weekly", "weekly@news.example.com", "{tag}@news.example.com", "weekly+{tag}", ""])
def test_an_address_of_another_form_names_nobody(text: str) -> None:
    tag = tag_of(sign_return_path(RING, SENDER, MAILING, READER))

    assert read_return_path(RING, text.format(tag=tag)) is None


@pytest.mark.parametrize("text", ["news+weekly+{tag}@news.example.com", "weekly+{tag}@mail.example.org"])
def test_the_tag_alone_decides_whose_copy_it_was(text: str) -> None:
    tag = tag_of(sign_return_path(RING, SENDER, MAILING, READER))

    assert read_return_path(RING, text.format(tag=tag)) == (MAILING, READER)


def test_a_letter_that_only_looks_like_one_of_ours_names_nobody() -> None:
    path = sign_return_path(RING, SENDER, MAILING, PublicId("k" * 24))

    # U+212A KELVIN SIGN is k in lower case.
    assert read_return_path(RING, path.replace("k" * 24, "\u212a" * 24)) is None


@pytest.mark.parametrize("mailing", [-1, MOST_MAILINGS])
def test_a_mailing_that_no_tag_can_hold_is_refused(mailing: int) -> None:
    with pytest.raises(ValueError, match=r"2\^30"):
        sign_return_path(RING, SENDER, MailingId(mailing), READER)


@pytest.mark.parametrize("reader", ["short", "A" * 24, "a" * 25])
def test_a_public_id_of_another_form_is_refused(reader: str) -> None:
    with pytest.raises(ValueError, match="public id"):
        sign_return_path(RING, SENDER, MAILING, PublicId(reader))


def test_a_specimen_has_the_form_and_names_nobody() -> None:
    assert len(specimen(SENDER)) == len(sign_return_path(RING, SENDER, MAILING, READER))
    assert read_return_path(RING, specimen(SENDER)) is None


def problems_for(local: str, domain: str = "news.example.com") -> list[tuple[int | None, str]]:
    text = '[[smtp]]\nreturn_path = "sender"\n\n[[smtp]]\nurl = ""\nreturn_path = "verp"\n'
    servers = (Smtp(url=""), Smtp(url="", return_path="verp"))
    places = Places(path="distributor.toml", lines=key_lines(text))
    found = return_path_problems(servers, Address(local=local, domain=domain), places)
    return [(problem.line, problem.what.en) for problem in found]


def test_a_sender_with_room_for_the_tag_is_no_problem() -> None:
    assert problems_for("x" * 17) == []


@pytest.mark.parametrize(
    ("local", "domain"),
    [("x" * 18, "news.example.com"), ("weekly", ".".join(["x" * 60] * 3 + ["x" * 18, "com"]))],
    ids=["local part", "whole address"],
)
def test_a_sender_without_room_for_the_tag_is_a_problem_with_its_line(local: str, domain: str) -> None:
    found = problems_for(local, domain)

    assert [line for line, _what in found] == [6]
    assert "too long" in found[0][1]

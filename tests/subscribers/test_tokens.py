import base64
import re
import secrets
import string
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from distributor.identifiers import PublicId
from distributor.subscribers.tokens import (
    MANAGE,
    TOKEN_LENGTH,
    Keyring,
    new_key,
    new_public_id,
    parse_keys,
    sign,
    verify,
)

RANDOM = Random(2015)
KEY, OLD_KEY = RANDOM.randbytes(32), RANDOM.randbytes(32)
RING = Keyring(keys={"a1b2": KEY}, current="a1b2")
READER = new_public_id(RANDOM.randbytes)
TOKEN = sign(RING, MANAGE, READER)
BASE32 = string.ascii_lowercase + "234567"


def ring_of(text: str) -> Keyring:
    keyring = parse_keys(text, path="secrets/token.key").keyring
    assert keyring is not None
    return keyring


@given(st.binary(min_size=15, max_size=15), st.binary(min_size=32, max_size=32))
def test_token_names_its_reader_and_fits_everywhere(octets: bytes, key: bytes) -> None:
    keyring = Keyring(keys={"k001": key}, current="k001")
    reader = new_public_id(lambda size: octets[:size])

    token = sign(keyring, MANAGE, reader)

    assert verify(keyring, MANAGE, token) == reader
    assert len(token) == TOKEN_LENGTH
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)
    assert "--" not in token


def test_token_never_changes() -> None:
    keyring = Keyring(keys={"k001": bytes(range(32))}, current="k001")

    token = sign(keyring, MANAGE, PublicId("a" * 24))

    # By `openssl dgst -sha256 -mac HMAC` over the same words, first 20 bytes in base32.
    assert token == "v1.k001.m.aaaaaaaaaaaaaaaaaaaaaaaa.xk2unqh4sr7vl72n7zhfivo6r466ia4v"


@given(st.integers(0, TOKEN_LENGTH - 1), st.characters())
def test_any_changed_character_is_refused(position: int, character: str) -> None:
    assume(TOKEN[position] != character)

    assert verify(RING, MANAGE, TOKEN[:position] + character + TOKEN[position + 1 :]) is None


@pytest.mark.parametrize("last", BASE32)
def test_no_other_last_character_decodes_to_the_same_mac(last: str) -> None:
    accepted = verify(RING, MANAGE, TOKEN[:-1] + last) is not None

    assert accepted is (last == TOKEN[-1])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(TOKEN[:-1], id="cut"),
        pytest.param(TOKEN + "a", id="longer"),
        pytest.param(TOKEN + "=", id="padded"),
        pytest.param(TOKEN.upper(), id="upper case"),
        pytest.param(TOKEN + "\n", id="line end"),
        pytest.param(" " + TOKEN[1:], id="blank first"),
        pytest.param("ｖ" + TOKEN[1:], id="full width"),
        pytest.param(TOKEN[:-1] + "\0", id="NUL"),
        pytest.param("\udc80" * TOKEN_LENGTH, id="lone surrogates"),
        pytest.param("v2" + TOKEN[2:], id="another version"),
        pytest.param("v1.zzzz" + TOKEN[7:], id="unknown key"),
        pytest.param(TOKEN.replace(".m.", ".c."), id="another purpose"),
        pytest.param(TOKEN * 1000, id="huge"),
        pytest.param("中" * 100_000, id="huge and not ASCII"),
    ],
)
def test_what_was_not_signed_is_refused(text: str) -> None:
    assert verify(RING, MANAGE, text) is None


def test_token_of_another_purpose_is_refused() -> None:
    confirmation = sign(RING, "c", READER)  # type: ignore[arg-type]

    assert verify(RING, "c", confirmation) == READER  # type: ignore[arg-type]
    assert verify(RING, MANAGE, confirmation) is None


@given(st.text())
def test_no_text_crashes_the_check(text: str) -> None:
    assert verify(RING, MANAGE, text) is None


def test_old_key_verifies_for_ever_and_the_new_one_signs() -> None:
    old = new_key(RANDOM.randbytes)
    before = sign(ring_of(old), MANAGE, READER)

    rotated = ring_of(new_key(RANDOM.randbytes) + old)

    assert verify(rotated, MANAGE, before) == READER
    assert sign(rotated, MANAGE, READER) != before


def test_key_filed_under_another_id_signs_another_token() -> None:
    renamed = Keyring(keys={"zzzz": KEY}, current="zzzz")

    assert sign(renamed, MANAGE, READER)[-32:] != TOKEN[-32:]


def test_ring_shows_no_key() -> None:
    assert KEY.hex() not in repr(RING)
    assert repr(KEY) not in repr(RING)


@pytest.mark.parametrize(
    ("keys", "current"),
    [
        pytest.param({}, "a1b2", id="no key"),
        pytest.param({"a1b2": KEY[:31]}, "a1b2", id="short key"),
        pytest.param({"A1B2": KEY}, "A1B2", id="key id in capitals"),
        pytest.param({"a1b2": KEY, "b": OLD_KEY}, "a1b2", id="key id of another length"),
    ],
)
def test_ring_that_could_not_sign_safely_is_no_ring(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Keyring(keys=keys, current=current)


@pytest.mark.parametrize("public_id", ["7", "A" * 24, "a" * 23, "a" * 25, "../" + "a" * 21])
def test_only_public_ids_are_signed(public_id: str) -> None:
    with pytest.raises(ValueError, match="public id"):
        sign(RING, MANAGE, PublicId(public_id))


def test_public_ids_are_random_and_of_one_shape() -> None:
    ids = {new_public_id(secrets.token_bytes) for _ in range(500)}

    assert len(ids) == 500
    assert all(re.fullmatch(r"[a-z2-7]{24}", found) for found in ids)


def test_key_file_takes_hex_base64_comments_and_windows_line_ends() -> None:
    urlsafe = base64.urlsafe_b64encode(OLD_KEY).decode().rstrip("=")

    keyring = ring_of(f"\ufeff# 令牌密钥，勿删旧行\r\na1b2 {KEY.hex().upper()}\r\n\r\nold1 {urlsafe} # 2014\r\n")

    assert keyring.current == "a1b2"
    assert dict(keyring.keys) == {"a1b2": KEY, "old1": OLD_KEY}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("a1b2 changeme", "太短", id="changeme"),
        pytest.param("a1b2 " + "changeme" * 8, "手写", id="changeme many times"),
        pytest.param("a1b2 " + b"correct horse battery staple, said X".hex(), "手写", id="a sentence in hex"),
        pytest.param("a1b2 " + "00" * 32, "手写", id="zeros"),
        pytest.param("a1b2 " + KEY[:16].hex(), "太短", id="128 bits"),
        pytest.param("a1b2 钥匙", "base64", id="not ASCII"),
        pytest.param("a1b2 ???", "base64", id="neither"),
        pytest.param("a1b2", "密钥号 密钥", id="no key"),
        pytest.param("main " + KEY.hex() + " x", "密钥号 密钥", id="three words"),
        pytest.param("KEY1 " + KEY.hex(), "密钥号 密钥", id="bad key id"),
        pytest.param(f"a1b2 {KEY.hex()}\na1b2 {OLD_KEY.hex()}", "重复", id="key id twice"),
        pytest.param("", "空", id="empty file"),
        pytest.param("# only a comment", "空", id="only a comment"),
    ],
)
def test_weak_or_broken_key_file_is_refused(line: str, said: str) -> None:
    read = parse_keys(line, path="secrets/token.key")

    assert read.keyring is None
    assert said in read.problems[0].what.zh
    assert KEY.hex() not in read.problems[0].text()


def test_key_file_names_every_bad_line() -> None:
    read = parse_keys(f"x\na1b2 {KEY.hex()}\ny\n", path="secrets/token.key")

    assert [problem.line for problem in read.problems] == [1, 3]


@given(st.text())
def test_no_text_crashes_the_key_file(text: str) -> None:
    read = parse_keys(text, path="secrets/token.key")

    assert (read.keyring is None) is bool(read.problems)

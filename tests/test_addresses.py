import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.addresses import parse_address, parse_mailbox


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("reader@example.com", "reader@example.com"),
        ("Reader@Example.COM", "Reader@example.com"),
        ("a+x.y@y.test", "a+x.y@y.test"),
        ("u@例子.cn", "u@xn--fsqu00a.cn"),
    ],
)
def test_address_leaves_as_it_goes_on_the_wire(text: str, wire: str) -> None:
    address = parse_address(text)

    assert address is not None
    assert address.text == wire


@pytest.mark.parametrize(
    "text",
    [
        "",
        "reader",
        "reader@",
        " reader@example.com",
        "reader@example.com\n",
        "u@y.test>\r\nRCPT TO:<v@y.test",
        "u@y.test> NOTIFY=NEVER",
        "a@example.com,b@example.com",
        "用户@例子.cn",
        "u@y.test\u200b",
        '"a b"@example.com',
        "a" * 65 + "@example.com",
        "a@" + "b" * 260 + ".com",
    ],
)
def test_what_is_not_exactly_one_address_is_refused(text: str) -> None:
    assert parse_address(text) is None


@given(st.text(max_size=60))
def test_accepted_address_has_nothing_that_could_end_a_command(text: str) -> None:
    address = parse_address(text)

    assert address is None or (address.text.isascii() and not set(address.text) & set(" <>\r\n,;"))


def test_letter_case_is_one_mailbox() -> None:
    first, second = parse_address("A.B@Example.com"), parse_address("a.b@example.COM")

    assert first is not None
    assert second is not None
    assert first.key == second.key


@pytest.mark.parametrize("other", ["ab@example.com", "a.b+x@example.com"])
def test_dots_and_plus_tags_are_other_mailboxes(other: str) -> None:
    first, second = parse_address("a.b@example.com"), parse_address(other)

    assert first is not None
    assert second is not None
    assert first.key != second.key


@pytest.mark.parametrize(("text", "masked"), [("zhang@example.com", "zh***@example.com"), ("ab@e.cn", "a***@e.cn")])
def test_masked_address_tells_its_owner_and_nobody_else(text: str, masked: str) -> None:
    address = parse_address(text)

    assert address is not None
    assert address.masked == masked


@pytest.mark.parametrize(
    ("text", "reserved"),
    [("a@example.com", True), ("a@mail.example.org", True), ("a@x.test", True), ("a@notexample.com", False)],
)
def test_reserved_domains_can_never_receive_mail(text: str, reserved: bool) -> None:
    address = parse_address(text)

    assert address is not None
    assert address.is_reserved is reserved


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("节能减排信息动态 <weekly@example.com>", "节能减排信息动态"),
        ('"A, B" <weekly@example.com>', "A, B"),
        ("weekly@example.com", ""),
        ("<weekly@example.com>", ""),
    ],
)
def test_mailbox_keeps_the_name_beside_the_address(text: str, name: str) -> None:
    mailbox = parse_mailbox(text)

    assert mailbox is not None
    assert (mailbox.name, mailbox.address.text) == (name, "weekly@example.com")


@pytest.mark.parametrize(
    "text", ["", "名称", "名称 <weekly>", "=?utf-8?q?a=0ABcc?= <weekly@example.com>", "a\nb <weekly@example.com>"]
)
def test_mailbox_that_could_become_another_header_is_refused(text: str) -> None:
    assert parse_mailbox(text) is None

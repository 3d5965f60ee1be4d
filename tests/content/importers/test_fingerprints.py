import pytest

from distributor.content.importers.fingerprints import Ledger, fingerprint, read_ledger, write_ledger


def test_what_notepad_does_by_itself_changes_no_fingerprint() -> None:
    assert fingerprint("标题\n\n正文。\n".encode()) == fingerprint("\ufeff标题\r\n\r\n正文。 \r\n\r\n".encode())


def test_an_edit_changes_the_fingerprint() -> None:
    assert fingerprint("正文。".encode()) != fingerprint("正文！".encode())


def test_bytes_that_are_no_text_have_one_too() -> None:
    assert fingerprint(b"\x89PNG\xff") != fingerprint(b"\x89PNG\xfe")


def test_a_ledger_is_read_as_written() -> None:
    ledger = Ledger(articles={"2019-012-a01": "【走近】“标题”=#"}, files={"a01.md": "00ff"}, highest=7)

    assert read_ledger(write_ledger(ledger)) == ledger


@pytest.mark.parametrize("text", ["", "highest = 1", "highest = [", 'highest = "7"\n[articles]\n[files]'])
def test_a_broken_ledger_is_none(text: str) -> None:
    assert read_ledger(text) is None

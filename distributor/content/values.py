"""Single values that editors write: titles, subjects, dates; what makes one unusable, and how it is cleaned.

Pure. A title becomes a mail subject and a feed title, so it must be one short line that no mail program takes for
an encoded word (RFC 2047 §2) or for a further header field (RFC 5322 §2.2).
"""

import re

from distributor.content.findings import Objection
from distributor.problems import wording

TITLE_LIMIT = 200

# Zero-width and bidirectional controls come along with text copied from web pages; nobody sees or means them.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_LINE_BREAKS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_ENCODED_WORD = re.compile(r"=\?.*\?=", re.DOTALL)
_HEADER_FIELD = re.compile(
    r"(?:to|cc|bcc|from|sender|reply-to|subject|content-\w+|mime-version|received|return-path)\s*:", re.IGNORECASE
)


def clean(value: str) -> str:
    """Return a value without invisible characters and without blanks at its ends."""
    return _INVISIBLE.sub("", value.replace("\t", " ")).strip()


def title_objection(title: str) -> Objection | None:
    """Say why a title cannot be one, or None."""
    if _LINE_BREAKS.search(title):
        what = wording("标题里有换行", "a line break in the title")
        return Objection(what=what, remedy=wording("标题写在一行里", "write the title on one line"))
    if _CONTROLS.search(title):
        what = wording("标题里有控制字符", "a control character in the title")
        return Objection(what=what, remedy=wording("把标题重新输入一遍", "type the title again"))
    if _ENCODED_WORD.search(title):
        what = wording("标题含有“=?…?=”，邮件程序会把它当作编码", "=?…?= in the title: mail programs would decode it")
        return Objection(what=what, remedy=wording("改成普通文字", "write it as plain text"))
    if len(title) > TITLE_LIMIT:
        what = wording(
            f"标题有 {len(title)} 个字，上限是 {TITLE_LIMIT}",
            f"the title has {len(title)} characters, the limit is {TITLE_LIMIT}",
        )
        return Objection(what=what, remedy=wording("缩短标题，其余放进正文", "shorten it"))
    return None


def subject_objection(subject: str) -> Objection | None:
    """Say why a mail subject cannot be one, or None; stricter than a title."""
    if _HEADER_FIELD.match(subject):
        what = wording("主题像一行邮件头（如 Bcc:）", "the subject looks like a mail header field (such as Bcc:)")
        return Objection(what=what, remedy=wording("删去开头的英文字段名", "remove the field name at its start"))
    return title_objection(subject)


def date_objection(written: str) -> Objection:
    """Say why a text that `times.parse_date` refused is no date."""
    remedy = wording("写成 年-月-日，例如 2015-07-09", "write year-month-day, e.g. 2015-07-09")
    if re.match(r"\s*[0-9０-９]{4}", written):
        return Objection(
            what=wording(f"没有“{written[:30]}”这一天", f"there is no such day as '{written[:30]}'"), remedy=remedy
        )
    return Objection(
        what=wording(f"日期“{written[:30]}”说不准是哪天", f"the date '{written[:30]}' is ambiguous"), remedy=remedy
    )

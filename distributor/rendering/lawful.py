"""What every mail must hold, whatever the staff made of the templates.

Pure. A rendered mail enters; nothing leaves, or a TemplateError with every fault. Bulk mail without a visible way
out is refused by receivers and forbidden by law, so a template that lost it stops the launch.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape

from distributor.errors import TemplateError
from distributor.problems import Problem, Wording, wording

_TAG = re.compile(r'<(?:"[^"]*"|[^>"])*>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """What must stand in both parts; `unsubscribe_text` is the form for plain text, `address` may be empty."""

    unsubscribe_url: str
    unsubscribe_text: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One rendered part and the template it came from."""

    template: str
    content: str


def refuse_unlawful(html: Part, text: Part, required: Required) -> None:
    """Raise TemplateError unless both parts offer unsubscribing and name the postal address."""
    problems = [
        Problem(path=f"templates/{part.template}", line=None, what=what, remedy=remedy)
        for part, faults in ((html, _html_faults(html.content, required)), (text, _text_faults(text.content, required)))
        for what, remedy in faults
    ]
    if problems:
        refused = wording("邮件模板缺少必需的内容，没有发出。", "The mail template lacks what every mail must hold.")
        raise TemplateError(refused, problems=problems)


def _html_faults(html: str, required: Required) -> Iterator[tuple[Wording, Wording]]:
    if f'href="{escape(required.unsubscribe_url)}"' not in html:
        yield _NO_WAY_OUT
    if escape(required.address) not in html and _squeezed(required.address) not in _squeezed(_visible(html)):
        yield _NO_ADDRESS


def _text_faults(text: str, required: Required) -> Iterator[tuple[Wording, Wording]]:
    if required.unsubscribe_text not in text:
        yield _NO_WAY_OUT
    if _squeezed(required.address) not in _squeezed(text):
        yield _NO_ADDRESS


def _visible(html: str) -> str:
    return unescape(_TAG.sub("", html))


def _squeezed(text: str) -> str:
    return "".join(text.split())


_NO_WAY_OUT = (
    wording("没有退订链接", "the unsubscribe link is missing"),
    wording(
        "把 {{ unsubscribe_url }} 放回模板（HTML 中作为链接的 href）",
        "put {{ unsubscribe_url }} back, in HTML as the href of a link",
    ),
)
_NO_ADDRESS = (
    wording("没有通信地址", "the postal address is missing"),
    wording("把 {{ publication.address }} 放回模板", "put {{ publication.address }} back into the template"),
)

"""What stands inside a paragraph, heading, cell or item: line breaks, links and pictures, settled one by one.

Tokens enter as `markdown.parse` leaves them; tokens that may be rendered leave, with a problem for every target
that must not go out and for every mark that an editor meant and that did not take. Pure.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markdown_it.token import Token

from distributor.content.findings import Findings
from distributor.content.markdown import encode_url, is_chinese, is_wide
from distributor.content.references import url_objection
from distributor.content.sources import without_illegal_characters
from distributor.problems import Wording, wording


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMark:
    """`![alt](target "caption")` as written, and the line it stands in."""

    target: str
    alt: str
    caption: str
    line: int


Piece = list[Token] | PictureMark
"""A stretch of inline tokens that is ready to render, or a picture between two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leftover:
    """A mark that stayed text although the editor probably meant Markdown."""

    pattern: re.Pattern[str]
    what: Wording
    remedy: Wording
    refuses: bool = False


# Bounded repeats: these run over text that may be 200,000 brackets long.
_LEFTOVERS = (
    _Leftover(
        pattern=re.compile(r"!\[[^\]\n]{0,200}\]\(|[!！][\[［【][^\]］】\n]{0,200}[\]］】][（(]"),
        what=wording("图片的写法不成立，会照文字显示", "a picture that is not written as one stays text"),
        remedy=wording(
            '写成 ![说明](images/图名.png "图注")，用英文标点，文件名里不要空格',
            'write ![alt](images/name.png "caption") with ASCII marks and no blank in the name',
        ),
        refuses=True,
    ),
    _Leftover(
        pattern=re.compile(r"\*\*"),
        what=wording("“**”没有成对，会照原样显示", "`**` without its partner stays text"),
        remedy=wording(
            "加粗写成 **文字**，星号内侧不留空格；要显示星号就写 \\*\\*", "write **text** without blanks inside"
        ),
    ),
    _Leftover(
        pattern=re.compile(r"</?[a-zA-Z][^<>\n]{0,500}>"),
        what=wording("HTML 标签会照文字显示", "HTML tags are shown as text"),
        remedy=wording("改用 Markdown 写法，或删去", "use Markdown instead, or delete it"),
    ),
)


def settle(inline: Token, line: int, findings: Findings) -> list[Piece]:
    """Return the pieces of an inline token that begins in `line`, in reading order; empty ones are left out.

    A picture splits the text only where it stands free; inside bold or a link it is a fault.
    """
    pieces: list[Piece] = []
    text: list[Token] = []
    depth = 0
    for token, number in _with_lines(inline.children or [], line):
        depth += token.nesting
        if token.type == "image":
            if depth:
                findings.fault(number, *_NESTED_PICTURE)
            else:
                pieces.extend((text, _picture(token, number)))
                text = []
            continue
        if token.type == "link_open" and not _is_usable_link(token, number, findings):
            token.meta["refused"] = True
        _object_to_leftovers(token, number, findings)
        text.append(token)
    pieces.append(text)
    settled = (piece if isinstance(piece, PictureMark) else _settled_text(piece) for piece in pieces)
    return [piece for piece in settled if isinstance(piece, PictureMark) or _is_visible(piece)]


def join_lines(lines: Iterable[str]) -> str:
    """Join lines of one paragraph: a blank between Latin words, none next to Han characters."""
    joined = ""
    for line in lines:
        joined += _between(joined[-1:], line[:1]) + line
    return joined


_NESTED_PICTURE = (
    wording("图片写在加粗、链接、表格、列表或引文里面", "a picture inside bold, a link, table, list or quote"),
    wording("让图片单独占一行，前后各空一行", "give the picture a line of its own, with blank lines around it"),
)


def object_to_nested_pictures(pieces: Iterable[Piece], findings: Findings) -> list[Token]:
    """Return the text of pieces that may hold no picture (headings, cells, items), reporting each picture."""
    tokens: list[Token] = []
    for piece in pieces:
        if isinstance(piece, PictureMark):
            findings.fault(piece.line, *_NESTED_PICTURE)
        else:
            tokens.extend(piece)
    return tokens


def _with_lines(children: Iterable[Token], line: int) -> Iterator[tuple[Token, int]]:
    for token in children:
        yield token, line
        if token.type in {"softbreak", "hardbreak"}:
            line += 1


def _picture(token: Token, line: int) -> PictureMark:
    alt = "".join(child.content for child in token.children or [])
    caption = str(token.attrs.get("title", ""))
    return PictureMark(
        target=str(token.attrs.get("src", "")),
        alt=without_illegal_characters(alt).strip(),
        caption=without_illegal_characters(caption).strip(),
        line=line,
    )


def _is_usable_link(token: Token, line: int, findings: Findings) -> bool:
    target = str(token.attrs.get("href", ""))
    objection = url_objection(target)
    if objection is None:
        token.attrs = {"href": encode_url(target)}
        return True
    remedy = wording(
        "正文里只链接 http://、https:// 和 mailto:；本期的文件用 attachment: 写在开头；不是链接就写 \\](",
        "only http, https and mailto here; files of the issue are an attachment: in the header; else write \\](",
    )
    findings.fault(line, objection.what, remedy)
    return False


def _object_to_leftovers(token: Token, line: int, findings: Findings) -> None:
    if token.type != "text":
        return
    for leftover in _LEFTOVERS:
        if leftover.pattern.search(token.content):
            report = findings.fault if leftover.refuses else findings.warn
            report(line, leftover.what, leftover.remedy)


def _settled_text(tokens: list[Token]) -> list[Token]:
    kept = _without_refused_links(tokens)
    settled: list[Token] = []
    for index, token in enumerate(kept):
        if token.type == "softbreak":
            blank = _between(_last_character(settled), _first_character(kept[index + 1 :]))
            settled.append(Token("text", "", 0, content=blank))
        else:
            if token.type == "text_special":  # an entity may name a form feed, which XML must not hold
                token.type, token.content = "text", without_illegal_characters(token.content)
            settled.append(token)
    return _trimmed(settled)


def _without_refused_links(tokens: list[Token]) -> list[Token]:
    kept, open_links = [], []
    for token in tokens:
        if token.type == "link_open":
            open_links.append("refused" in token.meta)
        refused = token.type in {"link_open", "link_close"} and open_links[-1]
        if token.type == "link_close":
            open_links.pop()
        if not refused:
            kept.append(token)
    return kept


def _between(before: str, after: str) -> str:
    if not before or not after or is_wide(before) or is_wide(after):
        return ""
    return "" if is_chinese(before) and is_chinese(after) else " "


def _last_character(tokens: list[Token]) -> str:
    return next((token.content[-1] for token in reversed(tokens) if token.content), "")


def _first_character(tokens: list[Token]) -> str:
    return next((token.content[0] for token in tokens if token.content), "")


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Take blanks and line breaks from both ends, which a picture may have left there."""
    while tokens and _is_empty(tokens[0]):
        tokens = tokens[1:]
    while tokens and _is_empty(tokens[-1]):
        tokens = tokens[:-1]
    if tokens and tokens[0].type == "text":
        tokens[0].content = tokens[0].content.lstrip()
    if tokens and tokens[-1].type == "text":
        tokens[-1].content = tokens[-1].content.rstrip()
    return tokens


def _is_empty(token: Token) -> bool:
    return token.type == "hardbreak" or (token.type == "text" and not token.content.strip())


def _is_visible(tokens: list[Token]) -> bool:
    return any(token.content.strip() for token in tokens)

"""Lines of a paragraph that look as if they were meant as something else: near misses of Markdown.

Pure; warnings only, but for a chart block in the wrong place. People who come from Word write one paragraph a line
without a blank line between, forget the blank after `##`, and type Markdown's marks in full width.
"""

import re

from distributor.content.findings import Findings
from distributor.problems import Wording, wording

_SENTENCE_END = re.compile(r"[。！？；：…”』」）.!?;:]\s*$")
_HAN_NUMBER = "[一二三四五六七八九十]{1,3}"
_ITEM_START = re.compile(
    rf"[•·●◆■□▪①-⑳]|——|[（(]?(?:{_HAN_NUMBER}|\d{{1,3}})[）)、．.]|第{_HAN_NUMBER}[条章节款]", re.ASCII
)
_STRAY_DIRECTIVE = re.compile(r":{3}|[:：]{3,}\s*chart")
_NEAR_MISSES: tuple[tuple[re.Pattern[str], Wording, Wording], ...] = (
    (
        re.compile(r"#{2,6}[^\s#]|#[\u3400-\u9fff]"),
        wording("“#”后面没有空格，不成小标题", "no blank after `#`: not a heading"),
        wording("写成“## 小标题”", "write `## heading`"),
    ),
    (
        re.compile(r"＃"),
        wording("全角“＃”不成小标题", "a full-width ＃ makes no heading"),
        wording("改成英文的“## ”", "write ASCII `## `"),
    ),
    (
        re.compile(r"｜.*｜"),
        wording("全角“｜”画不成表格", "full-width ｜ makes no table"),
        wording("改成英文竖线 |，第二行写 |---|---|", "write ASCII |, and a second row |---|---|"),
    ),
)


def object_to_lines(paragraph: str, first_line: int, findings: Findings) -> None:
    """Warn of each near miss in a paragraph's source, and once of lines that will run together."""
    lines = paragraph.split("\n")
    for number, line in enumerate(lines):
        for pattern, what, remedy in _NEAR_MISSES:
            if pattern.match(line):
                findings.warn(first_line + number, what, remedy)
        if _STRAY_DIRECTIVE.match(line):
            what = wording("“:::”不在它该在的地方", "`:::` out of place")
            remedy = wording(
                "图表块从 ::: chart 开始，到单独一行 ::: 结束，不缩进", "begin with `::: chart`, end with `:::`"
            )
            findings.fault(first_line + number, what, remedy)
    joined = next((number for number in range(1, len(lines)) if _runs_on(lines[number - 1], lines[number])), None)
    if joined is not None:
        what = wording("这一行会与上一行连成一段", "this line continues the paragraph above")
        remedy = wording("若是新的一段，在两行之间空一行", "for a new paragraph, leave a blank line between")
        findings.warn(first_line + joined, what, remedy)


def _runs_on(before: str, line: str) -> bool:
    if before.endswith(("  ", "\\")):
        return False
    return bool(_SENTENCE_END.search(before) or _ITEM_START.match(line))

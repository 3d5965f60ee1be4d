"""import/report.md: what an import did and what a person should look at, in Chinese with an English summary.

Pure. Everything taken out is listed with its place in the source, everything doubtful with its article; an empty
part is left out.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from distributor.content.importers import dates
from distributor.content.importers.balance import Balance
from distributor.content.importers.folder import Outcome, Placed
from distributor.content.importers.kinds import Kind
from distributor.content.importers.model import (
    UNKNOWN_SECTION,
    DoubtKind,
    DraftIssue,
    DraftSection,
    RemovalReason,
)

_KINDS: dict[Kind, str] = {"layer": "PDF 文字层", "plain": "纯文本", "docx": "Word 文档"}
_REASONS = {
    RemovalReason.HEADER: "页眉",
    RemovalReason.PAGE_NUMBER: "页码",
    RemovalReason.FRONT: "刊头（第一个栏目之前）",
    RemovalReason.CONTENTS: "目录",
    RemovalReason.SECTION: "栏目行",
    RemovalReason.META: "日期和来源行",
    RemovalReason.URL: "单独成行的网址",
    RemovalReason.LABEL: "标记",
    RemovalReason.DELETED: "修订中删去的文字",
    RemovalReason.HIDDEN: "隐藏文字",
}
_LISTED = (
    RemovalReason.HEADER,
    RemovalReason.PAGE_NUMBER,
    RemovalReason.FRONT,
    RemovalReason.CONTENTS,
    RemovalReason.DELETED,
    RemovalReason.HIDDEN,
)
_DOUBTS = {
    DoubtKind.COLUMNS: "分栏",
    DoubtKind.LOST_TEXT: "可能缺失的文字",
    DoubtKind.BOUNDARY: "文章分界",
    DoubtKind.SECTION: "栏目",
    DoubtKind.FIELD: "期号、标题和日期",
    DoubtKind.LINK: "链接和附件",
    DoubtKind.FORMAT: "格式",
}
_SUGGESTED_IDS = {
    "技术": "technology", "前沿": "frontier", "政策": "policy", "法规": "law", "市场": "market", "国内": "domestic",
    "国际": "world", "公告": "notice", "通知": "notice", "阅读": "reading", "专题": "special", "案例": "cases",
    "会议": "events", "活动": "events", "研究": "research", "统计": "statistics", "解读": "explained",
    "企业": "companies", "地方": "regions", "行业": "industry", "观察": "observer", "评论": "opinion",
    "观点": "opinion", "要闻": "news", "资讯": "news", "动态": "news",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """Everything an import knows about itself; `taken_ids` are the section ids that the config has."""

    source_name: str
    kind: Kind
    number: int
    date: dt.date
    issue: DraftIssue = field(repr=False)
    balance: Balance
    placed: tuple[Placed, ...] = field(repr=False)
    outcomes: tuple[Outcome, ...]
    vanished: tuple[tuple[str, str], ...]
    taken_ids: frozenset[str]
    ledger_broken: bool = False

    @property
    def unknown_sections(self) -> tuple[DraftSection, ...]:
        """The sections that the config does not know, the one for articles without a section left out."""
        return tuple(
            section for section in self.issue.sections if section.known is None and section.title != UNKNOWN_SECTION
        )

    @property
    def unplaced(self) -> int:
        """How many articles stand under no section line."""
        return sum(len(section.articles) for section in self.issue.sections if section.title == UNKNOWN_SECTION)

    @property
    def is_faithful(self) -> bool:
        """Whether no character was lost or invented, in the draft or on the way into the files."""
        return self.balance.closes and all(one.body.faithful for one in self.placed)


def render_report(report: ImportReport) -> str:
    """Return the text of report.md."""
    parts = [
        _summary(report),
        _balance(report.balance, report.placed),
        _sections(report),
        _section_lines(report),
        _articles(report),
        _incomplete(report.placed),
        _files(report),
        _addresses(report),
        _tables(report.placed),
        *(_doubts(report, kind) for kind in _DOUBTS),
        *(_removals(report, reason) for reason in _LISTED),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def section_toml(title: str, taken: Iterable[str], ordinal: int) -> str:
    """Return the lines to add to distributor.toml for a section that the config does not know."""
    word = next((name for key, name in _SUGGESTED_IDS.items() if key in title), f"section{ordinal}")
    known = set(taken)
    section_id = word if word not in known else f"{word}-{ordinal}"
    return f'[[section]]\nid = "{section_id}"\ntitle = "{title}"'


def _summary(report: ImportReport) -> str:
    articles = len(report.placed)
    missing = sum(bool(one.article.missing) for one in report.placed)
    doubts = len(report.issue.doubts)
    name, kind = report.source_name, report.kind
    closes = "一致" if report.is_faithful else "不一致，见下"
    closes_en = "balanced" if report.is_faithful else "NOT balanced"
    return f"""# 第 {report.number} 期导入报告

{name}（{_KINDS[kind]}）→ {articles} 篇，缺内容 {missing} 篇，待核对 {doubts} 处，字符收支{closes}。
本文件每次导入都会重写。

English: {name} read as {kind}; {articles} articles, {missing} with something missing, {doubts} places to check,
characters {closes_en}. This file is rewritten by every import."""


def _balance(balance: Balance, placed: Sequence[Placed]) -> str:
    lines = [
        "## 字符收支",
        "",
        "| 项目 | 非空白字符 |",
        "| --- | ---: |",
        f"| 原文 | {balance.source:,} |",
        *(f"| 减：{_REASONS[reason]} | {count:,} |" for reason, count in balance.removed),
        f"| 标题和正文 | {balance.kept:,} |",
    ]
    if balance.replaced:
        lines += ["", f"替换了 {balance.replaced} 个字符（专用字体的项目符号改为 •）。"]
    if balance.lost:
        lines += ["", f"**少了**：{_counted(balance.lost)}"]
    if balance.invented:
        lines += ["", f"**多了**：{_counted(balance.invented)}"]
    if balance.closes:
        lines += ["", "收支相抵：没有丢字，也没有多字。"]
    lines += [f"\n{one.file} 写成 Markdown 后与原文不一致，请核对。" for one in placed if not one.body.faithful]
    return "\n".join(lines)


def _counted(characters: Iterable[tuple[str, int]]) -> str:
    return "、".join(f"“{character}”×{count}" for character, count in list(characters)[:40])


def _sections(report: ImportReport) -> str:
    rows = [f"| {section.title} | {len(section.articles)} |" for section in report.issue.sections]
    text = "\n".join(["## 栏目", "", "| 栏目 | 篇数 |", "| --- | ---: |", *rows])
    if report.unplaced:
        text += f"\n\n{report.unplaced} 篇没有栏目行，暂记为“{UNKNOWN_SECTION}”。"
        text += "它们属于哪个栏目？请在每篇的 section 一行写上，否则不能定稿。"
    empty = [section.title for section in report.issue.sections if not section.articles]
    return text + (f"\n\n下面没有文章的栏目：{'、'.join(empty)}" if empty else "")


def _section_lines(report: ImportReport) -> str:
    if not report.unknown_sections:
        return ""
    taken = set(report.taken_ids)
    blocks = []
    for ordinal, section in enumerate(report.unknown_sections, start=len(report.taken_ids) + 1):
        block = section_toml(section.title, taken, ordinal)
        taken.add(block.split('"')[1])
        blocks.append(block)
    names = "、".join(section.title for section in report.unknown_sections)
    lines = [
        f"## 设置里没有的栏目：{names}",
        "",
        "名称保留在文章里。要启用，就把下面几行加进 distributor.toml（按阅读顺序放到别的 [[section]] 之间，id 可改）：",
        "",
        "```toml",
        "\n\n".join(blocks),
        "```",
    ]
    return "\n".join(lines)


def _articles(report: ImportReport) -> str:
    lines = [
        "## 文章",
        "",
        "| 文件 | 原文位置 | 标题 | 日期 | 来源 | 字数 | 缺 |",
        "| --- | ---: | --- | --- | --- | ---: | --- |",
    ]
    for one in report.placed:
        article = one.article
        characters = sum(not character.isspace() for character in article.text)
        cells = (
            str(one.file), str(article.line), article.title, article.date or "（无）", article.source or "（无）",
            f"{characters:,}", "、".join(article.missing),
        )  # fmt: skip
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _incomplete(placed: Iterable[Placed]) -> str:
    lines = []
    for one in placed:
        article = one.article
        absent = [
            name
            for name, given in (("日期", article.date), ("来源", article.source), ("正文", article.blocks))
            if not given
        ]
        if absent:
            lines.append(f"- {one.file} 没有{'、'.join(absent)}{_signature_hint(one)}")
    return "\n".join(["## 请补：没有日期、来源或正文的文章", "", *lines]) if lines else ""


def _signature_hint(one: Placed) -> str:
    texts = [block.text for block in one.article.blocks]
    for above, below in pairwise(texts):
        day = dates.whole_date(below)
        if day is not None and one.article.date is None:
            return f"；正文里的落款是“{above}”，{day}"
    return ""


def _addresses(report: ImportReport) -> str:
    lines = []
    for one in report.placed:
        for link in one.article.links:
            kind = "附件" if link.attachment else "链接"
            note = "，**归属待核对**" if link.guessed else ""
            note += "，不能作为链接发出，没有写进文章" if link in one.unusable else ""
            lines.append(f"- {one.file}，{_place(report, link.line)}，{kind}“{link.name}”：<{link.url}>{note}")
    return "\n".join(["## 单独成行的网址归到了哪篇", "", *lines]) if lines else ""


def _tables(placed: Iterable[Placed]) -> str:
    lines = [f"- {one.file}：{table.name} → {table.file}" for one in placed for table in one.body.tables]
    intro = "有合并单元格、只有一行或超过六列的表格不能放进正文，存成了 CSV 并列为附件；可另做成图片放进正文："
    return "\n".join(["## 存成 CSV 的表格", "", intro, "", *lines]) if lines else ""


def _files(report: ImportReport) -> str:
    lines = []
    beside = [one for one in report.outcomes if one.action == "beside"]
    if beside:
        lines += ["下列文件编辑过（或删掉了），没有动；新导入的版本放在旁边，比较后自行合并：", ""]
        lines += [f"- {one.path} → {one.path}.new" for one in beside]
    if report.vanished:
        lines += ["", "上次导入有、这次没有的文章，文件保留；不要了请自己删：", ""]
        lines += [f"- {name} {title}" for name, title in report.vanished]
    if report.ledger_broken:
        lines += ["", "import/fingerprints.toml 被改坏了，无法知道哪些文件编辑过，所以一个也没有覆盖。"]
    return "\n".join(["## 与已有文件的关系", "", *lines]) if lines else ""


def _doubts(report: ImportReport, kind: DoubtKind) -> str:
    doubts = [doubt for doubt in report.issue.doubts if doubt.kind is kind]
    if not doubts:
        return ""
    files = {one.article.title: str(one.file) for one in report.placed}
    lines = []
    for doubt in doubts:
        file = files.get(doubt.article, "")
        lines.append(f"- {f'{file}，' if file else ''}{_place(report, doubt.line)}：{doubt.what.zh}")
    return "\n".join([f"## 请核对：{_DOUBTS[kind]}", "", *lines])


def _place(report: ImportReport, line: int | None) -> str:
    if line is None:
        return "全文"
    return f"原文约第 {line} 段" if report.kind == "docx" else f"原文第 {line} 行"


def _removals(report: ImportReport, reason: RemovalReason) -> str:
    lines = [
        f"- {_place(report, removal.line)}：{' '.join(removal.text.split())}"
        for removal in report.issue.removals
        if removal.reason is reason
    ]
    return "\n".join([f"## 已去掉：{_REASONS[reason]}", "", *lines]) if lines else ""

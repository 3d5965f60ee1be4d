"""Builders of published issues: valid by default, so that a test states only the fact that matters."""

import datetime as dt
import html
from pathlib import Path, PurePosixPath
from typing import Any

from distributor.config.model import Publication, Section
from distributor.content.model import Article, Body, Chart, ChartSeries, Correction, Issue, Picture, Prose, Reference
from distributor.identifiers import ArticleId, SectionId, issue_id
from distributor.rendering.masthead import Masthead
from distributor.rendering.published import PublishedIssue
from distributor.rendering.templates import Templates

TEMPLATES = Path(__file__).parents[2] / "templates"
FRIDAY = dt.date(2015, 7, 10)
SECTIONS = tuple(
    Section(id=SectionId(name), title=title)
    for name, title in (("market", "市场热点"), ("policy", "政策聚焦"), ("notice", "行业公告"))
)
CSV = PurePosixPath("data/prices.csv")
PICTURE = Picture(
    file=PurePosixPath("images/发电 结构.png"),
    alt="发电结构",
    caption="2014年发电结构",
    width=600,
    height=300,
    media_type="image/png",
    content=b"\x89PNG",
)
CHART = Chart(
    file=CSV,
    kind="line",
    x_title="日期",
    y_title="收盘价",
    labels=("2015-07-08", "2015-07-09"),
    series=(ChartSeries(name="北京", values=(42.0, None)), ChartSeries(name="深圳", values=(38.5, 39.0))),
    caption="两地收盘价（元/吨）",
)
TABLE = Prose(
    kind="table",
    html="<table><thead><tr><th>地区</th></tr></thead><tbody><tr><td>湖北</td></tr></tbody></table>",
    text="地区\n湖北",
)
ATTACHMENT = Reference(name="核对表", file=PurePosixPath("files/核对表.docx"))


def masthead(**fields: Any) -> Masthead:
    """Return a masthead with three sections; fields of the publication may be replaced."""
    values: dict[str, Any] = {
        "name": "节能减排信息动态",
        "organisation": "气候变化部",
        "base_url": "https://news.example.com/",
        "sender": "动态 <weekly@news.example.com>",
        "founded": dt.date(2015, 1, 1),
    }
    return Masthead(publication=Publication(**(values | fields)), sections=SECTIONS)


def paragraph(text: str) -> Prose:
    """Return one paragraph of plain text."""
    return Prose(kind="paragraph", html=f"<p>{html.escape(text)}</p>", text=text)


def heading(text: str, level: int = 2) -> Prose:
    """Return a heading."""
    return Prose(kind="heading", html=f"<h{level}>{html.escape(text)}</h{level}>", text=text, level=level)


def article(name: str = "2015-055-a01", section: str = "market", **fields: Any) -> Article:
    """Return an article with two paragraphs, a date and a source."""
    values: dict[str, Any] = {
        "title": f"文章{name[-2:]}的标题",
        "path": f"content/{name[:8]}/{name[9:]}.md",
        "body": Body(blocks=(paragraph("第一段讲事情。第二句讲原因。"), paragraph("第二段讲影响。"))),
        "date": dt.date(2015, 7, 9),
        "source": "新华网",
    }
    return Article(id=ArticleId(name), section=SectionId(section), **(values | fields))


def published(*articles: Article, number: int = 55, date: dt.date = FRIDAY, **fields: Any) -> PublishedIssue:
    """Return an issue with these articles (else two in two sections) and a file for everything that they name."""
    issue = issue_id(date.year, number)
    held = articles or (article(f"{issue}-a01"), article(f"{issue}-a02", "policy"))
    value = Issue(
        id=issue,
        number=number,
        date=date,
        status="ready",
        path=f"content/{issue}",
        articles=held,
        fingerprint="0" * 64,
        **({"subject": "履约收官", "lead": "本期看三件事。"} | fields),
    )
    return PublishedIssue(issue=value, files=dict(_files(value)))


def _files(issue: Issue) -> list[tuple[PurePosixPath, bytes]]:
    named = [reference.file for article in issue.articles for reference in article.attachments if reference.file]
    blocks = [block for article in issue.articles for block in article.body.blocks if not isinstance(block, Prose)]
    return [(file, b"content") for file in (*named, *(block.file for block in blocks))]


def full_issue(number: int = 55, date: dt.date = FRIDAY) -> PublishedIssue:
    """Return an issue in which every kind of block, link and note occurs once."""
    issue = issue_id(date.year, number)
    rich = article(
        f"{issue}-a01",
        body=Body(blocks=(paragraph("先看行情。"), heading("走势"), CHART, TABLE, PICTURE, paragraph("再看原因。"))),
        links=(
            Reference(name="原文", url="http://example.org/新闻?a=1&b=2"),
            Reference(name="解读", url="https://example.com/"),
        ),
        attachments=(ATTACHMENT, Reference(name="公告", url="https://example.org/gonggao.pdf")),
    )
    corrected = article(
        f"{issue}-a02",
        "policy",
        updated=date + dt.timedelta(days=5),
        corrections=(Correction(on=date + dt.timedelta(days=5), note="成交量应为 113 万吨。"),),
        missing=("chart",),
    )
    bare = article(f"{issue}-a03", "notice", body=Body(), date=None, source="")
    return published(rich, corrected, bare, number=number, date=date)


def templates() -> Templates:
    """Return the repository's own templates."""
    return Templates([TEMPLATES])

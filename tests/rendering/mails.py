"""Builders of mails: a press that is right by default, and a big issue that no mail holds whole."""

import datetime as dt
from pathlib import PurePosixPath
from typing import Any

import html5lib

from distributor.config.model import Email, Publication, Section
from distributor.content.model import Article, Body, Chart, ChartSeries, Issue, Picture, Prose
from distributor.editions import Edition, cut
from distributor.identifiers import ArticleId, SectionId, issue_id
from distributor.rendering.mail import Press
from distributor.rendering.model import Placeholders
from distributor.rendering.urls import site_of
from tests.rendering.publications import article, heading, paragraph, templates

XHTML = "{http://www.w3.org/1999/xhtml}"
MARKS = Placeholders(token="TOKENMARKq7", address="ADDRESSMARKq7")
SECTIONS = tuple(
    Section(id=SectionId(name), title=title)
    for name, title in (
        ("market", "市场热点"),
        ("policy", "政策聚焦"),
        ("domestic", "国内资讯"),
        ("international", "国际资讯"),
        ("reading", "推荐阅读"),
        ("notice", "行业公告"),
    )
)
SENTENCES = (
    "风电机组在山口排成一列，去年的发电量比前年多出两成。",
    "“先把账算清楚，再谈怎样分担。”负责核算的人这样说。",
    "新办法规定，能耗超过1.5万吨标准煤的单位须逐年报告；没有报告的，由主管部门催办。",
    "这笔钱用在哪里？答案写在附件的表格里。",
    "旧锅炉停用以后，附近三个监测点的读数下降了38.6%，冬天的天色也亮了一些。",
    "会议没有形成结论……讨论将在秋天继续。",
)


def press(**fields: Any) -> Press:
    """Return a press with six sections; fields of press, publication and email may be replaced by name."""
    publication: dict[str, Any] = {
        "name": "节能减排信息动态",
        "organisation": "气候变化部",
        "base_url": "https://news.example.com/",
        "sender": "动态 <weekly@news.example.com>",
        "address": "北京市示例路1号 & 2号",
        "founded": dt.date(2015, 1, 1),
    }
    email: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in fields.items():
        kind = publication if name in Publication.model_fields else email if name in Email.model_fields else own
        kind[name] = value
    made = Publication(**publication)
    values = {
        "publication": made,
        "sections": SECTIONS,
        "email": Email(**email),
        "site": site_of(made),
        "templates": templates(),
        "placeholders": MARKS,
    }
    return Press(**(values | own))


def issue(*articles: Article, **fields: Any) -> Issue:
    """Return an issue with these articles, else one in each of the six sections."""
    name = issue_id(2015, 55)
    held = articles or tuple(
        article(f"{name}-a{place:02d}", section.id, title=f"{section.title}的头一篇")
        for place, section in enumerate(SECTIONS, start=1)
    )
    values: dict[str, Any] = {
        "id": name,
        "number": 55,
        "date": dt.date(2015, 7, 10),
        "status": "ready",
        "path": f"content/{name}",
        "articles": held,
        "fingerprint": "0" * 64,
    }
    return Issue(**(values | fields))


def whole(of: Issue) -> Edition:
    """Return the edition that holds every section."""
    edition = cut(of, None)
    assert edition is not None
    return edition


def part(of: Issue, *sections: str) -> Edition:
    """Return the edition with these sections."""
    edition = cut(of, frozenset(SectionId(section) for section in sections))
    assert edition is not None
    return edition


def prose(sentences: int, start: int = 0) -> Prose:
    """Return a paragraph of that many sentences, about 28 characters each."""
    return paragraph("".join(SENTENCES[(start + place) % len(SENTENCES)] for place in range(sentences)))


def long_article(name: str, section: str, paragraphs: int, **fields: Any) -> Article:
    """Return an article of that many paragraphs of about 110 characters, with a heading every five."""
    blocks: list[Prose] = []
    for place in range(paragraphs):
        if place % 5 == 4:
            blocks.append(heading(f"第{place}节"))
        blocks.append(prose(4, place))
    return article(name, section, body=Body(blocks=tuple(blocks)), **fields)


def big_issue() -> Issue:
    """Return 24 articles in six sections, some 45,000 characters: short, middling, very long; all kinds of blocks."""
    lengths = (2, 9, 31, 12, 25, 6, 40, 3)
    made = []
    for place in range(24):
        section = SECTIONS[place // 4].id
        name = f"2015-055-a{place + 1:02d}"
        title = f"第{place + 1:02d}号文章：关于“{SECTIONS[place // 4].title}”的报道"
        made.append(long_article(name, section, lengths[place % len(lengths)], title=title))
    rich = made[1]
    blocks = (*rich.body.blocks, line_chart(8), picture("a"), picture("b"), plain_table(6))
    made[1] = article(rich.id, rich.section, title=rich.title, body=Body(blocks=blocks))
    return issue(*made, subject="本期看点", lead=SENTENCES[0] + SENTENCES[1])


def picture(name: str, size: int = 900, **fields: Any) -> Picture:
    """Return a picture of that many bytes, its content told apart by its name."""
    values: dict[str, Any] = {
        "file": PurePosixPath(f"images/{name}.png"),
        "alt": f"图{name}的说明",
        "caption": "",
        "width": 1200,
        "height": 600,
        "media_type": "image/png",
        "content": name.encode() * (size // len(name.encode())),
    }
    return Picture(**(values | fields))


def line_chart(days: int, lines: int = 2, **fields: Any) -> Chart:
    """Return a line chart over consecutive days with that many lines."""
    values: dict[str, Any] = {
        "file": PurePosixPath("data/prices.csv"),
        "kind": "line",
        "x_title": "日期",
        "y_title": "收盘价",
        "labels": tuple(f"2015-07-{day:02d}" for day in range(1, days + 1)),
        "series": tuple(
            ChartSeries(name=f"市场{number}", values=tuple(20.0 + number + day / 10 for day in range(days)))
            for number in range(1, lines + 1)
        ),
        "caption": "几地的收盘价",
    }
    return Chart(**(values | fields))


def plain_table(rows: int) -> Prose:
    """Return a table of three columns."""
    head = "<thead><tr><th>地区</th><th>数量（吨）</th><th>说明</th></tr></thead>"
    lines = "".join(f"<tr><td>地区{row}</td><td>{row},000</td><td>无</td></tr>" for row in range(1, rows + 1))
    text = "\n".join(f"地区{row} | {row},000 | 无" for row in range(1, rows + 1))
    return Prose(kind="table", html=f"<table>{head}<tbody>{lines}</tbody></table>", text=text)


def parsed(html: str) -> Any:
    """Return the document as an independent parser sees it; raises at the first fault (HTML Living Standard)."""
    return html5lib.HTMLParser(strict=True).parse(html)


def visible_text(html: str) -> str:
    """Return what stands in the body, without blanks."""
    body = parsed(html).find(f"{XHTML}body")
    return "".join("".join(body.itertext()).split())


def headings(html: str, level: int) -> list[str]:
    """Return the headings of one level in reading order."""
    return ["".join(found.itertext()) for found in parsed(html).iter(f"{XHTML}h{level}")]


def article_id(number: int) -> ArticleId:
    """Return the id of that article of the builders' issue."""
    return ArticleId(f"2015-055-a{number:02d}")

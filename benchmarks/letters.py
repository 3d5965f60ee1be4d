"""The letter that every sender sends: one text, one HTML part, both base64, a reader's token in four places.

Made here from a few sentences so that nothing has to be fetched, about as large on the wire as asked for. The token
stands in List-Unsubscribe twice, in the text and in the HTML; the masked address stands in both parts.
`as_json` is what the peers read: the parts with their marks, and the finished message cut into pieces for the one that
sends ready-made bytes.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

TOKEN_MARK = "T0123456789abcdefT"
ADDRESS_MARK = "A0123456789abcdefA"
SENDER = "weekly@news.example.com"
SENDER_NAME = "测速周刊"
SUBJECT = "测速周刊 第 7 期：河水、屋顶与旧电池"
PAGE = f"https://news.example.com/unsubscribe/{TOKEN_MARK}"
MAILTO = f"mailto:{SENDER}?subject=unsubscribe%20{TOKEN_MARK}"
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")
HEADER_BYTES = 1500
"""About what headers and MIME borders take of a message."""

_SENTENCES = (
    "上游三座水库本周开始按新的调度表放水，下游十二个取水口的水位比往年同期高出一掌。",
    "屋顶光伏的并网申请改为网上办理，街道不再收纸质材料，平均等候时间从九天缩短到四天。",
    "旧电池回收点增加到二百一十七处，居民用积分换取公交车票，第一周就收到六吨半。",
    "造纸厂把余热接进了邻近小区的供暖管网，一个采暖季可以少烧一千四百吨煤。",
    "研究人员在试验田里比较了五种覆盖作物，苜蓿的固碳效果最好，但需水也最多。",
    "港口的岸电桩投入使用，靠泊船舶可以关掉辅机，码头边的夜里安静了许多。",
    "这份表格列出各县上半年的用电量、外购绿电的比例和与去年相比的变化。",
    "货运自行车在老城区试点，最后一公里的配送不再需要面包车进巷子。",
    "气象台发布的风速预报精确到每十五分钟，风电场据此安排检修窗口。",
    "新版碳核算指南征求意见，企业可以在月底以前提交书面建议。",
    "地铁车辆段的雨水花园建成，暴雨之后积水在两个小时内退去。",
    "图书馆的照明换成感应式之后，电费账单比前一年少了三成。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The two parts, with the marks where a reader's own values go; lines end with CRLF."""

    size_kb: int
    text: str
    html: str


def write_letter(size_kb: int) -> Letter:
    """Return the letter that takes about so many times 1,024 bytes on the wire; the same one every time."""
    # 57 bytes become a line of 78 with its CRLF; a quarter is text, the rest HTML.
    content = (size_kb * 1024 - HEADER_BYTES) * 57 // 78
    randomness = Random(size_kb)
    text_foot = f"\r\n退订：{PAGE}\r\n这封信寄给 {ADDRESS_MARK}。\r\n"
    html_foot = f'<p><a href="{PAGE}">退订</a>，这封信寄给 {ADDRESS_MARK}。</p></body></html>\r\n'
    html_head = '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"></head><body>\r\n'
    opening, closing = '<p style="margin:0 0 16px;font-size:16px;line-height:1.75;color:#222222">', "</p>"
    text = _prose(randomness, content // 4 - len(text_foot.encode()), "", "")
    html = _prose(randomness, content * 3 // 4 - len((html_head + html_foot).encode()), opening, closing)
    return Letter(size_kb=size_kb, text=text + text_foot, html=html_head + html + html_foot)


def _prose(randomness: Random, size_bytes: int, opening: str, closing: str) -> str:
    paragraphs: list[str] = []
    while size_bytes > 0:
        paragraph = opening + "".join(randomness.choices(_SENTENCES, k=3)) + closing + "\r\n"
        size_bytes -= len(paragraph.encode())
        paragraphs.append(paragraph)
    return "".join(paragraphs)


def reader_address(number: int) -> str:
    """Return the address of the n-th reader, the same for all senders."""
    return f"reader{number}@{DOMAINS[number % len(DOMAINS)]}"


def as_json(letter: Letter) -> str:
    """Return the letter as the peers read it.

    `pieces` is the finished message: `fixed` ASCII as it goes out, `head` with marks to be filled, `part` the end of a
    base64 part, to be filled and then encoded in lines of 76.
    """
    known = {"subject": SUBJECT, "sender": SENDER, "sender_name": SENDER_NAME, "page": PAGE, "mailto": MAILTO}
    marks = {"token_mark": TOKEN_MARK, "address_mark": ADDRESS_MARK, "domains": DOMAINS}
    parts = {"text": letter.text, "html": letter.html}
    return json.dumps(known | marks | parts | {"pieces": list(_pieces(letter))}, ensure_ascii=True)


def _pieces(letter: Letter) -> Iterator[dict[str, str]]:
    boundary = "=_benchmark_letter"
    yield {
        "fixed": "Date: Fri, 10 Jul 2015 09:00:00 +0800\r\n"
        f"From: {_encoded_word(SENDER_NAME)} <{SENDER}>\r\nSubject: {_encoded_word(SUBJECT)}\r\n"
        "List-Id: <weekly.news.example.com>\r\nAuto-Submitted: auto-generated\r\nPrecedence: bulk\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'
    }
    yield {
        "head": f"To: <@@>\r\nMessage-ID: <%%@news.example.com>\r\nList-Unsubscribe: <{PAGE}>,\r\n <{MAILTO}>\r\n\r\n"
    }
    for kind, content in (("plain", letter.text), ("html", letter.html)):
        yield {
            "fixed": f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n"
        }
        raw = content.encode()
        # What the marks stand in is the end; cut it off at a full line that is also the end of a character.
        cut = raw.index(PAGE.encode()) // 57 * 57
        while raw[cut] & 0xC0 == 0x80:
            cut -= 57
        yield {"fixed": _base64_lines(raw[:cut])}
        yield {"part": raw[cut:].decode()}
    yield {"fixed": f"--{boundary}--\r\n"}


def _base64_lines(content: bytes) -> str:
    lines = (content[start : start + 57] for start in range(0, len(content), 57))
    return "".join(base64.b64encode(line).decode() + "\r\n" for line in lines)


def _encoded_word(text: str) -> str:
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="

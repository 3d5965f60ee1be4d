import html
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.rendering.plaintext import WIDTH, width_of
from distributor.rendering.prosetext import prose_to_text

WORDS = st.text("甲乙丙，。abc 12", min_size=1, max_size=30).filter(str.strip)
INLINE = st.one_of(
    WORDS.map(html.escape),
    WORDS.map(lambda text: f"<strong>{html.escape(text)}</strong>"),
    WORDS.map(lambda text: f'<a href="https://example.org/">{html.escape(text)}</a>'),
    st.just("<br>"),
)
LINES = st.lists(INLINE, min_size=1, max_size=4).map("".join)
BLOCKS = st.recursive(
    LINES.map(lambda text: f"<p>{text}</p>"),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda made: f"<blockquote>{''.join(made)}</blockquote>"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda made: f"<ul>\n{''.join(f'<li>{one}</li>' for one in made)}</ul>"
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda made: f"<ol>{''.join(f'<li>{one}</li>' for one in made)}</ol>"
        ),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>一段<strong>粗</strong>话</p>", "一段粗话"),
        ("<p>一<br>二</p>", "一\n二"),
        ('<p>见<a href="https://example.org/x?a=1&amp;b=2">公告</a>。</p>', "见公告 <https://example.org/x?a=1&b=2>。"),
        ('<p><a href="https://example.org/">https://example.org/</a></p>', "https://example.org/"),
        ('<p><a href="mailto:a@example.com">a@example.com</a></p>', "a@example.com"),
        ("<p><a>没有地址</a></p>", "没有地址"),
        ("<h2>小标题</h2>", "◆ 小标题"),
        ("<ul>\n<li>甲</li>\n<li>乙</li>\n</ul>", "- 甲\n- 乙"),
        ('<ol start="3"><li>甲</li><li>乙</li></ol>', "3. 甲\n4. 乙"),
        ("<ul><li>甲<ol><li>乙</li></ol></li><li>丙</li></ul>", "- 甲\n  1. 乙\n- 丙"),
        ("<blockquote>\n<p>一</p>\n<p>二</p>\n</blockquote>", "> 一\n>\n> 二"),
        ("<pre><code>a  b\n  c\n</code></pre>", "    a  b\n      c"),
        ("<hr>", "* * *"),
        ("<p>1 &lt; 2 &amp; CO&lt;sub&gt;</p>", "1 < 2 & CO<sub>"),
        (
            "<table><thead><tr><th>地区</th><th>量</th></tr></thead><tbody><tr><td>湖<b>北</b></td><td>3</td></tr></tbody></table>",
            "地区  量\n----  --\n湖北   3",
        ),
        ("<blockquote><table><tr><th>甲</th></tr><tr><td>乙</td></tr></table></blockquote>", "> 甲\n> --\n> 乙"),
        ("<ul>\n<li>\n<p>一</p>\n<p>二</p>\n</li>\n<li>三</li>\n</ul>", "- 一\n\n  二\n- 三"),
    ],
)
def test_each_kind_of_block_has_its_plain_form(source: str, text: str) -> None:
    assert prose_to_text(source) == text


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append("".join(data.split()))


@given(BLOCKS)
def test_every_word_of_the_html_is_in_the_text_in_order(source: str) -> None:
    reader = _Text()
    reader.feed(source)
    rest = "".join(prose_to_text(source).split())

    for word in reader.found:
        rest = rest[_after(rest, word) :]


def _after(text: str, word: str) -> int:
    # A quote's mark may stand between the lines of one word.
    place = 0
    for character in word:
        place = text.index(character, place) + 1
    return place


@given(BLOCKS)
def test_text_stays_within_its_columns(source: str) -> None:
    unbreakable = 34
    lines = prose_to_text(source).split("\n")

    assert all(width_of(line) <= WIDTH or len(line.split()[-1]) > unbreakable for line in lines)


@given(st.text())
def test_any_text_is_read_without_a_fault(source: str) -> None:
    prose_to_text(source)

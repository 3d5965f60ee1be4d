from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from distributor.content.markup import LENGTH_LIMIT, escape_text, parse_body
from distributor.content.model import Body, Picture
from tests.content.folders import complaints, html, parsed, png, prose


def kinds(text: str) -> list[str]:
    return [prose(block).kind for block in parsed(text)[0].blocks]


def text_of(text: str) -> str:
    return parsed(text)[0].text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**环保“领跑者”**制度", "<strong>环保“领跑者”</strong>制度"),
        ("是**“十三五”**的", "是<strong>“十三五”</strong>的"),
        ("（**重点**）", "（<strong>重点</strong>）"),
        ("**价格分层明显。**北京", "<strong>价格分层明显。</strong>北京"),
        ("占**50%**的", "占<strong>50%</strong>的"),
        ("**(重点)**内容", "<strong>(重点)</strong>内容"),
        ("**“领跑者”**A股", "<strong>“领跑者”</strong>A股"),
        ("文**“一”、“二”**字", "文<strong>“一”、“二”</strong>字"),
        ("**“一”**、**“二”**和", "<strong>“一”</strong>、<strong>“二”</strong>和"),
        ("**《办法》**第*三*条", "<strong>《办法》</strong>第<em>三</em>条"),
        ("**注：***斜*体", "<strong>注：</strong><em>斜</em>体"),
        ("plain **bold** text", "plain <strong>bold</strong> text"),
        ("***粗斜***体", "<em><strong>粗斜</strong></em>体"),
    ],
)
def test_bold_next_to_full_width_punctuation_is_bold(text: str, expected: str) -> None:
    assert html(text) == f"<p>{expected}</p>"


@pytest.mark.parametrize("text", ["a * b * c", "5*3=15", "snake_case_name", "2015_07_09"])
def test_stars_and_underlines_of_ordinary_text_stay(text: str) -> None:
    assert html(text) == f"<p>{text}</p>"


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("碳市场\n价格", "碳市场价格"),
        ("，湖北\n（CCER）", "，湖北（CCER）"),
        ("7月2\n日", "7月2日"),
        ("“一”\n“二”", "“一”“二”"),
        ("AG\nEnergiebilanzen", "AG Energiebilanzen"),
        ("**碳**\n**价**", "碳价"),
        ("a &\nb", "a & b"),
    ],
)
def test_line_break_is_a_blank_between_latin_words_only(text: str, joined: str) -> None:
    assert text_of(text) == joined


@pytest.mark.parametrize(
    "text",
    [
        "1.强化治理",
        "（一）总则",
        "——查企业",
        "1．范围",
        "1、条件",
        "一、办法",
        "• 要点",
        "① 其一",
        "#1机组",
        "~约数~",
        "+5%",
        "=等于",
        "2015年7月9日",
        "[2015]42号",
        "3>2",
        "a|b",
        "http://a.example/x_y_z",
    ],
)
def test_chinese_numbering_and_signs_stay_text(text: str) -> None:
    body, problems = parsed(text)

    assert problems == []
    assert [(prose(block).kind, prose(block).text) for block in body.blocks] == [("paragraph", text)]


def test_full_width_indent_begins_a_paragraph_and_vanishes() -> None:
    assert html("\u3000\u3000第一段\n\u3000\u3000第二段") == "<p>第一段</p>\n<p>第二段</p>"


@pytest.mark.parametrize("indent", ["    ", "\t", "\u3000\u3000"])
def test_indented_paragraph_is_no_code(indent: str) -> None:
    assert kinds(f"甲\n\n{indent}乙") == ["paragraph", "paragraph"]


def test_rule_under_a_paragraph_makes_no_heading() -> None:
    assert kinds("正文\n---\n正文\n\n===") == ["paragraph", "rule", "paragraph", "paragraph"]


def test_bracketed_year_at_a_line_start_is_not_swallowed() -> None:
    assert text_of("[2015]: 42号文件") == "[2015]: 42号文件"


def test_two_lines_that_run_together_are_named() -> None:
    _, problems = parsed("第一段完了。\n第二段\n\n一、办法\n二、条件")

    assert problems == ["a01.md:2 这一行会与上一行连成一段", "a01.md:5 这一行会与上一行连成一段"]


def test_hard_line_break_is_kept() -> None:
    body, problems = parsed("甲公司\\\n乙公司  \n丙公司")

    assert problems == []
    assert body.text == "甲公司\n乙公司\n丙公司"


def test_body_that_uses_the_first_heading_level_moves_down_as_a_whole() -> None:
    blocks = [prose(block) for block in parsed("# 甲\n\n## 乙\n\n###### 丙")[0].blocks]

    assert [(block.level, block.html) for block in blocks] == [
        (2, "<h2>甲</h2>"),
        (3, "<h3>乙</h3>"),
        (6, "<h6>丙</h6>"),
    ]


def test_body_without_the_first_heading_level_keeps_its_levels() -> None:
    assert [prose(block).level for block in parsed("## 甲\n\n### 乙")[0].blocks] == [2, 3]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("##小标题", "“#”后面没有空格，不成小标题"),
        ("#小标题", "“#”后面没有空格，不成小标题"),
        ("＃＃ 小标题", "全角“＃”不成小标题"),
        ("｜甲｜乙｜", "全角“｜”画不成表格"),
        ("** 重点 **内容", "“**”没有成对，会照原样显示"),
        ("**重点", "“**”没有成对，会照原样显示"),
    ],
)
def test_mark_that_did_not_take_is_a_warning(text: str, complaint: str) -> None:
    body, problems = parse_body(text, path="a01.md", folder=Path("/nowhere"))

    assert complaints(problems) == [f"a01.md:1 {complaint}"]
    assert problems[0].warning
    assert body.blocks


def test_raw_html_is_shown_as_text_and_named() -> None:
    body, problems = parsed(
        '甲<script>alert(1)</script><img src=x onerror="y">\n\n<iframe src="http://a.example/"></iframe>'
    )

    assert problems == ["a01.md:1 HTML 标签会照文字显示", "a01.md:3 HTML 标签会照文字显示"]
    assert prose(body.blocks[0]).html == ('<p>甲&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror="y"&gt;</p>')


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java&#115;cript:alert(1)",
        "java&#x0A;script:alert(1)",
        "&#106;avascript:alert(1)",
        "<java\tscript:alert(1)>",
        "data:text/html;base64,PHNjcmlwdD4=",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "//evil.example/x",
        "files/a.doc",
        "#anchor",
        "",
    ],
)
def test_link_that_must_not_go_out_is_refused_with_its_line(target: str) -> None:
    body, problems = parsed(f"第一行\n[点这里]({target})后")

    assert [problem.split()[0] for problem in problems] == ["a01.md:2"]
    assert "href" not in prose(body.blocks[0]).html
    assert body.text == "第一行点这里后"


def test_script_in_angle_brackets_is_refused() -> None:
    body, problems = parsed("<javascript:alert(1)>")

    assert problems == ["a01.md:1 不允许 javascript: 这类链接"]
    assert "href" not in prose(body.blocks[0]).html


def test_good_links_are_encoded_and_bare() -> None:
    text = '[财政部](http://例子.cn/路?a=1&b=2 "title") <https://b.example/> <mail@c.example>'

    assert html(text) == (
        '<p><a href="http://xn--fsqu00a.cn/%E8%B7%AF?a=1&amp;b=2">财政部</a> '
        '<a href="https://b.example/">https://b.example/</a> '
        '<a href="mailto:mail@c.example">mail@c.example</a></p>'
    )


def test_plain_text_names_link_targets_once() -> None:
    text = "[财政部](http://a.example/)、<http://b.example/路>、[http://c.example/](http://c.example/)"

    assert text_of(text) == "财政部 (http://a.example/)、http://b.example/路、http://c.example/"


def test_template_text_is_shown_literally() -> None:
    text = "{{ 7*7 }} {{ config }} {% include '/etc/passwd' %}"

    assert html(text) == f"<p>{text}</p>"


@pytest.mark.parametrize("text", [".", ".甲", "From 甲", "\\.."])
def test_smtp_and_mbox_traps_stay_text(text: str) -> None:
    assert kinds(text) == ["paragraph"]


def test_entity_cannot_bring_in_a_control_character() -> None:
    assert text_of("甲&#12;乙&#0;丙&nbsp;丁") == "甲乙\ufffd丙\xa0丁"


def test_lists_in_plain_text_keep_their_markers() -> None:
    text = "- 甲\n  - 乙\n    续\n- 丙\n\n3. 丁\n4. 戊\n\n   又一段"

    assert [prose(block).text for block in parsed(text)[0].blocks] == [
        "- 甲\n  - 乙续\n- 丙",
        "3. 丁\n4. 戊\n   又一段",
    ]


def test_ordered_list_keeps_where_it_starts() -> None:
    assert html("3. 丁") == '<ol start="3">\n<li>丁</li>\n</ol>'


def test_table_is_rows_in_plain_text() -> None:
    block = prose(parsed("| 甲 | 乙 |\n|:--|--:|\n| 1 | **2** |\n| 3 |")[0].blocks[0])

    assert (block.kind, block.text) == ("table", "甲 | 乙\n1 | 2\n3 | ")
    assert "style" not in block.html
    assert "<td><strong>2</strong></td>" in block.html


def test_quote_code_and_rule_have_plain_forms() -> None:
    blocks = [prose(block) for block in parsed("> 甲\n>\n> 乙\n\n```py\nx < 1\n```\n\n***")[0].blocks]

    assert [(block.kind, block.text) for block in blocks] == [("quote", "甲\n乙"), ("code", "x < 1"), ("rule", "")]
    assert blocks[1].html == "<pre><code>x &lt; 1\n</code></pre>"


def test_body_longer_than_its_limit_is_refused() -> None:
    body, problems = parsed("字" * (LENGTH_LIMIT + 1))

    assert body == Body()
    assert "上限是 200000" in problems[0]


def test_line_of_nearly_the_limit_is_read() -> None:
    assert parsed("字" * LENGTH_LIMIT)[0].characters == LENGTH_LIMIT


@pytest.mark.parametrize("text", ["> " * 1000 + "甲", "".join("  " * depth + "- 甲\n" for depth in range(40))])
def test_nesting_that_would_lose_text_is_refused(text: str) -> None:
    assert "列表或引文嵌套太深" in " ".join(parsed(text)[1])


def test_five_levels_of_lists_are_fine() -> None:
    text = "".join("  " * depth + f"- 第{depth}层\n" for depth in range(5))

    assert parsed(text)[1] == []


@pytest.mark.parametrize(
    "unit",
    ["[", "*", "_", "`", "<", ">", "![", "[a](", "*a ", "**a", "<a", "&", ":::\n", "- ", "](", "**“x”** ", "![a](b"],
)
def test_repeated_marks_do_not_blow_up_the_parser(unit: str) -> None:
    # Well under a second each; were it quadratic, this would take minutes.
    body, _problems = parsed((unit * 20_000)[:20_000])

    assert body.characters <= 20_000


def test_problems_name_the_line_of_the_file() -> None:
    _, problems = parse_body("甲\n\n[乙](x)", path="content/a01.md", first_line=9, folder=Path("/nowhere"))

    assert [(problem.path, problem.line) for problem in problems] == [("content/a01.md", 11)]


def test_picture_between_words_becomes_a_block_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png(640, 480))

    body, problems = parsed('前 ![说明](x.png "图注") 后', tmp_path)

    first, picture, last = body.blocks
    assert problems == []
    assert isinstance(picture, Picture)
    assert (prose(first).html, prose(last).html) == ("<p>前</p>", "<p>后</p>")
    assert (picture.alt, picture.caption, picture.width, picture.height) == ("说明", "图注", 640, 480)
    assert (picture.media_type, picture.content) == ("image/png", png(640, 480))


def test_picture_alone_leaves_no_empty_paragraph(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png())

    body, _ = parsed("![说明](x.png)", tmp_path)

    assert [type(block) for block in body.blocks] == [Picture]


def test_picture_without_a_description_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png())

    body, problems = parsed("![](x.png)", tmp_path)

    assert problems == ["a01.md:1 图片没有文字说明"]
    assert len(body.blocks) == 1


@pytest.mark.parametrize(
    "text",
    [
        "**![图](x.png)**",
        "- ![图](x.png)",
        "> ![图](x.png)",
        "# ![图](x.png)",
        "[![图](x.png)](http://a.example/)",
        "| ![图](x.png) |\n|---|",
    ],
)
def test_picture_inside_something_is_refused(text: str) -> None:
    assert parsed(text)[1] == ["a01.md:1 图片写在加粗、链接、表格、列表或引文里面"]


@pytest.mark.parametrize("text", ["![图](a b.png)", "![图](x.png “注”)", "!【图】（x.png）"])
def test_picture_that_is_not_written_as_one_is_refused(text: str) -> None:
    assert "a01.md:1 图片的写法不成立，会照文字显示" in parsed(text)[1]


@pytest.mark.parametrize("text", ["::: \n:::", "- ::: chart x.csv", "：：：chart data/a.csv x=a y=b", ":::"])
def test_stray_chart_marks_are_refused(text: str) -> None:
    assert "a01.md:1 “:::”不在它该在的地方" in parsed(text)[1]


_TRICKY = st.text(
    alphabet=st.sampled_from("*_`[]()!#>-+~=:：<>&;|\\.123 aXz字碳“”（）、。'\"\u3000\xa0$%{}^/@,？①①—•nbsp"),
    max_size=60,
)
_ANY = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufeff"), max_size=40
)


@settings(deadline=None, max_examples=300)
@given(_TRICKY | _ANY)
def test_escaped_text_renders_to_exactly_that_text(text: str) -> None:
    body, problems = parsed(escape_text(text))

    shown = "".join(Markup(prose(block).html).striptags() for block in body.blocks)
    assert problems == []
    assert [prose(block).text for block in body.blocks] == [text.strip()] * bool(text.strip())
    assert Counter("".join(shown.split())) == Counter("".join(text.split()))


@pytest.mark.parametrize(
    "start",
    [
        "# ",
        "- ",
        "+ ",
        "* ",
        "1. ",
        "12) ",
        "> ",
        "---",
        "***",
        "___",
        "```",
        "~~~",
        "::: chart",
        "    ",
        "\u3000\u3000",
        "| a |",
        "=== ",
        "![a](b)",
        "[a](b)",
        "[a]: b",
        "<b>",
        "<a@b.example>",
        "&amp;",
        "\\*",
        "- - -",
    ],
)
def test_text_that_begins_like_markdown_is_one_paragraph(start: str) -> None:
    assert kinds(escape_text(f"{start}甲")) == ["paragraph"]
    assert text_of(escape_text(start)) == start.strip()


@pytest.mark.parametrize(
    "text",
    ["1.强化（一）——“二”", "发改气候[2015]1024号", "增长5%，3>2", "2015年7月9日：http://a.example/", "第3-4条 + 附件"],
)
def test_ordinary_text_is_not_disfigured_by_escapes(text: str) -> None:
    assert escape_text(text) == text


def test_lines_of_escaped_text_are_joined() -> None:
    assert escape_text("碳市场\n价格\nAG\nBilanz\n\n") == "碳市场价格AG Bilanz"


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_body_is_read(text: str) -> None:
    body, _ = parse_body(text, path="a01.md", folder=Path("/nowhere"))

    assert all("<script" not in prose(block).html for block in body.blocks)

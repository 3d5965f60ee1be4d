"""The mail: what stands in it, for whom, and what is refused."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from distributor.content.model import Body, Prose, Reference
from distributor.editions import every_edition
from distributor.errors import InputError, TemplateError
from distributor.rendering.mail import NOTICE, Press, render_edition, render_notice
from distributor.rendering.templates import Templates
from tests.rendering.mails import (
    MARKS,
    SECTIONS,
    XHTML,
    headings,
    issue,
    line_chart,
    long_article,
    parsed,
    part,
    press,
    visible_text,
    whole,
)
from tests.rendering.publications import TEMPLATES, article, full_issue, heading, paragraph

UNSUBSCRIBE = f"https://news.example.com/unsubscribe/{MARKS.token}"
PREFERENCES = f"https://news.example.com/preferences/{MARKS.token}"


def links(html: str) -> list[str]:
    return [found.get("href") for found in parsed(html).iter(f"{XHTML}a")]


def changed(tmp_path: Path, name: str, old: str, new: str) -> Templates:
    own = tmp_path / "templates"
    own.mkdir()
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    assert old in text
    (own / name).write_text(text.replace(old, new), encoding="utf-8")
    return Templates([own, TEMPLATES])


def refused(with_press: Press) -> str:
    with pytest.raises(TemplateError) as caught:
        render_edition(whole(issue()), with_press)
    return caught.value.text("zh")


def test_edition_holds_its_articles_once_and_no_others() -> None:
    rendition = render_edition(part(issue(), "policy", "reading"), press())

    assert headings(rendition.html, 3) == ["政策聚焦的头一篇", "推荐阅读的头一篇"]
    assert headings(rendition.html, 2) == ["本期目录", "政策聚焦", "推荐阅读"]
    assert "市场热点" not in rendition.html + rendition.text
    assert rendition.edition == "policy+reading"


def test_masthead_is_the_only_first_heading() -> None:
    html = render_edition(whole(issue()), press()).html

    assert headings(html, 1) == ["节能减排信息动态"]
    assert "总第55期" in visible_text(html)
    assert "2015年7月10日星期五" in visible_text(html)


def test_contents_count_each_section_and_lead_to_the_web_page() -> None:
    html = render_edition(whole(issue()), press()).html

    assert "市场热点1篇" in visible_text(html)
    assert [link for link in links(html) if "#" in link] == [
        f"https://news.example.com/issues/2015-055.html#{section.id}" for section in SECTIONS
    ]


def test_article_shows_title_source_date_links_and_attachments() -> None:
    of = full_issue().issue

    html = render_edition(whole(of), press()).html

    assert "https://news.example.com/articles/2015-055-a01.html" in links(html)
    assert "新华网·2015年7月9日" in visible_text(html)
    assert "http://example.org/%E6%96%B0%E9%97%BB?a=1&b=2" in links(html)
    assert any(link.endswith("/issues/2015-055/files/%E6%A0%B8%E5%AF%B9%E8%A1%A8.docx") for link in links(html))


def test_correction_and_loss_are_named() -> None:
    text = visible_text(render_edition(whole(full_issue().issue), press()).html)

    assert "更正（2015年7月15日）：成交量应为113万吨。" in text
    assert "原稿缺失：图表" in text


def test_headings_of_a_body_stand_below_the_articles_own() -> None:
    body = Body(blocks=(heading("二级", 2), paragraph("话。"), heading("三级", 3), heading("六级", 6)))

    html = render_edition(whole(issue(article(body=body))), press()).html

    assert headings(html, 4) == ["二级"]
    assert headings(html, 5) == ["三级"]
    assert headings(html, 6) == ["六级"]


def test_chart_is_a_table_with_its_caption_and_a_way_to_the_drawing() -> None:
    of = issue(article(body=Body(blocks=(line_chart(3),))))

    html = render_edition(whole(of), press()).html

    (table,) = (found for found in parsed(html).iter(f"{XHTML}table") if found.get("class") == "grid")
    cells = ["".join(cell.itertext()) for cell in table.iter() if cell.tag[-2:] in {"th", "td"}]
    assert {cell.get("scope") for cell in table.iter(f"{XHTML}th")} == {"col", "row"}
    assert {"日期 2015", "市场1", "07-03", "21.2"} <= set(cells)
    assert "几地的收盘价在网页上看图" in visible_text(html)


def test_every_cell_of_a_table_has_its_border_inline() -> None:
    of = full_issue().issue

    html = render_edition(whole(of), press()).html

    grids = [table for table in parsed(html).iter(f"{XHTML}table") if table.get("class") == "grid"]
    cells = [cell for grid in grids for cell in grid.iter() if cell.tag[-2:] in {"th", "td"}]
    assert cells
    assert all("border:1px solid" in cell.get("style") for cell in cells)


def test_code_keeps_its_blanks_without_help_of_css() -> None:
    code = Prose(kind="code", html="<pre><code>a  &lt; b\n  c</code></pre>", text="a  < b\n  c")

    html = render_edition(whole(issue(article(body=Body(blocks=(code,))))), press()).html

    assert "a&nbsp;&nbsp;&lt;&nbsp;b<br>&nbsp;&nbsp;c" in html


def test_titles_are_escaped() -> None:
    of = issue(article(title="1 < 2 & “三”<script>"), lead="<b>导语</b>")

    rendition = render_edition(whole(of), press())

    assert headings(rendition.html, 3) == ["1 < 2 & “三”<script>"]
    assert "<script" not in rendition.html
    assert "<b>导语</b>" in rendition.text


def test_unsubscribing_is_offered_at_top_and_bottom_of_both_parts() -> None:
    rendition = render_edition(whole(issue()), press())

    assert links(rendition.html)[:3] == ["https://news.example.com/issues/2015-055.html", PREFERENCES, UNSUBSCRIBE]
    assert links(rendition.html)[-3:] == links(rendition.html)[:3]
    assert rendition.text.count(UNSUBSCRIBE) == rendition.text.count(PREFERENCES) == 2
    assert rendition.text.index(UNSUBSCRIBE) < rendition.text.index("政策聚焦")


def test_footer_says_whose_address_it_is_and_who_sends() -> None:
    rendition = render_edition(whole(issue()), press())

    for content in (visible_text(rendition.html), "".join(rendition.text.split())):
        assert f"您的地址{MARKS.address}订阅了《节能减排信息动态》" in content
        assert "气候变化部" in content
        assert "北京市示例路1号&2号" in content


def test_without_a_server_readers_unsubscribe_by_mail() -> None:
    offline = press(web_mode="none", unsubscribe_mailbox="weekly@news.example.com")

    rendition = render_edition(whole(issue()), offline)

    assert "mailto:weekly@news.example.com?subject=%E9%80%80%E8%AE%A2" in links(rendition.html)
    assert MARKS.token not in rendition.html + rendition.text
    assert "发送主题为“退订”的邮件至 weekly@news.example.com" in rendition.text


def test_press_without_a_way_out_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="mailbox"):
        press(web_mode="none")


def test_lead_of_the_issue_is_kept_from_readers_of_a_part() -> None:
    of = issue(subject="编辑的标题", lead="导语讲的是整期。")

    cut_down = render_edition(part(of, "policy"), press())

    assert "导语讲的是整期。" in render_edition(whole(of), press()).html
    assert "导语" not in cut_down.html + cut_down.text + cut_down.preheader
    assert "本邮件收录1篇，本期共6篇" in visible_text(cut_down.html)
    assert cut_down.subject == "编辑的标题"


def test_preheader_stands_first_and_hidden() -> None:
    rendition = render_edition(whole(issue(lead="导语在此。")), press())

    body = parsed(rendition.html).find(f"{XHTML}body")
    assert body[0].text == rendition.preheader == "导语在此。"
    assert "display:none" in body[0].get("style")


def test_digest_gives_a_lead_and_names_what_the_link_leads_to() -> None:
    of = issue(long_article("2015-055-a01", "market", 9, title="长文"), article("2015-055-a02", title="短讯"))

    rendition = render_edition(whole(of), press(body="digest"))

    assert rendition.shortened == 1
    assert "阅读全文：《长文》" in rendition.html
    assert "第二段讲影响。" in rendition.html
    assert rendition.html_bytes < 12_000


def test_full_mail_is_never_cut() -> None:
    of = issue(long_article("2015-055-a01", "market", 400))

    rendition = render_edition(whole(of), press(body="full"))

    assert rendition.shortened == 0
    assert rendition.html_bytes > 95_000


def test_note_says_how_many_articles_are_cut() -> None:
    of = issue(long_article("2015-055-a01", "market", 400), article("2015-055-a02", title="短讯"))

    rendition = render_edition(whole(of), press())

    assert rendition.shortened == 1
    assert "1篇较长的文章只登开头" in visible_text(rendition.html)


def test_notice_lists_titles_and_says_why() -> None:
    notice = render_notice(issue(), press())

    assert notice.edition == NOTICE
    assert notice.preheader == "本期没有您所选栏目的文章，下面是其他栏目的标题。"
    assert headings(notice.html, 3) == [f"{section.title}的头一篇" for section in SECTIONS]
    assert notice.text.count("市场热点的头一篇") == 1
    assert "第一段讲事情" not in notice.html + notice.text


def test_notice_cannot_be_mistaken_for_an_edition() -> None:
    assert NOTICE not in {edition.key for edition in every_edition(issue())}


def test_english_publication_has_no_chinese_word_of_ours() -> None:
    of = issue(
        article(
            title="Heat pumps", body=Body(blocks=(line_chart(2, x_title="Day", y_title="Price", caption="Prices"),)),
            source="Reuters", links=(Reference(name="Source", url="https://example.org/"),), missing=("chart",),
        )
    )  # fmt: skip
    english = press(
        language="en", name="Energy Weekly", organisation="Climate Office", address="1 Sample Road",
        sections=tuple(section.model_copy(update={"title": section.id}) for section in SECTIONS),
    )  # fmt: skip

    rendition = render_edition(whole(of), english)

    shown = re.sub("市场[12]", "", rendition.html + rendition.text + rendition.subject)
    assert 'lang="en"' in rendition.html
    assert not re.search("[\u3000-\u303f\u4e00-\u9fff\uff01-\uff60]", shown.replace("｜", ""))
    assert "1 article" in visible_text(rendition.html).replace("1article", "1 article")


@pytest.mark.parametrize("name", ["email.html", "email.txt"])
def test_template_without_the_unsubscribe_link_is_refused(tmp_path: Path, name: str) -> None:
    templates = changed(tmp_path, name, "{{ unsubscribe_url }}", "https://news.example.com/")

    text = refused(press(templates=templates))

    assert f"templates/{name}: 没有退订链接 → 把 {{{{ unsubscribe_url }}}} 放回模板" in text


@pytest.mark.parametrize("name", ["email.html", "email.txt"])
def test_template_without_the_postal_address_is_refused(tmp_path: Path, name: str) -> None:
    templates = changed(tmp_path, name, "{{ publication.address", "{{ publication.name")

    assert f"templates/{name}: 没有通信地址" in refused(press(templates=templates))


def test_publication_without_an_address_needs_none(tmp_path: Path) -> None:
    templates = changed(tmp_path, "email.txt", "{{ publication.address", "{{ publication.name")

    assert render_edition(whole(issue()), press(templates=templates, address=""))


def test_unsubscribe_link_in_a_comment_does_not_count(tmp_path: Path) -> None:
    templates = changed(tmp_path, "email.html", '<a href="{{ unsubscribe_url }}">', '<a title="{{ unsubscribe_url }}">')

    assert "没有退订链接" in refused(press(templates=templates))


def test_template_fault_names_its_line(tmp_path: Path) -> None:
    templates = changed(tmp_path, "email.html", "{{ issue.date }}", "{{ issue.dat }}")
    line = (TEMPLATES / "email.html").read_text(encoding="utf-8").split("{{ issue.date }}")[0].count("\n") + 1

    assert f"templates/email.html:{line}: 变量“dat”没有定义" in refused(press(templates=templates))


def test_frame_too_big_for_the_budget_is_refused_with_the_remedy(tmp_path: Path) -> None:
    templates = changed(tmp_path, "email.html", "<body>", "<body>" + "长" * 8_000)

    text = refused(press(templates=templates, max_html_kb=20))

    assert "6篇文章只列标题，HTML 也超过 20 KB → 把 [email] max_html_kb 调大" in text


def test_controls_never_reach_the_mail() -> None:
    of = issue(article(title="甲\x92乙\x00丙"))

    rendition = render_edition(whole(of), press())

    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", rendition.html + rendition.text)


def test_broken_style_is_refused_with_its_template(tmp_path: Path) -> None:
    templates = changed(tmp_path, "email.html", '<p class="act">', '<p class="act" style="}{:;;">')

    assert "templates/email.html: 样式无法写入邮件" in refused(press(templates=templates))


def test_notice_too_big_for_the_budget_is_refused(tmp_path: Path) -> None:
    templates = changed(tmp_path, "email.html", "<body>", "<body>" + "长" * 8_000)

    with pytest.raises(TemplateError, match="list of 6 titles"):
        render_notice(issue(), press(templates=templates, max_html_kb=20))


def test_issue_without_articles_has_no_notice() -> None:
    with pytest.raises(InputError):
        render_notice(replace(issue(), articles=()), press())


def test_every_part_a_reader_sees_counts_in_the_fingerprint() -> None:
    made = render_edition(whole(issue()), press())
    others = [replace(made, **{name: "x"}) for name in ("subject", "preheader", "html", "text")]

    assert len({made.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_rule_in_a_body_stays_a_rule() -> None:
    rule = Prose(kind="rule", html="<hr>", text="")

    rendition = render_edition(whole(issue(article(body=Body(blocks=(rule,))))), press())

    assert "<hr>" in rendition.html
    assert "* * *" in rendition.text

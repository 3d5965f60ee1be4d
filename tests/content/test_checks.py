import pytest

from tests.content.folders import IssueOnDisk, article


def test_good_issue_has_no_problem(issue: IssueOnDisk) -> None:
    assert issue.complaints() == []


def test_doubled_id_names_both_files(issue: IssueOnDisk) -> None:
    issue.write("a02.md", article(title="另一篇"))

    assert issue.complaints() == ["a02.md:2 编号 2015-055-a01 与 content/2015-055/a01.md 重复"]


def test_article_of_another_issue_is_refused(issue: IssueOnDisk) -> None:
    issue.write("a02.md", article(id="2015-054-a02", title="另一篇"))

    loaded = issue.load()

    assert issue.complaints() == ["a02.md:2 编号 2015-054-a02 不属于 2015-055 这一期"]
    assert "2015-055-a02" in loaded.problems[0].remedy.zh


def test_doubled_title_is_a_warning(issue: IssueOnDisk) -> None:
    issue.write("a02.md", article(id="2015-055-a02"))

    loaded = issue.load()

    assert issue.complaints() == ["a02.md:3 标题与 content/2015-055/a01.md 相同"]
    assert loaded.issue is not None


@pytest.mark.parametrize("written", ["policy", "POLICY", "政策聚焦", "【政策聚焦】", "政策 聚焦"])
def test_section_may_be_given_as_id_or_title(issue: IssueOnDisk, written: str) -> None:
    issue.write("a01.md", article(section=written))

    loaded = issue.load()

    assert loaded.issue is not None
    assert loaded.issue.sections == ("policy",)


def test_unknown_section_lists_the_known_ones_and_the_near_one(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article(section="政策焦点"))

    (problem,) = issue.load().problems

    assert (problem.line, problem.what.zh) == (4, "没有“政策焦点”这个栏目")
    assert problem.remedy.zh.startswith("是不是 policy？可用：market 市场热点、policy 政策聚焦、notice 行业公告")


def test_missing_part_is_a_warning_in_a_draft_and_blocks_ready(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article("", missing="chart"))

    draft = issue.load()
    issue.settings(status="ready")
    ready = issue.load()

    assert (draft.issue is not None, ready.issue) == (True, None)
    assert [problem.warning for problem in draft.problems + ready.problems] == [True, False]
    assert issue.complaints() == ["a01.md:5 还缺：chart"]


def test_article_without_text_is_refused(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article(""))

    assert issue.complaints() == ["a01.md 只有标题，没有正文"]


def test_refused_picture_is_not_also_an_absent_text(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article("![图](images/none.png)"))

    assert issue.complaints() == ["a01.md:7 images/none.png：没有这个文件"]


def test_article_dated_after_the_issue_is_a_warning(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article(date="2051-07-09"))

    assert issue.complaints() == ["a01.md:5 文章日期 2051-07-09 晚于本期日期 2015-07-10"]
    assert issue.load().issue is not None


def test_order_must_name_every_article_once_and_no_other(issue: IssueOnDisk) -> None:
    issue.write("a02.md", article(id="2015-055-a02", title="另一篇"))
    issue.settings('order = ["2015-055-a02", "2015-055-a02", "2015-055-a03"]')

    assert issue.complaints() == [
        "issue.toml:4 order 里 2015-055-a02 写了两次",
        "issue.toml:4 order 里的 2015-055-a03 没有对应的文章",
        "issue.toml:4 order 里没有 2015-055-a01（content/2015-055/a01.md）",
    ]


def test_unreadable_article_is_not_also_absent_from_order(issue: IssueOnDisk) -> None:
    issue.settings('order = ["2015-055-a01"]')
    issue.write("a01.md", article(date="?"))

    assert issue.complaints() == ["a01.md:5 日期“?”说不准是哪天"]


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "setup.EXE", "macro.vbs", "feed.xml"])
def test_attachment_that_could_run_is_refused(issue: IssueOnDisk, name: str) -> None:
    issue.write(f"files/{name}", "x")
    issue.write("files/a.pdf", "x")
    issue.write("a01.md", article(attachment=f"甲 | files/a.pdf\nattachment: 乙 | files/{name}"))

    assert issue.complaints() == [f"a01.md:6 {name} 会在读者的电脑上运行"]


def test_absent_attachment_is_refused_at_its_line(issue: IssueOnDisk) -> None:
    issue.write("files/targets.csv", "x")
    issue.write("a01.md", article(link="甲 | http://a.example/\nattachment: 乙 | files/target.csv"))

    (problem,) = issue.load().problems

    assert (problem.line, problem.what.zh) == (6, "files/target.csv：没有这个文件")
    assert problem.remedy.zh == "是不是 files/targets.csv？"

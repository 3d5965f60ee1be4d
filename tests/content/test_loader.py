import datetime as dt
import os
from pathlib import Path

import pytest

from distributor.content.loader import find_issue, list_issues, load_issue, new_issue, set_status
from distributor.content.markup import LENGTH_LIMIT
from distributor.errors import InputError
from tests.content.folders import SECTIONS, IssueOnDisk, article, complaints, png

DAY = dt.date(2015, 7, 17)


def fingerprint(issue: IssueOnDisk) -> str:
    loaded = issue.load()
    assert loaded.issue is not None
    return loaded.issue.fingerprint


def ids(issue: IssueOnDisk) -> list[str]:
    loaded = issue.load()
    assert loaded.issue is not None
    return [article.id[-3:].strip("-") for article in loaded.issue.articles]


def test_issue_is_loaded_from_its_files(issue: IssueOnDisk) -> None:
    issue.settings('subject = "主题"\nlead = "导语"', status="ready")
    issue.write("a01.md", article("第一段。", date="2015-7-9", source="某部", summary="提要"))

    loaded = issue.load().issue

    assert loaded is not None
    (only,) = loaded.articles
    assert (loaded.id, loaded.number, loaded.date, loaded.status) == ("2015-055", 55, dt.date(2015, 7, 10), "ready")
    assert (loaded.subject, loaded.lead, loaded.path) == ("主题", "导语", "content/2015-055")
    assert (only.id, only.section, only.path) == ("2015-055-a01", "market", "content/2015-055/a01.md")
    assert (only.date, only.source, only.summary, only.body.text) == (dt.date(2015, 7, 9), "某部", "提要", "第一段。")


def test_articles_go_by_configured_sections_then_by_id(issue: IssueOnDisk) -> None:
    for name, section in (("a10", "market"), ("a9", "market"), ("a11", "notice"), ("a12", "policy"), ("a01", "notice")):
        issue.write(f"{name}.md", article(id=f"2015-055-{name}", title=name, section=section))

    assert ids(issue) == ["a9", "a10", "a12", "a01", "a11"]


def test_order_rules_inside_a_section_and_never_over_sections(issue: IssueOnDisk) -> None:
    for name, section in (("a01", "market"), ("a02", "market"), ("a03", "policy")):
        issue.write(f"{name}.md", article(id=f"2015-055-{name}", title=name, section=section))
    issue.settings('order = ["2015-055-a03", "2015-055-a02", "2015-055-a01"]')

    assert ids(issue) == ["a02", "a01", "a03"]


def test_every_problem_of_every_file_is_reported_at_once_in_reading_order(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article("[甲](javascript:x)", date="2015-02-30"))
    issue.write("a02.md", b"---\ntitle: \xff\n")
    issue.write("a03.md", article("x\x0b", id="2015-055-a03", section="?"))
    issue.write("issue.toml", 'number = 55\nstatus = "x"\n')

    assert issue.complaints() == [
        "a01.md:5 没有“2015-02-30”这一天",
        "a01.md:8 不允许 javascript: 这类链接",
        "a02.md:2 有不属于 UTF-8 的字节，这一行会成为乱码",
        "a03.md:7 有看不见的控制字符 U+000B",
        "issue.toml 缺 date",
        "issue.toml:2 status 只能是 draft（草稿）或 ready（定稿）",
    ]


def test_issue_with_a_fault_is_never_handed_on(issue: IssueOnDisk) -> None:
    issue.write("a02.md", article(id="2015-055-a02", section="?"))

    assert issue.load().issue is None


@pytest.mark.parametrize("settings", ["number = 56\ndate = 2015-07-10", "number = 55\ndate = 2016-07-10"])
def test_folder_name_must_agree_with_number_and_year(issue: IssueOnDisk, settings: str) -> None:
    issue.write("issue.toml", f'{settings}\nstatus = "draft"\n')

    assert "issue.toml:1 文件夹叫 2015-055" in issue.complaints()[-1]


def test_issue_without_articles_is_refused(issue: IssueOnDisk) -> None:
    (issue.path / "a01.md").unlink()
    issue.write("README.md", "说明")

    assert issue.complaints() == ["2015-055 这一期没有文章"]


def test_issue_without_its_settings_is_refused(issue: IssueOnDisk) -> None:
    (issue.path / "issue.toml").unlink()

    assert issue.complaints() == ["issue.toml 没有这个文件"]


def test_absent_folder_is_refused(tmp_path: Path) -> None:
    loaded = load_issue(tmp_path / "content" / "2015-055", root=tmp_path, sections=SECTIONS)

    assert loaded.issue is None


@pytest.mark.parametrize(
    "name", ["README.md", "readme.MD", "._a01.md", "~$a01.md", ".a02.md.12.tmp", "a02.md.new", "import/a09.md"]
)
def test_other_files_take_no_part(issue: IssueOnDisk, name: str) -> None:
    before = fingerprint(issue)

    issue.write(name, "不是文章")

    assert issue.complaints() == []
    assert fingerprint(issue) == before


@pytest.mark.parametrize("name", ["a02.md.txt", "issue.toml.txt", "a02.markdown"])
def test_name_that_windows_hid_an_ending_of_is_a_warning(issue: IssueOnDisk, name: str) -> None:
    issue.write(name, "x")

    assert issue.complaints() == [f"{name} 这个文件名不会被当作文章"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_files_saved_by_notepad_are_read(issue: IssueOnDisk, encoding: str) -> None:
    text = article("第一段写得像平常的稿子。\n\n第二段也是。", title="关于碳市场的说明").replace("\n", "\r\n")
    issue.write("a01.md", text.encode(encoding))
    issue.write(
        "issue.toml",
        'number = 55\r\ndate = 2015-07-10\r\nstatus = "draft"\r\nlead = "导语写在这里"\r\n'.encode(encoding),
    )

    loaded = issue.load().issue

    assert loaded is not None
    assert (loaded.lead, loaded.articles[0].title) == ("导语写在这里", "关于碳市场的说明")
    assert loaded.articles[0].body.text == "第一段写得像平常的稿子。\n第二段也是。"


def test_strange_files_are_refused_without_waiting(issue: IssueOnDisk) -> None:
    (issue.path / "a02.md").mkdir()
    os.mkfifo(issue.path / "a03.md")
    (issue.path / "a04.md").symlink_to("/etc/hostname")
    (issue.path / "a05.md").symlink_to("a05.md")

    assert [line.split()[0] for line in issue.complaints()] == ["a02.md", "a03.md", "a04.md", "a05.md"]


def test_body_beyond_the_limit_is_refused(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article("字" * (LENGTH_LIMIT + 1)))

    assert issue.complaints() == ["a01.md:7 正文有 200001 个字符，上限是 200000"]


def test_same_files_give_the_same_fingerprint_anywhere(issue: IssueOnDisk, tmp_path: Path) -> None:
    elsewhere = IssueOnDisk(root=tmp_path / "b", path=tmp_path / "b" / "content" / "2015-055")
    elsewhere.write("a01.md", article())
    elsewhere.settings()

    assert fingerprint(issue) == fingerprint(elsewhere)


@pytest.mark.parametrize("name", ["issue.toml", "a01.md", "images/x.png", "data/x.csv", "files/x.pdf"])
def test_any_changed_byte_changes_the_fingerprint(issue: IssueOnDisk, name: str) -> None:
    issue.write("images/x.png", png())
    issue.write("data/x.csv", "a,b\n1,2\n")
    issue.write("files/x.pdf", "pdf")
    issue.write(
        "a01.md", article("![图](images/x.png)\n\n::: chart data/x.csv x=a y=b\n:::", attachment="甲 | files/x.pdf")
    )
    before = fingerprint(issue)

    changed = {"images/x.png": png(5, 5), "issue.toml": issue.path.joinpath("issue.toml").read_bytes() + b"#"}
    issue.write(name, changed.get(name, issue.path.joinpath(name).read_bytes() + b"\n"))

    assert fingerprint(issue) != before


def test_renamed_article_changes_the_fingerprint(issue: IssueOnDisk) -> None:
    before = fingerprint(issue)

    (issue.path / "a01.md").rename(issue.path / "b01.md")

    assert fingerprint(issue) != before


def test_issues_are_listed_newest_first(issue: IssueOnDisk) -> None:
    new_issue(issue.root, 56, DAY, sections=SECTIONS)
    new_issue(issue.root, 1, dt.date(2016, 1, 8), sections=SECTIONS)
    (issue.root / "content" / "README.md").write_text("说明")
    (issue.root / "content" / "drafts").mkdir()

    listed = list_issues(issue.root)

    assert [(folder.id, folder.number, folder.year, folder.status) for folder in listed] == [
        ("2016-001", 1, 2016, "draft"),
        ("2015-056", 56, 2015, "draft"),
        ("2015-055", 55, 2015, "draft"),
    ]
    assert listed[1].date == DAY


def test_workspace_without_content_has_no_issues(tmp_path: Path) -> None:
    assert list_issues(tmp_path) == ()


def test_broken_issue_is_listed_with_its_problems(issue: IssueOnDisk) -> None:
    issue.write("issue.toml", "number = ")

    (listed,) = list_issues(issue.root)

    assert (listed.id, listed.date, listed.status) == ("2015-055", None, None)
    assert complaints(listed.problems) == ["issue.toml:1 这一行的写法不对"]


@pytest.mark.parametrize("name", ["2015-55", "第55期"])
def test_misnamed_folder_is_listed_with_its_problem(issue: IssueOnDisk, name: str) -> None:
    issue.path.rename(issue.path.with_name(name))

    (listed,) = list_issues(issue.root)

    assert listed.id == "2015-055"
    assert complaints(listed.problems) == [f"issue.toml:1 文件夹叫 {name}，期号和日期合起来是 2015-055"]


def test_folder_that_is_no_issue_at_all_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "content" / "旧稿").mkdir(parents=True)
    (tmp_path / "content" / "旧稿" / "issue.toml").write_text("?")

    assert list_issues(tmp_path) == ()


@pytest.mark.parametrize(
    "reference", ["55", "055", "2015-055", "2015-55", " 55 ", "content/2015-055", "content/2015-055/"]
)
def test_issue_is_found_by_what_people_call_it(issue: IssueOnDisk, reference: str) -> None:
    assert find_issue(issue.root, reference) == issue.path


@pytest.mark.parametrize("reference", ["56", "2014-055", "五十五", "", "../x"])
def test_unknown_issue_names_the_known_ones(issue: IssueOnDisk, reference: str) -> None:
    with pytest.raises(InputError) as error:
        find_issue(issue.root, reference)

    assert "2015-055" in error.value.problems[0].remedy.zh


def test_number_of_several_years_must_be_written_in_full(issue: IssueOnDisk) -> None:
    new_issue(issue.root, 55, dt.date(2016, 7, 8), sections=SECTIONS)

    with pytest.raises(InputError, match="several issues are 55"):
        find_issue(issue.root, "55")
    assert find_issue(issue.root, "2015-055") == issue.path


def test_new_issue_is_a_draft_that_passes_its_check(tmp_path: Path) -> None:
    folder = new_issue(tmp_path, 56, DAY, sections=SECTIONS)

    loaded = load_issue(folder, root=tmp_path, sections=SECTIONS)

    assert folder == tmp_path / "content" / "2015-056"
    assert loaded.issue is not None
    assert (loaded.issue.status, len(loaded.issue.articles)) == ("draft", 1)
    assert all(problem.warning for problem in loaded.problems)


def test_new_issue_cannot_become_ready_unedited(tmp_path: Path) -> None:
    folder = new_issue(tmp_path, 56, DAY, sections=SECTIONS)

    set_status(folder, "ready")

    loaded = load_issue(folder, root=tmp_path, sections=SECTIONS)
    assert loaded.issue is None
    assert complaints(loaded.problems) == ["a01.md:7 还缺：这是示例（写好文章后删去 missing 这一行）"]


def test_new_issue_never_overwrites_one(issue: IssueOnDisk) -> None:
    with pytest.raises(InputError, match="exists already"):
        new_issue(issue.root, 55, dt.date(2015, 7, 10), sections=SECTIONS)

    assert issue.complaints() == []


def test_status_is_written_in_place_and_only_when_it_changes(issue: IssueOnDisk) -> None:
    issue.write("issue.toml", '# 说明\nnumber = 55\ndate = 2015-07-10\nstatus = "draft"  # 草稿\n')

    set_status(issue.path, "ready")
    once = issue.path.joinpath("issue.toml").stat()
    set_status(issue.path, "ready")

    assert issue.path.joinpath("issue.toml").read_text() == (
        '# 说明\nnumber = 55\ndate = 2015-07-10\nstatus = "ready"  # 草稿\n'
    )
    assert issue.path.joinpath("issue.toml").stat().st_ino == once.st_ino


def test_status_of_a_broken_file_is_refused(issue: IssueOnDisk) -> None:
    issue.write("issue.toml", "status = “draft”\n")

    with pytest.raises(InputError) as error:
        set_status(issue.path, "ready")

    assert error.value.problems[0].path == "content/2015-055/issue.toml"


def test_every_problem_has_a_remedy_in_both_languages(issue: IssueOnDisk) -> None:
    issue.write("a01.md", article("![x](http://a.example/x.png)\n**a", titel="x", date="?", link="?", updated="?"))
    issue.write("a02.md", b"\xff\xfea\0")
    issue.write("issue.toml", "nummer = 5\n")

    problems = issue.load().problems

    assert len(problems) > 8
    assert all(len(problem.text(language).split(" → ")) == 2 for problem in problems for language in ("zh", "en"))
    assert all(problem.remedy.en.isascii() or "“" in problem.remedy.en for problem in problems)

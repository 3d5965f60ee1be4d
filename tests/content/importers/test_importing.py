import codecs
import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from distributor.content.header import parse_article
from distributor.content.importers.folder import Destination
from distributor.content.importers.importing import ImportResult, import_file
from distributor.content.loader import Loaded, load_issue, new_issue, set_status
from distributor.errors import EnvironmentFault, InputError
from tests.content.importers.raw_layer import Part, lay_out, stripped
from tests.content.importers.stories import CHART, GRID, HEATING, ISSUE, METHOD, PORT, SECTIONS, STORIES, TRAINING
from tests.content.importers.word import saved, with_styles

DAY = dt.date(2019, 3, 8)
FOLDER = "content/2019-012"


def destination(root: Path) -> Destination:
    return Destination(root=root, number=12, date=DAY, sections=SECTIONS)


def bring(root: Path, content: bytes | str, name: str = "稿件.txt") -> ImportResult:
    """Import a document as issue 12 of 8 March 2019 into a workspace."""
    source = root / name
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_file(source, destination(root))


def load(root: Path) -> Loaded:
    return load_issue(root / FOLDER, root=root, sections=SECTIONS)


def report(root: Path) -> str:
    return (root / FOLDER / "import" / "report.md").read_text()


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root / FOLDER)): path.read_bytes()
        for path in sorted((root / FOLDER).rglob("*"))
        if path.is_file()
    }


def titles(root: Path) -> dict[str, str]:
    """Return titles by id, from the files."""
    parsed = (parse_article(path.read_text(), path.name).fields for path in (root / FOLDER).glob("*.md"))
    return {fields.id: fields.title for fields in parsed if fields is not None}


def without(*stories: object) -> tuple[Part, ...]:
    return tuple(
        replace(part, stories=tuple(story for story in part.stories if story not in stories)) for part in ISSUE
    )


def test_an_import_loads_as_a_draft_with_every_article_in_order(tmp_path: Path) -> None:
    result = bring(tmp_path, lay_out(ISSUE))

    issue = load(tmp_path).issue
    assert issue is not None
    assert (issue.status, issue.number, issue.date) == ("draft", 12, DAY)
    assert [article.title for article in issue.articles] == [story.title for story in STORIES]
    assert [article.id for article in issue.articles] == [f"2019-012-a{number:02d}" for number in range(1, 8)]
    assert result.folder == tmp_path / FOLDER


def test_the_loaded_text_has_exactly_the_characters_of_the_document(tmp_path: Path) -> None:
    result = bring(tmp_path, lay_out(ISSUE))

    issue = load(tmp_path).issue
    assert issue is not None
    assert result.report.is_faithful
    assert sorted(
        "".join(article.body.text for article in issue.articles).replace(" ", "").replace("\n", "")
    ) == sorted("".join(paragraph for story in STORIES for paragraph in story.paragraphs).replace(" ", ""))


def test_a_missing_chart_and_doubtful_links_hold_the_issue_back(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    set_status(tmp_path / FOLDER, "ready")

    loaded = load(tmp_path)

    assert loaded.issue is None
    assert [problem.path for problem in loaded.problems if not problem.warning] == [f"{FOLDER}/a01.md"]


def test_the_source_is_kept_byte_for_byte(tmp_path: Path) -> None:
    content = codecs.BOM_UTF8 + lay_out(ISSUE).replace("\n", "\r\n").encode()

    bring(tmp_path, content)

    assert files(tmp_path)["import/source.txt"] == content


def test_a_second_import_of_the_same_file_changes_nothing(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    before = files(tmp_path)

    result = bring(tmp_path, lay_out(ISSUE))

    assert files(tmp_path) == before
    assert {outcome.action for outcome in result.report.outcomes} == {"unchanged"}


def test_ids_follow_articles_that_moved_and_new_ones_get_new_ids(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(without(HEATING)))
    first = titles(tmp_path)
    market = replace(ISSUE[0], stories=(HEATING, CHART))

    bring(tmp_path, lay_out((market, *ISSUE[1:])))

    second = titles(tmp_path)
    assert {name: second[name] for name in first} == first
    assert second["2019-012-a07"] == HEATING.title
    issue = load(tmp_path).issue
    assert issue is not None
    assert [article.title for article in issue.in_section(SECTIONS[0].id)] == [HEATING.title, CHART.title]


def test_a_mended_title_keeps_its_id(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    mended = replace(HEATING, title="滨江区提前完成今年老旧小区供热管网改造")

    bring(tmp_path, lay_out((replace(ISSUE[0], stories=(CHART, mended)), *ISSUE[1:])))

    assert titles(tmp_path)["2019-012-a02"] == mended.title


def test_an_edited_file_is_never_overwritten(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    edited = tmp_path / FOLDER / "a02.md"
    edited.write_text(edited.read_text().replace("居民没有花钱", "居民一分钱也没有花"))
    before = edited.read_bytes()

    result = bring(tmp_path, lay_out(ISSUE))

    assert edited.read_bytes() == before
    assert "居民没有花钱" in (tmp_path / FOLDER / "a02.md.new").read_text()
    assert "a02.md → a02.md.new" in report(tmp_path)
    assert [problem.path for problem in result.problems if "没有覆盖" in problem.what.zh] == [f"{FOLDER}/a02.md"]
    assert len(titles(tmp_path)) == len(STORIES)


def test_a_file_that_notepad_only_saved_again_is_refreshed(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    saved_again = tmp_path / FOLDER / "a02.md"
    saved_again.write_bytes(codecs.BOM_UTF8 + saved_again.read_bytes().replace(b"\n", b"\r\n"))
    changed = replace(HEATING, paragraphs=("改过的一段。",))

    bring(tmp_path, lay_out((replace(ISSUE[0], stories=(CHART, changed)), *ISSUE[1:])))

    assert "改过的一段。" in saved_again.read_text()


def test_an_edited_issue_toml_keeps_what_the_editor_wrote(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    settings = tmp_path / FOLDER / "issue.toml"
    settings.write_text(settings.read_text() + 'subject = "本周要闻"\n')

    bring(tmp_path, lay_out(ISSUE))

    assert 'subject = "本周要闻"' in settings.read_text()
    assert (tmp_path / FOLDER / "issue.toml.new").exists()


def test_a_deleted_file_does_not_come_back_by_itself(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    (tmp_path / FOLDER / "a02.md").unlink()

    bring(tmp_path, lay_out(ISSUE))

    assert not (tmp_path / FOLDER / "a02.md").exists()
    assert (tmp_path / FOLDER / "a02.md.new").exists()


def test_a_renamed_file_is_still_the_article_s(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    (tmp_path / FOLDER / "a02.md").rename(tmp_path / FOLDER / "a02-heating.md")

    bring(tmp_path, lay_out(ISSUE))

    assert not (tmp_path / FOLDER / "a02.md").exists()
    assert list(titles(tmp_path).values()).count(HEATING.title) == 1


def test_an_article_that_vanished_is_kept_and_reported(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))

    result = bring(tmp_path, lay_out(without(TRAINING)))

    assert titles(tmp_path)["2019-012-a07"] == TRAINING.title
    assert f"2019-012-a07 {TRAINING.title}" in report(tmp_path)
    assert any("文件保留" in problem.what.zh for problem in result.problems)


def test_the_id_of_a_vanished_article_is_never_given_again(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    bring(tmp_path, lay_out(without(TRAINING)))
    (tmp_path / FOLDER / "a07.md").unlink()
    other = replace(GRID, title="一篇从没有来过的文章")

    bring(tmp_path, lay_out((replace(ISSUE[0], stories=(*ISSUE[0].stories, other)), *without(TRAINING)[1:])))

    assert titles(tmp_path)["2019-012-a08"] == other.title


def test_an_earlier_source_is_kept_under_a_number(tmp_path: Path) -> None:
    first = lay_out(ISSUE)
    bring(tmp_path, first)

    bring(tmp_path, stripped(first))

    assert files(tmp_path)["import/source.txt"] == stripped(first).encode()
    assert files(tmp_path)["import/source-1.txt"] == first.encode()


def test_a_ready_issue_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    set_status(tmp_path / FOLDER, "ready")
    before = files(tmp_path)

    with pytest.raises(InputError) as refusal:
        bring(tmp_path, lay_out(without(CHART)))

    assert 'status 改回 "draft"' in refusal.value.problems[0].remedy.zh
    assert files(tmp_path) == before


def test_an_unedited_example_of_new_gives_way(tmp_path: Path) -> None:
    new_issue(tmp_path, 12, DAY, sections=SECTIONS)

    bring(tmp_path, lay_out(ISSUE))

    assert titles(tmp_path)["2019-012-a01"] == CHART.title
    assert not list((tmp_path / FOLDER).glob("*.new"))


def test_articles_written_by_hand_keep_their_files_and_ids(tmp_path: Path) -> None:
    new_issue(tmp_path, 12, DAY, sections=SECTIONS)
    own = tmp_path / FOLDER / "a01.md"
    own.write_text(own.read_text().replace("示例：改成文章标题", "编辑自己写的一篇"))

    bring(tmp_path, lay_out(ISSUE))

    assert titles(tmp_path)["2019-012-a01"] == "编辑自己写的一篇"
    assert titles(tmp_path)["2019-012-a02"] == CHART.title


def test_a_broken_ledger_makes_every_file_count_as_edited(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))
    (tmp_path / FOLDER / "import" / "fingerprints.toml").write_text("highest = [")
    changed = replace(HEATING, paragraphs=("改过的一段。",))

    bring(tmp_path, lay_out((replace(ISSUE[0], stories=(CHART, changed)), *ISSUE[1:])))

    assert "居民没有花钱" in (tmp_path / FOLDER / "a02.md").read_text()
    assert "一个也没有覆盖" in report(tmp_path)


def test_an_unknown_section_is_kept_and_the_lines_to_add_are_given(tmp_path: Path) -> None:
    result = bring(tmp_path, lay_out((*ISSUE[:3], replace(ISSUE[3], title="技术前沿"))))

    assert '[[section]]\nid = "technology"\ntitle = "技术前沿"' in report(tmp_path)
    assert "section: 技术前沿" in (tmp_path / FOLDER / "a06.md").read_text()
    assert any("技术前沿" in problem.what.zh for problem in result.problems)


def test_the_lines_given_for_an_unknown_section_make_the_issue_load(tmp_path: Path) -> None:
    bring(tmp_path, lay_out((*ISSUE[:3], replace(ISSUE[3], title="技术前沿"))))
    added = SECTIONS[0].model_copy(update={"id": "technology", "title": "技术前沿"})

    loaded = load_issue(tmp_path / FOLDER, root=tmp_path, sections=(*SECTIONS, added))

    assert loaded.issue is not None


def test_a_text_without_sections_asks_for_them(tmp_path: Path) -> None:
    result = bring(tmp_path, "一篇文章\n发布日期：2019-3-8  来源：绿 E 站\n正文。\n")

    assert "section: 待定栏目" in (tmp_path / FOLDER / "a01.md").read_text()
    assert "它们属于哪个栏目？" in report(tmp_path)
    assert any("1 篇没有栏目" in problem.what.zh for problem in result.problems)
    assert load(tmp_path).issue is None


@pytest.mark.parametrize(
    "content",
    [
        "亲爱的同事：\n\n请查收附件。\n\n此致\n敬礼\n",
        "name,price\nA,1\nB,2\n",
        "print('hello')\n",
        "# 说明\n\n先安装，再运行。\n",
    ],
)
def test_a_file_that_is_no_issue_is_answered_with_what_one_looks_like(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError) as refusal:
        bring(tmp_path, content)

    assert "看不出这是一期刊物" in refusal.value.problems[0].what.zh
    assert "【市场热点】" in refusal.value.problems[0].remedy.zh
    assert not (tmp_path / "content").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        import_file(tmp_path / "没有.docx", destination(tmp_path))

    assert refusal.value.problems[0].path == "没有.docx"


def test_a_folder_that_cannot_be_written_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "content").write_text("a file where the folder should be")

    with pytest.raises(EnvironmentFault):
        bring(tmp_path, lay_out(ISSUE))


def test_a_word_file_is_imported_by_the_same_door(tmp_path: Path) -> None:
    result = bring(tmp_path, saved(with_styles(ISSUE)), "稿件.docx")

    issue = load(tmp_path).issue
    assert issue is not None
    assert [article.title for article in issue.articles] == [story.title for story in STORIES]
    assert (result.report.kind, result.report.is_faithful) == ("docx", True)
    assert "import/source.docx" in files(tmp_path)


def test_attachments_and_links_stand_in_the_header(tmp_path: Path) -> None:
    bring(tmp_path, lay_out(ISSUE))

    fields = parse_article((tmp_path / FOLDER / "a03.md").read_text(), "a03.md").fields
    assert fields is not None
    assert [(one.name, one.url) for one in fields.attachments] == [("附件.doc", METHOD.urls[0])]


def test_an_address_that_cannot_go_out_stays_in_the_report_alone(tmp_path: Path) -> None:
    bad = "ftp://files.example.org/2019/port.zip"
    bring(tmp_path, lay_out((Part(title="市场热点", stories=(replace(PORT, urls=(bad,)),)),)))

    assert bad not in (tmp_path / FOLDER / "a01.md").read_text()
    assert bad in report(tmp_path)
    assert load(tmp_path).issue is not None

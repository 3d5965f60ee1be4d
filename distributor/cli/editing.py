"""Commands for editors: a workspace, an issue begun, imported, checked and marked ready."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from distributor import times
from distributor.cli.console import complain, say, say_json, say_problems, tr, words
from distributor.cli.entry import workspace_of
from distributor.content import loader
from distributor.content.importers.folder import Destination
from distributor.content.importers.importing import import_file
from distributor.errors import InputError
from distributor.operations.founding import found_workspace
from distributor.operations.rehearsals.rehearsal import load_checked
from distributor.operations.workspace import Workspace
from distributor.problems import Problem, faults, wording

ISSUE_HELP = tr("期号：55、055 或 2015-055", "the issue: 55, 055 or 2015-055")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("init", help=tr("新建一个工作区", "make a new workspace"))(init)
    app.command("new", help=tr("新建一期草稿", "begin a new issue as a draft"))(new)
    app.command("import", help=tr("把 Word 文件或 PDF 文字导入为一期草稿", "import a document as a draft issue"))(
        import_
    )
    app.command(
        "check", help=tr("检查设置和内容，一次列出全部问题", "check settings and content, all problems at once")
    )(check)
    app.command("ready", help=tr("检查一期并标为就绪", "check an issue and mark it ready"))(ready)


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help=tr("新工作区的文件夹", "the new folder"))]) -> None:
    """Make a workspace with settings, templates, empty lists and a draft."""
    written = found_workspace(folder)
    say(tr(f"已建立工作区 {folder}（{len(written)} 个文件）", f"made the workspace {folder} ({len(written)} files)"))
    say(
        tr(f"下一步：cd {folder} && distributor demo（演示，不发出任何邮件）", f"next: cd {folder} && distributor demo")
    )
    say(
        tr(
            "然后改 distributor.toml 和 subscribers/*.csv，用 distributor check 检查",
            "then edit distributor.toml and subscribers/*.csv and run `distributor check`",
        )
    )


def new(
    context: typer.Context,
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=999_999, help=tr("期号", "the number"))],
    date: Annotated[str, typer.Option("--date", "-d", help=tr("出版日期，如 2015-07-17", "its date, 2015-07-17"))],
) -> None:
    """Begin an issue with one example article."""
    workspace = workspace_of(context)
    folder = loader.new_issue(workspace.root, number, _date(date), sections=workspace.sections)
    shown = workspace.shown(folder)
    say(tr(f"已建立 {shown}（草稿）", f"made {shown} (draft)"))
    say(tr(f"写好文章后运行 distributor ready {folder.name}", f"then run `distributor ready {folder.name}`"))


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=tr(".docx 或 .txt 文件", "a .docx or .txt file"))],
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=999_999, help=tr("期号", "the number"))],
    date: Annotated[str, typer.Option("--date", "-d", help=tr("出版日期，如 2015-07-10", "its date, 2015-07-10"))],
    kind: Annotated[
        str | None,
        typer.Option(
            "--as",
            help=tr(
                "按 layer（PDF 文字层）、plain（每段一行）或 docx 读；默认自动判断",
                "layer, plain or docx; default: look",
            ),
        ),
    ] = None,
) -> None:
    """Import a document as a draft issue, with a report of everything doubtful."""
    workspace = workspace_of(context)
    destination = Destination(root=workspace.root, number=number, date=_date(date), sections=workspace.sections)
    result = import_file(file, destination, kind=kind)
    say_problems(result.problems)
    folder = workspace.shown(result.folder)
    say(
        tr(
            f"已导入 {len(result.articles)} 篇文章到 {folder}（草稿）",
            f"imported {len(result.articles)} articles to {folder}",
        )
    )
    say(tr(f"请看导入报告：{folder}/import/report.md", f"read the report: {folder}/import/report.md"))
    say(tr(f"然后运行 distributor check {result.folder.name}", f"then run `distributor check {result.folder.name}`"))


def check(
    context: typer.Context,
    issue: Annotated[str | None, typer.Argument(metavar="[ISSUE]", help=ISSUE_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """Check the settings and one issue, or every issue."""
    workspace = workspace_of(context)
    folders = (
        [loader.find_issue(workspace.root, issue)]
        if issue
        else [folder.path for folder in loader.list_issues(workspace.root)]
    )
    loaded = [loader.load_issue(folder, root=workspace.root, sections=workspace.sections) for folder in folders]
    problems = [*workspace.warnings, *(problem for one in loaded for problem in one.problems)]
    if as_json:
        say_json([_problem_json(problem) for problem in problems])
    else:
        _say_checked(workspace, folders, loaded, problems)
    if faults(problems):
        raise typer.Exit(2)


def _say_checked(
    workspace: Workspace, folders: list[Path], loaded: list[loader.Loaded], problems: list[Problem]
) -> None:
    say_problems(problems)
    for folder, one in zip(folders, loaded, strict=True):
        if one.issue is None:
            continue
        status = tr("就绪", "ready") if one.issue.status == "ready" else tr("草稿", "draft")
        articles, characters = len(one.issue.articles), sum(article.body.characters for article in one.issue.articles)
        titles = workspace.section_titles(one.issue)
        say(
            tr(
                f"{workspace.shown(folder)}  {status}  {articles} 篇  {characters:,} 字  {titles}",
                f"{workspace.shown(folder)}  {status}  {articles} articles  {characters:,} characters",
            )
        )
    wrong = len(faults(problems))
    if wrong:
        complain(
            tr(
                f"共 {wrong} 个问题要改，{len(problems) - wrong} 个提醒",
                f"{wrong} problems, {len(problems) - wrong} warnings",
            )
        )
    else:
        say(tr(f"检查通过，{len(problems)} 个提醒", f"all checks passed, {len(problems)} warnings"))


def ready(context: typer.Context, issue: Annotated[str, typer.Argument(metavar="ISSUE", help=ISSUE_HELP)]) -> None:
    """Check an issue as strictly as a launch does and mark it ready."""
    workspace = workspace_of(context)
    folder = loader.find_issue(workspace.root, issue)
    before = load_checked(workspace, folder)[0]
    if before.status != "ready":
        loader.set_status(folder, "ready")
        try:
            load_checked(workspace, folder)
        except InputError:
            loader.set_status(folder, "draft")
            raise
    say(tr(f"{workspace.shown(folder)} 已就绪", f"{workspace.shown(folder)} is ready"))
    say(tr("下一步：distributor plan（预演，不发送）", "next: `distributor plan` (a rehearsal, sends nothing)"))


def _date(text: str) -> dt.date:
    date = times.parse_date(text)
    if date is None:
        raise InputError(wording(f"日期看不懂：{text} → 写成 2015-07-10", f"not a date: {text}; write 2015-07-10"))
    return date


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "path": problem.path,
        "line": problem.line,
        "what": words(problem.what),
        "remedy": words(problem.remedy),
        "warning": problem.warning,
    }

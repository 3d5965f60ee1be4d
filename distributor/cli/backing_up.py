"""The command that saves what cannot be written again: backup."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from distributor.cli.console import complain, say, say_json, tr
from distributor.cli.entry import workspace_of
from distributor.operations import backing_up, launches
from distributor.operations.backing_up import Backup
from distributor.operations.workspace import Workspace

DATABASE_LEFT_OUT = 2


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("backup", help=tr("备份到一个文件；发送中也可以", "back up to one file, also while mail is going out"))(
        backup
    )


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=tr("新文件，例如 备份.tar.gz", "a new .tar.gz file"))],
    with_content: Annotated[
        bool, typer.Option("--with-content", help=tr("也备份 content/ 和 templates/", "content/ and templates/ too"))
    ] = False,
    without_database: Annotated[
        bool,
        typer.Option("--without-database", help=tr("PostgreSQL 另行备份", "a PostgreSQL database is saved elsewhere")),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> int:
    """Write settings, secrets, lists, launches.log and the database to one new file."""
    workspace = workspace_of(context)
    done = asyncio.run(backing_up.back_up(workspace, file.absolute(), with_content=with_content))
    if as_json:
        say_json(_json(done))
    else:
        _say_done(workspace, done, with_content=with_content)
    if done.dump is None or without_database:
        return 0
    complain(
        tr(
            f"数据库在 PostgreSQL，不在这个文件里 → 用这个命令另存：\n  {done.dump}\n"
            "以后先存数据库，再运行 distributor backup FILE --without-database",
            f"the database is on PostgreSQL and not in this file; save it with\n  {done.dump}\n"
            "and next time do that first, then `distributor backup FILE --without-database`",
        )
    )
    return DATABASE_LEFT_OUT


def _say_done(workspace: Workspace, done: Backup, *, with_content: bool) -> None:
    size = f"{done.size_bytes / 1000:,.0f} kB"
    say(tr(f"已备份到 {done.path}（{size}，{len(done.files)} 个文件）", f"backed up to {done.path} ({size})"))
    parts = [
        *([tr("数据库", "database")] if done.has_database else []),
        tr("设置、密钥和密码、名单", "settings, keys and passwords, lists"),
        *(["launches.log"] if f"var/{launches.FILE_NAME}" in done.files else []),
        *([tr("内容和模板", "content and templates")] if with_content else []),
    ]
    say(tr(f"包括：{'、'.join(parts)}", f"holds: {', '.join(parts)}"))
    if not done.has_database and done.dump is None:
        say(tr("还没有数据库", "there is no database yet"))
    if not with_content:
        say(_words_on_content(workspace))
    for number in done.paused:
        say(
            tr(
                f"发送 #{number} 正在进行：在备份里它是暂停的，恢复后由人决定",
                f"mailing #{number} is under way: in the backup it is paused, for a person to decide after a restore",
            )
        )
    say(
        tr(
            "里面有读者邮箱和密码：放到别的机器上，妥善保管 → 怎样恢复见 docs/how-to/back-up-and-restore.md",
            "it holds addresses and passwords: keep it safe on another machine; "
            "docs/how-to/back-up-and-restore.md says how to restore",
        )
    )


def _words_on_content(workspace: Workspace) -> str:
    is_versioned = any((folder / ".git").exists() for folder in (workspace.root, *workspace.root.parents))
    if is_versioned:
        return tr("不包括 content/ 和 templates/：它们在版本管理里", "without content/ and templates/: git has them")
    return tr(
        "不包括 content/ 和 templates/，这里又没有版本管理 → 加 --with-content 一起备份",
        "without content/ and templates/, and no git here has them: add --with-content",
    )


def _json(done: Backup) -> dict[str, object]:
    return {
        "file": str(done.path),
        "bytes": done.size_bytes,
        "files": done.files,
        "database": done.has_database,
        "dump": done.dump,
        "paused": done.paused,
    }

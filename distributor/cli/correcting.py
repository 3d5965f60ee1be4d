"""The command that corrects an article after publication: pages and feeds say so, nobody is mailed.

Copies that have not gone may get the new text, when a person says so.
"""

import asyncio
import difflib
import shlex
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from distributor.cli.console import complain, say, say_json, say_problems, tr
from distributor.cli.editing import ISSUE_HELP
from distributor.cli.entry import office_of
from distributor.operations import correcting
from distributor.operations.correcting import Corrected, Draft, Rest, Unsent
from distributor.operations.office import Office

_NOTE_HELP = tr("给读者看的一句话：原来错在哪里", "one line for readers: what was wrong")
_REST_HELP = tr("还没发出的邮件改用新文", "let the copies that have not gone bear the new text")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    issue: str
    article: str
    note: str
    rest: bool
    dry_run: bool
    as_json: bool


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("correct", help=tr("更正已发出的文章：改网页和订阅源，不发邮件", "correct an article that is out"))(
        correct
    )


def correct(
    context: typer.Context,
    issue: Annotated[str, typer.Argument(metavar="ISSUE", help=ISSUE_HELP)],
    article: Annotated[
        str,
        typer.Argument(metavar="ARTICLE", help=tr("a04、2015-055-a04 或标题的一段", "a04, 2015-055-a04 or a title")),
    ],
    note: Annotated[str, typer.Option("--note", "-n", help=_NOTE_HELP)],
    rest: Annotated[bool, typer.Option("--rest", help=_REST_HELP)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=tr("只看会改什么", "only show what would change"))] = False,
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """Note a correction in an article that is out, and publish its pages and feeds anew."""
    wanted = _Wanted(issue=issue, article=article, note=note, rest=rest, dry_run=dry_run, as_json=as_json)
    asyncio.run(_correct(context, wanted))


async def _correct(context: typer.Context, wanted: _Wanted) -> None:
    async with office_of(context) as office:
        drafted = await correcting.draft(office, wanted.issue, wanted.article, wanted.note)
        unsent = await correcting.unsent(office, drafted.issue)
        if wanted.dry_run:
            await _show(office, drafted, unsent, as_json=wanted.as_json)
            return
        corrected = await correcting.correct(office, drafted)
        if not wanted.as_json:
            _say_corrected(corrected)
        agreed = wanted.rest or (not wanted.as_json and _agreed(unsent))
        rests = [(one, await _send_rest(office, one)) for one in unsent] if agreed else []
    if wanted.as_json:
        changed = [str(path) for path in corrected.publication.written]
        written = drafted.article.path if corrected.file_changed else None
        say_json(
            _json(drafted, unsent) | {"file": written, "changed": changed, "rest": [_rest_json(*one) for one in rests]}
        )
        return
    for one, rest in rests:
        _say_rest(one, rest)
    if unsent and not agreed:
        _say_unsent(wanted, unsent)
    say_problems(corrected.publication.problems)


async def _send_rest(office: Office, unsent: Unsent) -> Rest:
    told: set[int] = set()

    def waiting(in_hand: int) -> None:
        if not told:
            told.add(in_hand)
            complain(tr(f"等 {in_hand} 份在手里的邮件放下…", f"waiting for {in_hand} copies in a sender's hands …"))

    return await correcting.send_rest(office, unsent.line, waiting=waiting)


async def _show(office: Office, drafted: Draft, unsent: tuple[Unsent, ...], *, as_json: bool) -> None:
    files = await correcting.would_change(office, drafted)
    changed = [str(file.path) for file in files]
    if as_json:
        written = drafted.article.path if drafted.after != drafted.before else None
        say_json(_json(drafted, unsent) | {"dry_run": True, "file": written, "changed": changed, "rest": []})
        return
    path = drafted.article.path
    lines = difflib.unified_diff(drafted.before.splitlines(), drafted.after.splitlines(), path, path, n=1, lineterm="")
    for line in lines:
        say(line)
    _say_text(drafted)
    _say_files(changed, tr("会改动", "would change"))
    for one in unsent:
        say(tr(f"{_name(one)} 还有 {one.counts.open:,} 份没发", f"{_name(one)} has {one.counts.open:,} copies to go"))
    say(tr("只是预演，什么都没有改", "a rehearsal: nothing was changed"))


def _say_corrected(corrected: Corrected) -> None:
    drafted = corrected.draft
    say(
        tr(
            f"更正 {drafted.article.id}《{drafted.article.title}》：{drafted.correction.note}",
            f"corrected {drafted.article.id} ({drafted.article.title}): {drafted.correction.note}",
        )
    )
    _say_text(drafted)
    if corrected.file_changed:
        say(tr(f"更正说明写进了 {drafted.article.path}", f"the note is in {drafted.article.path}"))
    else:
        say(tr("这条更正已经写过，没有再写", "this correction was noted before and is not noted again"))
    _say_files([str(path) for path in corrected.publication.written], tr("改了", "changed"))
    say(tr("没有发出任何邮件", "nothing was mailed"))


def _say_text(drafted: Draft) -> None:
    if drafted.text_changed is None:
        say(
            tr(
                "这篇文章还没有网页，不知道正文改没改",
                "the article has no page yet; whether its text changed is unknown",
            )
        )
    elif drafted.text_changed:
        say(tr("文章与已发布的网页不同，一并换新", "its text differs from the published page and is renewed"))
    else:
        say(tr("文章与已发布的网页相同，只加说明", "its text is as published; only the note is added"))


def _say_files(changed: list[str], verb: str) -> None:
    if not changed:
        say(tr("网页和订阅源没有变化", "pages and feeds are as they were"))
        return
    say(tr(f"网页和订阅源{verb} {len(changed)} 个文件：", f"pages and feeds: {verb} {len(changed)} files:"))
    for path in changed:
        say(f"  {path}")


def _agreed(unsent: tuple[Unsent, ...]) -> bool:
    if not unsent or not sys.stdin.isatty():
        return False
    left = sum(one.counts.open for one in unsent)
    question = tr(
        f"还有 {left:,} 份没发。改用新文再发？", f"{left:,} copies have not gone. Send them with the new text?"
    )
    return typer.confirm(question, default=False)


def _say_unsent(wanted: _Wanted, unsent: tuple[Unsent, ...]) -> None:
    for one in unsent:
        left = one.counts.open
        say(
            tr(
                f"{_name(one)} 还有 {left:,} 份没发，会按旧文发出",
                f"{_name(one)}: {left:,} copies go with the old text",
            )
        )
    words = ["distributor", "correct", wanted.issue, wanted.article, "--note", wanted.note, "--rest"]
    say(tr(f"改用新文：{shlex.join(words)}", f"let them bear the new text: {shlex.join(words)}"))


def _say_rest(unsent: Unsent, rest: Rest) -> None:
    moved, name, number = sum(rest.refrozen.moved.values()), _name(unsent), unsent.line.mailing.id
    if moved:
        say(tr(f"{name}：{moved:,} 份改用新文", f"{name}: {moved:,} copies bear the new text"))
    else:
        say(tr(f"{name}：没有要换文的", f"{name}: no copy needs another text"))
    if rest.refrozen.kept:
        say(
            tr(
                f"{rest.refrozen.kept} 份可能已经送到，再发也按旧文",
                f"{rest.refrozen.kept} copies may have arrived and keep the old text",
            )
        )
    if rest.goes_on:
        say(tr("发送接着进行", "the mailing goes on"))
    else:
        say(tr(f"发送仍在暂停：distributor resume {number}", f"it is still paused: distributor resume {number}"))


def _name(unsent: Unsent) -> str:
    mailing = unsent.line.mailing
    return tr(f"发送 #{mailing.id}（{mailing.issue} → {mailing.origin}）", f"mailing #{mailing.id} ({mailing.issue})")


def _json(drafted: Draft, unsent: tuple[Unsent, ...]) -> dict[str, object]:
    return {
        "issue": drafted.issue.id,
        "article": drafted.article.id,
        "note": drafted.correction.note,
        "on": drafted.correction.on.isoformat(),
        "text_changed": drafted.text_changed,
        "unsent": [
            {"mailing": one.line.mailing.id, "state": one.line.mailing.state, "copies": one.counts.open}
            for one in unsent
        ],
    }


def _rest_json(unsent: Unsent, rest: Rest) -> dict[str, object]:
    return {
        "mailing": unsent.line.mailing.id,
        "moved": dict(rest.refrozen.moved),
        "kept": rest.refrozen.kept,
        "goes_on": rest.goes_on,
    }

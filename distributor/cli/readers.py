"""Commands for lists and readers: `distributor subscribers …`."""

import asyncio
from itertools import islice
from typing import Annotated

import typer

from distributor.cli.console import complain, say, say_json, say_pairs, say_problems, tr
from distributor.cli.entry import office_of
from distributor.errors import HeldError, InputError
from distributor.identifiers import ListName
from distributor.operations import membership
from distributor.operations.membership import ListSync
from distributor.operations.office import Office
from distributor.problems import wording
from distributor.subscribers.model import NewSubscriber, SubscriberView, Verdict
from distributor.subscribers.preferences import parse_sections

SET_ASIDE = 5
_VERDICTS: dict[Verdict, tuple[str, str]] = {
    "added": ("新增", "added"),
    "rejoined": ("重新加入", "rejoined"),
    "ended": ("移出", "ended"),
    "changed": ("改动", "changed"),
    "adopted": ("改由名单管理", "now kept by the file"),
    "kept": ("保留读者自己的选择", "the reader's own choice stays"),
    "elsewhere": ("另一名单另有说法", "another list says otherwise"),
    "unsubscribed": ("读者已退订，不再加入", "unsubscribed, stays out"),
    "blocked": ("停发地址，不再加入", "suppressed, stays out"),
}
_SHOWN = 5

lists = typer.Typer(help=tr("名单和读者", "lists and readers"), no_args_is_help=True, rich_markup_mode=None)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    lists.command(
        "sync", help=tr("把名单文件的变动写进数据库（先显示差别）", "bring list files in, showing the difference")
    )(sync)
    lists.command("add", help=tr("手工加一位读者", "add one reader by hand"))(add)
    lists.command("show", help=tr("查看一位读者", "show one reader"))(show)
    lists.command("remove", help=tr("停发一个地址（名单文件也加不回来）", "stop mail to an address for good"))(remove)
    app.add_typer(lists, name="subscribers")


def sync(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[LIST]...", help=tr("名单；默认全部", "lists; default all"))
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=tr("不问就写入", "apply without asking"))] = False,
    shrink: Annotated[
        bool, typer.Option("--shrink", help=tr("允许名单减少五分之一以上", "allow a list to lose over a fifth"))
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=tr("只显示差别", "only show the difference"))] = False,
) -> int:
    """Compare list files with the database, show the difference, apply it."""
    return asyncio.run(_sync(context, names or [], yes=yes, shrink=shrink, dry_run=dry_run))


async def _sync(context: typer.Context, names: list[str], *, yes: bool, shrink: bool, dry_run: bool) -> int:
    async with office_of(context) as office:
        syncs = await membership.compare_lists(office, membership.list_names(office, names))
        for one in syncs:
            _say_difference(one)
        held = [one for one in syncs if one.is_held]
        if held and not shrink and not dry_run:
            raise membership.shrunk(held[0])
        changing = [
            one for one in syncs if one.difference and (one.difference.changes_anything or one.difference.is_new_file)
        ]
        if dry_run:
            say(tr("只显示差别，没有写入", "nothing was written"))
        elif any(one.difference and one.difference.changes_anything for one in changing) and not (yes or _agreed()):
            raise HeldError(wording("没有写入", "nothing was written"))
        else:
            await membership.apply_lists(office, changing)
            say(tr("已同步", "synced"))
    return SET_ASIDE if any(one.set_aside for one in syncs) else 0


def _agreed() -> bool:
    return typer.confirm(tr("写入以上变动？", "apply these changes?"), default=False)


def _say_difference(one: ListSync) -> None:
    if one.difference is None:
        complain(tr(f"{one.path}：文件不存在，跳过", f"{one.path}: no such file, left out"))
        return
    say_problems(one.problems)
    parsed, counts = one.difference.parsed, one.difference.counts
    say(
        tr(
            f"{one.path}：{len(parsed.rows)} 人（{parsed.encoding}）",
            f"{one.path}: {len(parsed.rows)} people ({parsed.encoding})",
        )
    )
    for verdict, (zh, en) in _VERDICTS.items():
        if not counts[verdict]:
            continue
        found = (change.address for change in one.difference.changes if change.verdict == verdict)
        examples = list(islice(found, _SHOWN))
        more = "…" if counts[verdict] > _SHOWN else ""
        say(f"  {tr(zh, en)} {counts[verdict]}：{'、'.join(examples)}{more}")
    if not one.difference.changes_anything:
        say(tr("  没有变动", "  no change"))


def add(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help=tr("邮箱", "the address"))],
    to: Annotated[str, typer.Option("--list", "-l", help=tr("名单", "the list"))],
    name: Annotated[str, typer.Option("--name", help=tr("姓名或单位", "a name"))] = "",
    sections: Annotated[
        str, typer.Option("--sections", help=tr("栏目，用、分开；默认全部", "sections; default all"))
    ] = "",
    reason: Annotated[
        str, typer.Option("--reason", help=tr("读者本人要求恢复时，写明依据", "why, for one who had unsubscribed"))
    ] = "",
) -> int:
    """Add one reader to a list."""
    return asyncio.run(_add(context, address, (to, name, sections, reason)))


async def _add(context: typer.Context, address: str, given: tuple[str, str, str, str]) -> int:
    to, name, sections, reason = given
    async with office_of(context) as office:
        (list_name,) = membership.list_names(office, [to])
        choice = parse_sections(sections, office.workspace.sections)
        if choice.unknown:
            known = "、".join(section.title for section in office.workspace.sections)
            raise InputError(
                wording(
                    f"没有这个栏目：{'、'.join(choice.unknown)} → 可用：{known}", f"no such section; known: {known}"
                )
            )
        person = NewSubscriber(
            address=membership.address_of(address),
            list=ListName(list_name),
            name=name,
            sections=choice.sections,
            reason=reason,
        )
        addition = await membership.add(office, person)
        if addition.outcome == "refused":
            raise HeldError(
                wording(
                    f"{address} 的状态是“{addition.refused_for}”，没有加入 → 本人要求恢复时加 --reason 写明依据",
                    f"{address} is {addition.refused_for} and was not added; give --reason if they asked for it",
                )
            )
        say(tr("已加入" if addition.outcome != "already" else "已经在名单里", addition.outcome))
        _say_reader(office, addition.view)
    return 0


def show(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help=tr("邮箱", "the address"))],
    as_json: Annotated[bool, typer.Option("--json", help=tr("输出 JSON", "print JSON"))] = False,
) -> None:
    """Show what we know of one reader."""
    asyncio.run(_show(context, address, as_json=as_json))


async def _show(context: typer.Context, address: str, *, as_json: bool) -> None:
    async with office_of(context) as office:
        view = await membership.find(office, membership.address_of(address))
        if view is None:
            raise InputError(wording(f"没有 {address} 这位读者", f"no reader has the address {address}"))
        if as_json:
            say_json(_reader_json(office, view))
        else:
            _say_reader(office, view)


def remove(
    context: typer.Context, address: Annotated[str, typer.Argument(metavar="ADDRESS", help=tr("邮箱", "the address"))]
) -> None:
    """Stop mail to one address, also in a mailing under way."""
    asyncio.run(_remove(context, address))


async def _remove(context: typer.Context, address: str) -> None:
    async with office_of(context) as office:
        view = await membership.remove(office, membership.address_of(address))
        known = (
            "" if view else tr("（名单里没有这个地址，已记入停发名单）", " (unknown until now, noted as suppressed)")
        )
        say(tr(f"已停发 {address}{known}", f"no more mail to {address}{known}"))


def _say_reader(office: Office, view: SubscriberView | None) -> None:
    if view is not None:
        say_pairs(
            {
                name: value if isinstance(value, str) else "、".join(value)
                for name, value in _reader(office, view).items()
            }
        )


def _reader(office: Office, view: SubscriberView) -> dict[str, str | tuple[str, ...]]:
    titles = membership.section_titles(office.workspace.sections, view)
    return {
        tr("地址", "address"): view.address,
        tr("姓名", "name"): view.name or "—",
        tr("状态", "status"): view.status,
        tr("名单", "lists"): view.lists or ("—",),
        tr("栏目", "sections"): (tr("全部", "all"),) if view.sections is None else titles,
        tr("由谁选定", "chosen by"): view.chosen_by,
        tr("格式", "format"): view.format,
    }


def _reader_json(office: Office, view: SubscriberView) -> dict[str, object]:
    return {
        "address": view.address,
        "name": view.name,
        "status": view.status,
        "lists": view.lists,
        "sections": None if view.sections is None else sorted(view.sections),
        "chosen_by": view.chosen_by,
        "format": view.format,
    }

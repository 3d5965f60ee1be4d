"""The list files: whether each can be read, how many people it has, how many rows are faulty.

An open `Workspace` enters, findings leave; nothing of the database is looked at.
"""

from distributor.errors import DistributorError
from distributor.identifiers import ListName
from distributor.operations.examinations.findings import Check, Finding, told
from distributor.operations.files import read_whole
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.subscribers.lists import parse_list

_LISTS = Check(name="lists", title=wording("名单", "lists"))


def examine_lists(workspace: Workspace) -> tuple[Finding, ...]:
    """Return one finding for each configured list, one more for each file that has faulty rows."""
    if not workspace.list_names:
        return (
            _LISTS.warning(
                wording("没有名单，邮件发不给任何人", "no list: there is nobody to mail"),
                wording("在 distributor.toml 加上 [[list]]", "add a [[list]] to distributor.toml"),
            ),
        )
    return tuple(_examine(workspace, name) for name in workspace.list_names)


def _examine(workspace: Workspace, name: ListName) -> Finding:
    path = workspace.list_file(name)
    shown = workspace.shown(path)
    if not path.exists():
        return _LISTS.warning(
            wording(f"还没有 {shown}", f"{shown} does not exist"),
            wording(
                "建立这个文件，首行写 邮箱,姓名,栏目,格式",
                "make the file; its first line is email,name,sections,format",
            ),
        )
    try:
        parsed = parse_list(read_whole(path, shown), path=shown, list_name=name, sections=workspace.sections)
    except DistributorError as error:
        return _LISTS.fault(*told(error.message))
    if parsed.refused:
        return _LISTS.problem(parsed.problems[0])
    people = len(parsed.rows)
    faulty = len({problem.line for problem in parsed.problems if not problem.warning})
    if faulty:
        return _LISTS.warning(
            wording(
                f"{shown}：{people:,} 人，另有 {faulty} 行有错", f"{shown}: {people:,} people, {faulty} faulty rows"
            ),
            wording(
                "运行 distributor subscribers sync --dry-run 看是哪几行",
                "run `distributor subscribers sync --dry-run` to see which",
            ),
        )
    return _LISTS.ok(wording(f"{shown}：{people:,} 人", f"{shown}: {people:,} people"))

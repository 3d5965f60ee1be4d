"""What changed between two plans, as a person reads it and as a script does."""

from distributor.cli.console import say, say_table, tr, words
from distributor.cli.plan_json import moment
from distributor.identifiers import EditionKey
from distributor.operations.rehearsals.edition_titles import edition_title
from distributor.operations.rehearsals.past_plans import EditionChange, Movement, PlanDifference
from distributor.operations.workspace import Workspace
from distributor.times import local_text


def say_difference(workspace: Workspace, difference: PlanDifference) -> None:
    """Print what changed: readers by edition and list, contents and subjects, moments."""
    since = local_text(difference.since, workspace.zone)
    if difference.is_empty:
        say(tr(f"和 {since} 的 plan 相比没有变化", f"nothing changed since the plan of {since}"))
        return
    say(tr(f"和 {since} 的 plan 相比：", f"since the plan of {since}:"))
    _say_readers(workspace, difference)
    for change in difference.contents:
        say(f"  {_titles(workspace, change.edition)}{tr('：', ': ')}{_change_text(change)}")
    _say_moments(workspace, difference)


def _say_readers(workspace: Workspace, difference: PlanDifference) -> None:
    moved, switched = difference.readers, difference.changed_edition
    if moved.added or moved.left or switched:
        say(
            tr(
                f"  读者 +{moved.added} −{moved.left}，现在 {moved.now}；换了版本的 {switched}",
                f"  readers +{moved.added} −{moved.left}, now {moved.now}; {switched} changed editions",
            )
        )
    rows = [
        *((_titles(workspace, key), *_movement_cells(one)) for key, one in difference.editions.items()),
        *((tr(f"名单 {name}", f"list {name}"), *_movement_cells(one)) for name, one in difference.lists.items()),
    ]
    if rows:
        head = (tr("版本、名单", "edition, list"), tr("新增", "added"), tr("离开", "left"), tr("现在", "now"))
        say_table(head, rows, right=(1, 2, 3))


def _movement_cells(one: Movement) -> tuple[str, str, int]:
    return f"+{one.added}", f"−{one.left}", one.now


def _change_text(change: EditionChange) -> str:
    if change.kind == "new":
        return tr(f"新的版本，{change.bytes_now / 1000:.1f} kB", f"new, {change.bytes_now / 1000:.1f} kB")
    if change.kind == "gone":
        return tr("不再有人收这个版本", "nobody gets it any more")
    sizes = f"{change.bytes_before / 1000:.1f} → {change.bytes_now / 1000:.1f} kB"
    text = tr(f"内容有改动，{sizes}", f"the content changed, {sizes}")
    if change.subject_before != change.subject_now:
        subjects = f"“{change.subject_before}” → “{change.subject_now}”"
        text += tr(f"；主题 {subjects}", f"; subject {subjects}")
    return text


def _say_moments(workspace: Workspace, difference: PlanDifference) -> None:
    for name, (before, now) in (
        (tr("开始", "start"), difference.start),
        (tr("预计发完", "last copy"), difference.finish),
    ):
        if before != now:
            texts = [local_text(one, workspace.zone) if one else tr("不限速", "no limit") for one in (before, now)]
            say(f"  {name}{tr('：', ': ')}{texts[0]} → {texts[1]}")


def _titles(workspace: Workspace, key: EditionKey) -> str:
    return words(edition_title(workspace.sections, key))


def difference_json(workspace: Workspace, difference: PlanDifference | None) -> dict[str, object] | None:
    """Return what changed; None where there was nothing to compare with."""
    if difference is None:
        return None
    return {
        "since": moment(workspace, difference.since),
        "readers": _movement_json(difference.readers),
        "changed_edition": difference.changed_edition,
        "editions": {key: _movement_json(one) for key, one in difference.editions.items()},
        "lists": {name: _movement_json(one) for name, one in difference.lists.items()},
        "contents": [
            {
                "edition": one.edition,
                "change": one.kind,
                "html_bytes": [one.bytes_before, one.bytes_now],
                "subject": [one.subject_before, one.subject_now],
            }
            for one in difference.contents
        ],
        "start": [moment(workspace, at) for at in difference.start],
        "finish": [moment(workspace, at) for at in difference.finish],
    }


def _movement_json(one: Movement) -> dict[str, int]:
    return {"added": one.added, "left": one.left, "now": one.now}

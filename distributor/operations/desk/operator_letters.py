"""What operators read: incidents put into one letter, Chinese or English as the publication is.

Incidents and a workspace enter, an `OperatorLetter` leaves; nothing is sent here. The subject says what is wrong. A
template that staff broke must not silence what they have to be told: then the letter is made without one.
"""

import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distributor.errors import TemplateError
from distributor.incidents import Cause, Incident
from distributor.operations.workspace import Workspace
from distributor.problems import Language, Wording, wording
from distributor.rendering.letters import LetterFrame, Trouble, plain_letter, render_troubles, steps_of
from distributor.rendering.model import InlinePicture
from distributor.times import local_text

_LOG = logging.getLogger(__name__)
MOST_LINES = 30
"""Of one incident: an issue may have hundreds of faults, and `distributor check` names them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorLetter:
    """A letter ready to be composed: subject, HTML and plain text, and the pictures that the HTML shows by `cid:`."""

    subject: str
    html: str
    text: str
    pictures: tuple[InlinePicture, ...] = ()


TITLES: Mapping[Cause, Wording] = {
    Cause.MISSED: wording("错过了一次发送", "a slot was missed"),
    Cause.WAITING: wording("到点了，还没有可发的内容", "a slot is due and nothing may go"),
    Cause.NOT_LAUNCHED: wording("到点了，发不出去", "a due slot could not be launched"),
    Cause.RESTORED: wording("数据库比发送记录旧，等人决定", "the database is older than the launches"),
    Cause.LIST_SHRUNK: wording("名单少了很多人", "a list has shrunk"),
    Cause.PAUSED: wording("发送暂停了", "a mailing is paused"),
    Cause.REFUSALS: wording("退信偏多", "many copies are refused"),
    Cause.CALENDAR: wording("工作日历快用完了", "the working-day calendar ends soon"),
    Cause.SETTINGS: wording("设置有错，仍按旧设置运行", "bad settings: the old ones are still in use"),
    Cause.DISK: wording("磁盘空间不足", "the disk is filling up"),
    Cause.CLOCK: wording("机器的时钟不对", "the clock is wrong"),
    Cause.REMINDER: wording("快到发送时间，还没有准备好", "a slot comes up and nothing is ready"),
    Cause.INBOX: wording("收件文件夹里的文件没有导入", "a document was not imported"),
    Cause.DRAFT: wording("收到一期新草稿", "a new draft"),
    Cause.APPROVAL: wording("有一期等待核准", "an issue waits for approval"),
    Cause.PILOT: wording("试发已发出", "the pilot went"),
}
"""What each cause is called, in subjects, in letters and by `distributor status`."""

STANDSTILLS = frozenset(
    {
        Cause.MISSED,
        Cause.WAITING,
        Cause.NOT_LAUNCHED,
        Cause.RESTORED,
        Cause.LIST_SHRUNK,
        Cause.PAUSED,
        Cause.SETTINGS,
        Cause.DISK,
        Cause.CLOCK,
    }
)
"""Something stands still, or soon will, until somebody acts; of the others a person should know."""

EXPECTED = frozenset({Cause.DRAFT, Cause.APPROVAL, Cause.PILOT})
"""The usual course of a week: told, and no trouble."""


def digest(workspace: Workspace, told: Sequence[Incident]) -> OperatorLetter:
    """Return one letter about all of these, what stands still first; at least one is given."""
    language = language_of(workspace)
    ordered = sorted(told, key=lambda one: (one.cause not in STANDSTILLS, one.raised_at, one.id))
    frame = LetterFrame(
        language=workspace.publication.language,
        publication=workspace.publication.name,
        heading=_heading(ordered, language),
        workspace=str(workspace.root),
        host=socket.gethostname(),
    )
    troubles = [_trouble(workspace, one, language) for one in ordered]
    try:
        page, text = render_troubles(workspace.templates, frame, troubles)
    except TemplateError as error:
        _LOG.warning("the templates of operators' letters are broken", extra={"why": error.text("en")})
        page, text = plain_letter(frame, troubles)
    return OperatorLetter(subject=_subject(workspace, ordered, frame.heading), html=page, text=text)


def language_of(workspace: Workspace) -> Language:
    """Return the language in which operators are written to: the publication's."""
    return "en" if workspace.publication.language == "en" else "zh"


def about(incident: Incident, language: Language) -> str:
    """Return what an incident is about as people call it: a slot, `#3`, a list; empty where the cause says it all."""
    subject = incident.subject
    match incident.cause:
        case Cause.PAUSED | Cause.REFUSALS:
            number = subject.partition(" ")[0]
            return f"发送 {number}" if language == "zh" else f"mailing {number}"
        case Cause.DISK | Cause.CALENDAR | Cause.SETTINGS | Cause.CLOCK:
            return ""
        case Cause.LIST_SHRUNK:
            return f"名单 {subject}" if language == "zh" else f"list {subject}"
        case Cause.DRAFT | Cause.APPROVAL:
            return subject.partition(":")[0]
        case _:
            return subject


def _heading(told: Sequence[Incident], language: Language) -> str:
    title = TITLES[told[0].cause].in_language(language)
    named = about(told[0], language)
    if language == "zh":
        first = f"{title}（{named}）" if named else title
        return first if len(told) == 1 else f"{first}，等 {len(told)} 件事"
    title = _capitalised(title)
    first = f"{title} ({named})" if named else title
    return first if len(told) == 1 else f"{first}, and {len(told) - 1} more"


def _capitalised(title: str) -> str:
    return title[0].upper() + title[1:]


def _subject(workspace: Workspace, told: Sequence[Incident], heading: str) -> str:
    urgent = any(one.cause in STANDSTILLS for one in told)
    name = workspace.publication.name
    if language_of(workspace) == "zh":
        return f"【{'要处理' if urgent else '请留意'}】{name}：{heading}"
    return f"[{'Act' if urgent else 'Note'}] {name}: {heading}"


def _trouble(workspace: Workspace, incident: Incident, language: Language) -> Trouble:
    lines = [line.strip() for line in incident.what.in_language(language).splitlines() if line.strip()]
    more = len(lines) - MOST_LINES
    if more > 0:
        rest = f"……还有 {more} 行" if language == "zh" else f"… and {more} more lines"
        lines = [*lines[:MOST_LINES], rest]
    return Trouble(
        title=_capitalised(TITLES[incident.cause].in_language(language)),
        about=about(incident, language),
        urgent=incident.cause in STANDSTILLS,
        since=local_text(incident.raised_at, workspace.zone),
        what=tuple(lines) or (TITLES[incident.cause].in_language(language),),
        todo=steps_of(incident.remedy.in_language(language)),
    )

"""Render the pages behind an operator's links: the question with its one button, what was done, and why nothing can be.

Enters: a decision as it stands. Leaves: a function that renders its page, for a thread to call. In the dress of the
readers' pages; the operator's address is masked, because mail is forwarded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from distributor.addresses import parse_address
from distributor.content.model import Issue
from distributor.errors import InputError
from distributor.identifiers import IssueId
from distributor.operations.desk.approving import Approval, Holding
from distributor.operations.desk.desk_links import LIFETIME, DeskLink
from distributor.operations.desk.desk_views import when_text
from distributor.operations.office import Office
from distributor.operations.rehearsals.planning import ScheduledSlot
from distributor.problems import Language, faults
from distributor.rendering.common import Tongue, count_text, day_text, number_text
from distributor.times import local_text
from distributor.web.pages import LANGUAGES, Pages

Rendering = Callable[[], str]
"""Renders a page when called; may take a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A link with the issue that it is about, as it is now; `other_token` is that of the opposite act."""

    link: DeskLink
    language: Tongue
    issue: Issue
    other_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideView:
    """What a page says; what does not apply is empty. `contents` has a section's id, title and articles' titles."""

    heading: str
    text: str
    whose: str = ""
    button: str = ""
    is_quiet: bool = False
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    contents: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    commands: tuple[str, ...] = ()
    other: str = ""
    other_url: str = ""


class DeskPages:
    """The pages of one office's operators."""

    def __init__(self, office: Office, pages: Pages) -> None:
        """Take the office, and the readers' pages, whose dress these wear."""
        self._workspace = office.workspace
        self._pages = pages

    def rehearse(self) -> None:
        """Render a page in each language, so that a broken template stops the start. Raises TemplateError."""
        now = self._workspace.clock.now()
        link = DeskLink(act="approve", issue=IssueId("2015-055"), mark="", operator="", until=now)
        for language in LANGUAGES.values():
            self.expired(link, language)()

    def approving(self, decision: Decision, slots: Sequence[ScheduledSlot]) -> Rendering:
        """Ask whether to approve."""
        say = _sayer(decision.language)
        is_draft = decision.issue.status == "draft"
        then = self._times(slots, say.language)
        view = DecideView(
            heading=say(f"核准{self._number(decision)}？", f"Approve {self._number(decision)}?"),
            text=self._about(decision),
            button=say("定稿并核准", "Approve as ready") if is_draft else say("核准", "Approve"),
            notes=(
                say(f"核准后按计划发出：{then}", f"Once approved it goes out: {then}")
                if then
                else say("核准后，轮到它的那一次就会发出。", "Once approved it goes out with the slot that takes it."),
                say("之后谁再改稿，核准就作废，要重新核准。", "Whoever edits it afterwards voids the approval."),
            ),
            contents=self._contents(decision.issue),
            other=say("不，先暂缓", "No, hold it back"),
            other_url=decision.other_token,
        )
        return self._render(decision.link, decision.language, view)

    def approved(self, decision: Decision, approval: Approval) -> Rendering:
        """Say who approved it, and when it goes."""
        say = _sayer(decision.language)
        at = local_text(approval.signature.at, self._workspace.zone)
        by = _masked(approval.signature.by)
        then = self._times(approval.slots, say.language)
        notes = [say(f"将按计划发出：{then}", f"It goes out: {then}")] if then else []
        if not then and approval.passed_over is not None:
            why = approval.passed_over.in_language(say.language)
            notes.append(say(f"注意，下一次发送不会带上它：{why}", f"Mind that the next slot will not take it: {why}"))
        waiting = [one.schedule for one in approval.slots if one.occurrence and one.occurrence.state == "held"]
        if waiting:
            notes.append(say("但这一次已被人暂缓。放行时运行：", "But that slot is held back. To let it go, run:"))
        view = DecideView(
            heading=say(f"{self._number(decision)}已核准", f"{self._number(decision)} is approved"),
            text=say(f"由 {by} 于 {at} 核准。", f"Approved by {by} at {at}."),
            notes=tuple(notes),
            commands=tuple(f"distributor schedule release {schedule}" for schedule in waiting),
            other=say("反悔了？先暂缓", "Changed your mind? Hold it back"),
            other_url=decision.other_token if decision.link.act == "approve" and not waiting else "",
        )
        return self._render(decision.link, decision.language, view)

    def holding(self, decision: Decision, slots: Sequence[ScheduledSlot]) -> Rendering:
        """Ask whether to hold it back."""
        say = _sayer(decision.language)
        planned = [coming for coming in slots if coming.occurrence is not None]
        then = self._times(planned, say.language)
        if decision.issue.status == "draft":
            effect = say("它还是草稿，不核准就不会发出；什么都不用做。", "A draft goes nowhere unless it is approved.")
        elif then:
            effect = say(f"这一次发送会停下来等人放行：{then}", f"This slot will wait until it is released: {then}")
        elif slots:
            effect = say(
                f"会带上它的那一次还没有排定：{self._times(slots, say.language)}。到前十天再来，或先不核准。",
                f"Its slot is not entered yet: {self._times(slots, say.language)}. Come back ten days before it.",
            )
        else:
            effect = say("现在没有哪一次发送会带上它。", "No slot would take it at present.")
        view = DecideView(
            heading=say(f"暂缓{self._number(decision)}？", f"Hold {self._number(decision)} back?"),
            text=self._about(decision),
            button=say("暂缓", "Hold it back") if then else "",
            is_quiet=True,
            notes=(effect,),
            contents=self._contents(decision.issue),
            other=say("不，核准它", "No, approve it"),
            other_url=decision.other_token,
        )
        return self._render(decision.link, decision.language, view)

    def held(self, decision: Decision, holding: Holding) -> Rendering:
        """Say what is held back, and how to let it go."""
        say = _sayer(decision.language)
        then = self._times(holding.slots, say.language)
        if holding.draft:
            text = say("它仍是草稿，不会发出。", "It stays a draft and goes nowhere.")
        elif then:
            text = say(f"已暂缓：{then}", f"Held back: {then}")
        else:
            text = say(
                "没有哪一次发送会带上它，没有什么要暂缓。", "No slot would take it; there is nothing to hold back."
            )
        released = [f"distributor schedule release {coming.schedule}" for coming in holding.slots]
        view = DecideView(
            heading=say(f"{self._number(decision)}已暂缓", f"{self._number(decision)} is held back"),
            text=text,
            notes=(say("放行时运行：", "To let it go, run:"),) if released else (),
            commands=tuple(released),
        )
        return self._render(decision.link, decision.language, view)

    def changed(self, decision: Decision) -> Rendering:
        """Say that it is not any more what the letter showed."""
        say = _sayer(decision.language)
        issue = decision.issue.id
        ready = (f"distributor ready {issue}",) if decision.issue.status == "draft" else ()
        view = DecideView(
            heading=say("稿子改过了", "It was edited since"),
            text=say(
                f"{self._number(decision)}在那封信之后改过，这个链接不能再核准它。",
                f"{self._number(decision)} was edited after that letter; this link approves it no more.",
            ),
            notes=(say("请看过现在的样子再决定：", "Look at it as it is now, then decide:"),),
            commands=(f"distributor check {issue}", *ready, f"distributor approve {issue} --by NAME"),
        )
        return self._render(decision.link, decision.language, view)

    def refused(self, decision: Decision, error: InputError) -> Rendering:
        """Say what must be mended before it can be approved."""
        say = _sayer(decision.language)
        found = tuple(problem.text(say.language) for problem in faults(error.problems))
        view = DecideView(
            heading=say("还不能核准", "It cannot be approved yet"),
            text=say(f"{self._number(decision)}有要改的地方，什么都没有改动。", "It has faults; nothing was changed."),
            findings=found or (error.text(say.language),),
        )
        return self._render(decision.link, decision.language, view)

    def launched(self, decision: Decision, at: datetime) -> Rendering:
        """Say that it went out already."""
        say = _sayer(decision.language)
        went = local_text(at, self._workspace.zone)
        view = DecideView(
            heading=say(f"{self._number(decision)}已经发出", f"{self._number(decision)} is out already"),
            text=say(
                f"{went} 开始发送，不必再核准或暂缓。", f"It began to go out at {went}; nothing is left to decide."
            ),
        )
        return self._render(decision.link, decision.language, view)

    def unusable(self, link: DeskLink, language: Tongue, error: InputError) -> Rendering:
        """Say that the issue is gone, or has faults that let nobody see it."""
        say = _sayer(language)
        found = tuple(problem.text(say.language) for problem in faults(error.problems))
        view = DecideView(
            heading=say(f"{link.issue} 现在不能核准", f"{link.issue} cannot be approved now"),
            text=say("它在那封信之后改过或移走了。", "It was edited or taken away after that letter."),
            findings=found or (error.text(say.language),),
        )
        return self._render(link, language, view)

    def expired(self, link: DeskLink, language: Tongue) -> Rendering:
        """Say that the link's time is over."""
        say = _sayer(language)
        view = DecideView(
            heading=say("这个链接过期了", "This link is too old"),
            text=say(
                f"信里的链接 {LIFETIME.days} 天内有效。要核准 {link.issue}，请在服务器上运行：",
                f"The links of a letter are good for {LIFETIME.days} days. To approve {link.issue}, run on the server:",
            ),
            commands=(f"distributor approve {link.issue} --by NAME",),
        )
        return self._render(link, language, view)

    def _render(self, link: DeskLink, language: Tongue, view: DecideView) -> Rendering:
        say = _sayer(language)
        whose = say(f"操作人 {_masked(link.operator)}", f"Operator {_masked(link.operator)}")
        suffix = "" if language == self._workspace.publication.language else f"?lang={say.language}"
        named = replace(view, whose=whose, other_url=f"{view.other_url}{suffix}" if view.other_url else "")
        frame = self._pages.frame(language, view.heading)
        return lambda: self._workspace.templates.render("web/decide.html", **frame, view=named)

    def _number(self, decision: Decision) -> str:
        return number_text(decision.issue.number, decision.language)

    def _about(self, decision: Decision) -> str:
        issue, tongue, name = decision.issue, decision.language, self._workspace.publication.name
        dated, counted = day_text(issue.date, tongue), count_text(len(issue.articles), tongue)
        if tongue == "zh-CN":
            state = "草稿，" if issue.status == "draft" else ""
            return f"《{name}》{self._number(decision)}，{dated}，{state}{counted}。"
        state = "a draft, " if issue.status == "draft" else ""
        return f"{name} {self._number(decision)}, {dated}, {state}{counted}."

    def _contents(self, issue: Issue) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        return tuple(
            (section.id, section.title, tuple(article.title for article in issue.in_section(section.id)))
            for section in self._workspace.sections
            if section.id in issue.sections
        )

    def _times(self, slots: Sequence[ScheduledSlot], language: Language) -> str:
        return ("；" if language == "zh" else "; ").join(when_text(self._workspace, one, language) for one in slots)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sayer:
    """Chooses between two sentences."""

    language: Language

    def __call__(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en


def _sayer(tongue: Tongue) -> _Sayer:
    return _Sayer(language="zh" if tongue == "zh-CN" else "en")


def _masked(by: str) -> str:
    """Return an address masked, and a name as it is."""
    address = parse_address(by)
    return address.masked if address else by

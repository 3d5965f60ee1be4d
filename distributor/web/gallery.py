"""Every edition in use side by side, as one page: desktop, phone, dark, without styles, plain text.

Enters: a stage and a rehearsal. Leaves: HTML that holds everything it shows, opens from a disk and asks the network for
nothing; the preview serves the same page. Frames lie in <noscript>: a browser without scripts shows them all, one with
scripts fills them while they are near the screen, so that sixty editions stay light. No script of a mail ever runs.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping

from distributor.operations.office import Office
from distributor.operations.rehearsals.plan_figures import (
    Pair,
    audience_figures,
    domain_rows,
    moment_figures,
    on_several_lists,
    slot_figures,
    verdict,
)
from distributor.operations.rehearsals.planning import AudiencePlan, EditionLine
from distributor.problems import Language, Problem, faults
from distributor.rendering.templates import trusted
from distributor.web.exhibits import Exhibits
from distributor.web.sheets import Picture, Sheet, picture_path, rendition_to_sheet, shown_html
from distributor.web.stage import Stage, kilobytes

_SCRIPT = "web/preview/gallery.js"
_MAY_END = re.compile("<(?=/noscript)", re.IGNORECASE)
_FRAMES = (("wide", "light", 680), ("phone", "light", 375), ("dark", "dark", 375), ("bare", "bare", 600))
"""Each pane of HTML: its name, the view of the mail that it shows, and its width in pixels."""


def gallery_file(office: Office, audience: AudiencePlan, language: Language) -> str:
    """Return the page as a file of its own; links in mails lead to the publication's address."""
    stage = Stage(Exhibits(office), language)
    return gallery_page(stage, audience, local=office.workspace.site.base_url)


def gallery_page(stage: Stage, audience: AudiencePlan, *, local: str, home: str = "") -> str:
    """Return the page; `local` is where links of ours lead, `home` the page to go back to, empty for none."""
    issue = audience.rehearsal.issue
    editions = [_edition(stage, audience, line, local) for line in audience.editions]
    return stage.render(
        "gallery",
        f"{stage.words.side_by_side} {issue.id}",
        plan=plan_view(stage, audience),
        editions=editions,
        frames=_FRAMES,
        pictures=_as_json(_pictures(audience)),
        style=trusted(stage.stylesheet()),
        script=trusted(stage.workspace.templates.read(_SCRIPT)),
        policy=gallery_policy(stage),
        home=home,
    )


def gallery_policy(stage: Stage) -> str:
    """Return the Content-Security-Policy of the page: its own script, inline styles and pictures, nothing else.

    Frames inherit it (HTML §7.3.2, `srcdoc`), so a mail cannot ask the network for anything either.
    """
    script = stage.workspace.templates.read(_SCRIPT)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; base-uri 'none'"
    )


def plan_view(stage: Stage, audience: AudiencePlan) -> dict[str, object]:
    """Return a rehearsal as the templates show it."""
    several = on_several_lists(audience)
    return {
        "issue": audience.rehearsal.issue,
        "lists": [
            (entry.title, audience.audience.lists[entry.name])
            for entry in stage.workspace.settings.list
            if entry.name in audience.audience.lists
        ],
        "several": several.in_language(stage.language) if several else "",
        "domains": [(domain.in_language(stage.language), number) for domain, number in domain_rows(audience)],
        "moments": _pairs(
            stage, (*slot_figures(stage.workspace, audience.slot), *moment_figures(stage.workspace, audience))
        ),
        "figures": _pairs(stage, audience_figures(audience)),
        "warnings": [_finding(stage, problem) for problem in audience.rehearsal.warnings],
        "findings": [_finding(stage, problem) for problem in audience.findings],
        "verdict": verdict(audience).in_language(stage.language),
        "is_refused": bool(faults(audience.findings)),
    }


def _pairs(stage: Stage, pairs: tuple[Pair, ...]) -> list[tuple[str, str]]:
    return [(name.in_language(stage.language), value.in_language(stage.language)) for name, value in pairs]


def _finding(stage: Stage, problem: Problem) -> dict[str, object]:
    return {
        "place": problem.path if problem.line is None else f"{problem.path}:{problem.line}",
        "what": problem.what.in_language(stage.language),
        "remedy": problem.remedy.in_language(stage.language),
        "warning": problem.warning,
    }


def _edition(stage: Stage, audience: AudiencePlan, line: EditionLine, local: str) -> dict[str, object]:
    rehearsal = audience.rehearsal
    sheet = rendition_to_sheet(rehearsal.renditions[line.edition], audience.marks, rehearsal.pictures)
    base_url = stage.workspace.site.base_url
    views = {view: _srcdoc(shown_html(sheet, base_url, local=local, view=view)) for _name, view, _width in _FRAMES}
    return {
        "titles": stage.titles(line.edition),
        "subject": line.subject,
        "preheader": sheet.preheader,
        "facts": _facts(stage, line, sheet),
        "readers": line.readers,
        "size": kilobytes(line.html_bytes),
        "views": views,
        "text": sheet.text,
    }


def _facts(stage: Stage, line: EditionLine, sheet: Sheet) -> list[tuple[str, str]]:
    t = stage.words
    facts = [(t.readers, f"{line.readers:,}")]
    if line.copies != line.readers:
        facts.append((t.copies, f"{line.copies:,}"))
    facts += [(t.html, kilobytes(line.html_bytes)), (t.text, kilobytes(line.text_bytes))]
    facts += [(t.shortened, str(line.shortened))] if line.shortened else []
    return [*facts, (t.size_of_pictures, _weight(sheet.pictures))] if sheet.pictures else facts


def _weight(pictures: Mapping[str, Picture]) -> str:
    return f"{len(pictures)} · {kilobytes(sum(len(picture.content) for picture in pictures.values()))}"


def _pictures(audience: AudiencePlan) -> dict[str, str]:
    return {
        picture_path(picture.cid): f"data:{picture.media_type};base64,{base64.b64encode(picture.content).decode()}"
        for picture in audience.rehearsal.pictures
    }


def _srcdoc(html: str) -> str:
    # An attribute within <noscript>, which a browser with scripts reads as text up to its end tag.
    escaped = html.replace("&", "&amp;").replace('"', "&quot;")
    return trusted(_MAY_END.sub("&lt;", escaped))


def _as_json(value: object) -> str:
    # In a script element only `<` could end it or begin a comment (HTML §4.12.1.3).
    return trusted(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))

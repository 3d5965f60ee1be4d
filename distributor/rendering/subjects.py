"""What a reader sees before opening the mail: the subject and the preheader.

Pure. Both are one line of plain text. A subject is fit for a header: no controls, and no `=?`, which some readers
would decode (RFC 2047 §5); its blanks stay as written.
"""

import re

from distributor.config.model import Publication
from distributor.content.model import Issue
from distributor.editions import Edition
from distributor.rendering.common import Tongue, date_text, number_text, words
from distributor.rendering.leads import cut_at_sentence, cut_safely

SUBJECT_CHARACTERS = 120
PREHEADER_CHARACTERS = 90
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")


def subject_of(issue: Issue, publication: Publication) -> str:
    """Return the Subject of an issue's mails, at most 120 characters: the editor's, else name, number and date."""
    spoken = words(publication.language)
    dated = f"{spoken.open}{date_text(issue.date, publication.language)}{spoken.close}"
    usual = f"{publication.name} {number_text(issue.number, publication.language)}{dated}"
    subject = _UNFIT.sub(" ", issue.subject).strip() or usual
    return cut_safely(subject.replace("=?", "= ?"), SUBJECT_CHARACTERS)


def preheader_of(edition: Edition, language: Tongue) -> str:
    """Return the line that inboxes show beside the subject: the editor's lead, else the first titles.

    The lead speaks of the whole issue, so an edition that lacks sections gets its own titles.
    """
    if is_whole(edition) and edition.issue.lead:
        return cut_at_sentence(_UNFIT.sub(" ", edition.issue.lead), PREHEADER_CHARACTERS)
    mark = "；" if language == "zh-CN" else "; "
    first, *others = (_UNFIT.sub(" ", article.title) for article in edition.articles)
    line = cut_safely(first, PREHEADER_CHARACTERS)
    for title in others:
        if len(line) + len(mark) + len(title) > PREHEADER_CHARACTERS:
            break
        line += mark + title
    return line


def is_whole(edition: Edition) -> bool:
    """Say whether the edition holds every section of its issue."""
    return edition.sections == edition.issue.sections

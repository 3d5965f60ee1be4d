"""Put a correction into an article's file: the note and the moment go into its header, all else stays as it is.

An issue, or the text of one of its files, enters; the article meant, or the new text, leaves. Only lines of `updated`
and `correction` change, and they stand last, in canonical form. Pure but for `read_article` and `write_article`,
which go through the doors `sources` and `files`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from distributor.content import files
from distributor.content.findings import Objection, nearest, refused
from distributor.content.header import key_of, parse_article, update_entries
from distributor.content.model import Article, Correction, Issue
from distributor.content.sources import read_text
from distributor.content.updates import note_objection
from distributor.content.values import clean
from distributor.errors import InputError
from distributor.problems import Problem, faults, wording

_OURS = ("updated", "correction")
_SHOWN = 8


def find_article(issue: Issue, reference: str) -> Article:
    """Return the article that a person called 2015-055-a04, a04, a04.md or by a part of its title.

    Raises `InputError`, with the near miss, when there is none or more than one.
    """
    wanted = reference.strip()
    by_name = [article for article in issue.articles if wanted.casefold() in _names_of(article, issue)]
    by_title = [article for article in issue.articles if wanted and wanted.casefold() in article.title.casefold()]
    found = by_name or by_title
    if len(found) == 1:
        return found[0]
    listed = "；".join(_listed(article) for article in (found or issue.articles)[:_SHOWN])
    if found:
        what = wording(f"有几篇文章叫“{wanted}”", f"several articles are '{wanted}'")
        remedy = wording(f"写编号：{listed}", f"write the id: {listed}")
        raise refused(issue.path, Objection(what=what, remedy=remedy))
    what = wording(f"这一期没有叫“{wanted}”的文章", f"no article of this issue is called '{wanted}'")
    close = _nearest(issue.articles, wanted.casefold(), issue)
    meant = f"是不是 {_listed(close)}？" if close else f"现有：{listed}"
    meant_in_english = f"did you mean {_listed(close)}?" if close else f"there are: {listed}"
    raise refused(issue.path, Objection(what=what, remedy=wording(meant, meant_in_english)))


def made_correction(note: str, on: dt.date, *, shown: str) -> Correction:
    """Return the correction that a person's words make. Raises `InputError` where they cannot be one line."""
    objection = note_objection(note)
    if objection is not None:
        raise refused(shown, objection)
    return Correction(on=on, note=clean(note))


def read_article(root: Path, article: Article) -> str:
    """Return the text of an article's file. Raises `InputError`."""
    return read_text(root / article.path, shown_as=article.path)


def write_article(root: Path, article: Article, text: str) -> None:
    """Write an article's file: UTF-8, LF, whole or not at all. Raises OSError."""
    files.write_text((root / article.path).resolve(), text)


def with_correction(text: str, article: Article, correction: Correction, time: dt.time) -> str:
    """Return the text of the article's file with the correction, made at that local time of its day.

    The last note is not written twice: given once more it moves `updated` only. Raises `InputError` where the text is
    no article, or would be none.
    """
    parsed = parse_article(text, article.path)
    if parsed.fields is None:
        raise _refused(parsed.problems)
    known = parsed.fields.corrections
    noted = known if known[-1:] == (correction,) else (*known, correction)
    fields = replace(parsed.fields, updated=correction.on, updated_time=time, corrections=noted)
    lines = text.split("\n")
    first, end = _header_of(lines)
    kept = [line for line in lines[first:end] if key_of(line) not in _OURS]
    ours = [f"{key}: {value}" for key, value in update_entries(fields)]
    written = "\n".join([*lines[:first], *kept, *ours, *lines[end:]])
    again = parse_article(written, article.path)
    if again.fields != fields:
        raise _refused(again.problems)
    return written


def _header_of(lines: Sequence[str]) -> tuple[int, int]:
    """Return where the lines between the two `---` begin and end; the text was read, so both are there."""
    rules = [number for number, line in enumerate(lines) if line.strip() and set(line.strip()) == {"-"}]
    return rules[0] + 1, rules[1]


def _names_of(article: Article, issue: Issue) -> frozenset[str]:
    file = PurePosixPath(article.path).name.casefold()
    return frozenset({article.id, article.id.removeprefix(f"{issue.id}-"), file, article.title.casefold()})


def _nearest(articles: Sequence[Article], wanted: str, issue: Issue) -> Article | None:
    names = {name: article for article in articles for name in sorted(_names_of(article, issue))}
    close = nearest(wanted, tuple(names))
    return names[close] if close else None


def _listed(article: Article) -> str:
    return f"{article.id}《{article.title}》"


def _refused(problems: Sequence[Problem]) -> InputError:
    found = faults(problems)
    return InputError(found[0].what, problems=found)

"""What people call an edition: the titles of its sections; a section set becomes a phrase in both languages. Pure."""

from collections.abc import Sequence

from distributor.config.model import Section
from distributor.identifiers import EditionKey
from distributor.problems import Wording, wording
from distributor.rendering.mail import NOTICE


def edition_title(sections: Sequence[Section], key: EditionKey) -> Wording:
    """Return the section titles of an edition in reading order, `全部 6 个栏目` for the whole issue."""
    if key == NOTICE:
        return wording("通知（没有所选栏目）", "notice (none of theirs)")
    ids = key.split("+")
    if len(ids) == len(sections) > 1:
        return wording(f"全部 {len(ids)} 个栏目", f"all {len(ids)} sections")
    titles = [section.title for section in sections if section.id in ids]
    return wording("、".join(titles), ", ".join(titles))

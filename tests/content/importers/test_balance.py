from distributor.content.importers.balance import balance, count_characters
from distributor.content.importers.model import (
    DraftArticle,
    DraftIssue,
    DraftSection,
    DraftText,
    Removal,
    RemovalReason,
    Substitution,
)


def issue(source: str, text: str, *, removed: str = "", changed: tuple[str, str] = ("", "")) -> DraftIssue:
    block = DraftText(kind="paragraph", text=text, line=2)
    article = DraftArticle(title="标题", line=1, blocks=(block,))
    return DraftIssue(
        source=source,
        sections=(DraftSection(title="市场热点", known=None, line=1, articles=(article,)),),
        removals=(Removal(line=1, text=removed, reason=RemovalReason.HEADER),),
        substitutions=(Substitution(line=1, before=changed[0], after=changed[1]),),
    )


def test_an_account_closes_whatever_the_blanks() -> None:
    account = balance(issue("页眉\n标 题\n正 文\u3000。\u00ad", "正文。", removed="页眉"))

    assert account.closes
    assert (account.source, account.kept, account.removed) == (7, 5, ((RemovalReason.HEADER, 2),))


def test_lost_and_invented_characters_are_counted() -> None:
    account = balance(issue("标题正文文", "正文！"))

    assert (account.lost, account.invented) == ((("文", 1),), (("！", 1),))
    assert not account.closes


def test_a_substitution_is_no_loss() -> None:
    account = balance(issue("标题\uf0b7正文", "•正文", changed=("\uf0b7", "•")))

    assert account.closes
    assert account.replaced == 1


def test_blanks_of_any_width_leave_no_ink() -> None:
    assert count_characters([" \t\n\u3000\u00a0\u200b\ufeff\x07字"]) == {"字": 1}

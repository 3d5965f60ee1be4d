from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.identifiers import ArticleId
from distributor.rendering.fitting import MOST_LEAD_CHARACTERS, NOTHING_CUT, Cuts, fit, fit_leads
from distributor.rendering.leads import LEAD_CHARACTERS

FRAME = 1_000
PER_CHARACTER = 3
TITLE = 50

Lengths = Mapping[ArticleId, int]


def lengths(*characters: int) -> Lengths:
    return {ArticleId(f"a{place}"): length for place, length in enumerate(characters)}


def measure_of(of: Lengths) -> Callable[[Cuts], int]:
    def measure(cuts: Cuts) -> int:
        shown = (min(cuts.characters, length) if name in cuts.leads else length for name, length in of.items())
        return FRAME // 10 + TITLE * len(of) if cuts.titles_only else FRAME + PER_CHARACTER * sum(shown)

    return measure


def savings_of(of: Lengths) -> dict[ArticleId, int]:
    return {name: (length - LEAD_CHARACTERS) * 3 for name, length in of.items() if length > LEAD_CHARACTERS}


def fitted(of: Lengths, budget: int) -> Cuts | None:
    return fit(savings_of(of), tuple(of), measure_of(of), budget)


def test_nothing_is_cut_that_fits() -> None:
    assert fitted(lengths(500, 900), budget=FRAME + 1_400 * 3) == NOTHING_CUT


def test_longest_article_gives_way_first() -> None:
    cuts = fitted(lengths(500, 2_000, 800), budget=FRAME + 2_000 * 3)

    assert cuts is not None
    assert cuts.leads == {"a1"}


def test_as_few_as_possible_give_way() -> None:
    cuts = fitted(lengths(*[1_000] * 10), budget=FRAME + 7_000 * 3)

    # three leave 7,000 + 360 characters, four 6,000 + 480
    assert cuts is not None
    assert cuts.leads == {"a0", "a1", "a2", "a3"}


def test_room_left_lengthens_the_leads() -> None:
    of = lengths(5_000, 300)

    cuts = fitted(of, budget=FRAME + 600 * 3)

    # 600 - 300 - 120 = 180 characters more; a step is 20 and a character counts a little over 3 bytes
    assert cuts == Cuts(leads=frozenset({ArticleId("a0")}), characters=280)


def test_leads_never_grow_beyond_what_a_lead_is() -> None:
    cuts = fitted(lengths(50_000), budget=FRAME + 10_000 * 3)

    assert cuts is not None
    assert cuts.characters == MOST_LEAD_CHARACTERS


def test_leads_shrink_where_all_long_articles_cut_is_too_much() -> None:
    cuts = fitted(lengths(*[1_000] * 20), budget=FRAME + 20 * 80 * 3)

    assert cuts == Cuts(leads=frozenset(lengths(*[0] * 20)), characters=80)


def test_titles_are_the_last_resort() -> None:
    cuts = fitted(lengths(*[1_000] * 10), budget=FRAME - 1)

    assert cuts is not None
    assert cuts.titles_only


def test_less_than_titles_is_not_to_be_had() -> None:
    assert fitted(lengths(*[1_000] * 10), budget=99) is None


@pytest.mark.parametrize("budget", [FRAME + 3 * 120, FRAME + 3 * 119])
def test_digest_keeps_its_leads_as_long_as_they_fit(budget: int) -> None:
    of = lengths(1_000)

    cuts = fit_leads(tuple(of), measure_of(of), budget)

    assert cuts is not None
    assert cuts.characters == (120 if budget == FRAME + 3 * 120 else 80)


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=30), st.integers(0, 100_000))
def test_what_comes_out_fits_or_nothing_does(characters: list[int], budget: int) -> None:
    of = lengths(*characters)

    cuts = fitted(of, budget)

    measure = measure_of(of)
    assert measure(cuts) <= budget if cuts else measure(Cuts(leads=frozenset(of), titles_only=True)) > budget


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=30), st.integers(0, 100_000))
def test_few_renderings_are_needed(characters: list[int], budget: int) -> None:
    of = lengths(*characters)
    measured: set[Cuts] = set()

    def count(cuts: Cuts) -> int:
        measured.add(cuts)
        return measure_of(of)(cuts)

    fit(savings_of(of), tuple(of), count, budget)

    assert len(measured) <= 12

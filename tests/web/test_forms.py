"""Forms as pure values: what any bytes may become, and what boxes and buttons mean together."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from distributor.config.model import Section
from distributor.identifiers import SectionId
from distributor.web.forms import FORM_TYPE, Form, choice_of, draft_of, read_form

SECTIONS = tuple(Section(id=SectionId(name), title=name) for name in ("market", "policy", "notice"))
TYPES = st.sampled_from([FORM_TYPE, "multipart/form-data; boundary=b", "multipart/form-data", "text/plain", ""])


def posted(body: bytes, media_type: str = FORM_TYPE) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", media_type.encode())]}, receive)


@given(st.binary(max_size=400), TYPES)
async def test_any_body_becomes_a_form_or_is_refused(body: bytes, media_type: str) -> None:
    try:
        fields = (await read_form(posted(body, media_type))).fields
    except HTTPException as refused:
        fields = (("refused", str(refused.status_code)),)

    assert all(isinstance(value, str) for field in fields for value in field)


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20))
async def test_posted_fields_come_back_as_they_were(fields: list[tuple[str, str]]) -> None:
    encodable = [(name, value) for name, value in fields if (name + value).isprintable()]

    form = await read_form(posted(urlencode(encodable).encode()))

    assert list(form.fields) == encodable


@pytest.mark.parametrize(
    ("was", "radio", "ticked", "chosen"),
    [
        pytest.param("some", "some", ["policy"], frozenset({"policy"}), id="some stay some"),
        pytest.param("some", "all", ["policy"], None, id="some turn to all, the boxes left as they were"),
        pytest.param("all", "all", [], None, id="all stay all"),
        pytest.param("all", "all", ["policy"], frozenset({"policy"}), id="all, and boxes ticked without the button"),
        pytest.param("all", "some", ["policy"], frozenset({"policy"}), id="all turn to some"),
        pytest.param("", "", ["policy", "policy"], frozenset({"policy"}), id="a form of another making"),
        pytest.param("", "", ["POLICY"], frozenset({"policy"}), id="another case"),
    ],
)
def test_boxes_and_button_together_mean(was: str, radio: str, ticked: list[str], chosen: frozenset[str] | None) -> None:
    fields = [("was", was), ("sections", radio), *(("section", name) for name in ticked)]

    choice = choice_of(draft_of(Form(fields=tuple(fields))), SECTIONS)

    assert choice is not None
    assert (choice.sections, choice.unknown) == (chosen, ())


@pytest.mark.parametrize("was", ["all", "some", ""])
def test_nothing_ticked_is_no_choice(was: str) -> None:
    assert choice_of(draft_of(Form(fields=(("was", was), ("sections", "some")))), SECTIONS) is None


@pytest.mark.parametrize("name", ["List-Unsubscribe", "list-unsubscribe", "LIST-UNSUBSCRIBE"])
def test_one_click_is_known_by_its_name_in_any_case(name: str) -> None:
    form = Form(fields=((name, "One-Click"), ("action", "resubscribe")))

    assert (form.is_one_click, form.asks_to_return) == (True, False)

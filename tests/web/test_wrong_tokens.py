"""What nobody signed gets one and the same page, whatever it looks like."""

import pytest

from tests.web.conftest import ALL, Standing
from tests.web.visitor import ONE_CLICK

pytestmark = pytest.mark.asyncio(loop_scope="module")
RIGHT = "v1.k3xa.m.abcdefghijklmnopqrstuvwx.abcdefghijklmnopqrstuvwxyz234567"
WRONG = {
    "nothing signed it": RIGHT,
    "empty": "",
    "a letter": "x",
    "10 KB": "v1." + "a" * 10_000,
    "not ASCII": "%E9%80%80%E8%AE%A2",
    "a slash": "v1/k3xa/m",
    "dots": "..",
    "encoded dots": "%2e%2e%2f%2e%2e%2fsecrets%2ftoken.key",
    "NUL": "v1%00",
    "a row number": "1",
    "an address": ALL,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
async def test_every_wrong_token_gets_the_same_page(standing: Standing, page: str, wrong: str) -> None:
    expected = await standing.visitor.get(f"/{page}/wrong")

    shown = await standing.visitor.get(f"/{page}/{wrong}")
    asked = await standing.visitor.post(f"/{page}/{wrong}")
    posted = await standing.visitor.post(
        f"/{page}/{wrong}", ONE_CLICK if page == "unsubscribe" else [("section", "policy")]
    )

    assert (shown.status, asked.status, posted.status) == (404, 404, 404)
    assert shown.body == asked.body == posted.body == expected.body
    assert "这个链接不能用" in shown.words

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from distributor.content.model import Block, Body, Issue
from distributor.rendering.mail import inline_pictures, render_edition
from distributor.rendering.pictures import MOST_BYTES
from tests.rendering.mails import XHTML, issue, parsed, picture, press, whole
from tests.rendering.publications import article, paragraph


def with_blocks(*blocks: Block) -> Issue:
    return issue(article(body=Body(blocks=(paragraph("图见下。"), *blocks))))


def sources(html: str) -> list[str]:
    return [found.get("src") for found in parsed(html).iter(f"{XHTML}img")]


def test_small_picture_travels_with_the_mail() -> None:
    of = with_blocks(picture("a"))

    (inline,) = inline_pictures(of, press())
    rendition = render_edition(whole(of), press())

    assert sources(rendition.html) == [f"cid:{inline.cid}"]
    assert rendition.cids == (inline.cid,)
    assert inline.cid.endswith("@news.example.com")


def test_large_picture_stays_on_the_web() -> None:
    of = with_blocks(picture("a", MOST_BYTES + 1))

    rendition = render_edition(whole(of), press())

    assert inline_pictures(of, press()) == ()
    assert sources(rendition.html) == ["https://news.example.com/issues/2015-055/images/a.png"]
    assert rendition.cids == ()


def test_pictures_beyond_a_megabyte_together_stay_on_the_web() -> None:
    of = with_blocks(*(picture(name, MOST_BYTES) for name in "abcdefg"))

    assert [inline.filename for inline in inline_pictures(of, press())] == [f"{name}.png" for name in "abcde"]


def test_same_picture_twice_travels_once() -> None:
    copy = replace(picture("a"), file=PurePosixPath("images/copy.png"))
    of = with_blocks(picture("a"), copy)

    (inline,) = inline_pictures(of, press())

    assert sources(render_edition(whole(of), press()).html) == [f"cid:{inline.cid}"] * 2


def test_no_picture_travels_where_the_press_hosts_them() -> None:
    of = with_blocks(picture("a"))

    assert inline_pictures(of, press(pictures="hosted")) == ()
    assert sources(render_edition(whole(of), press(pictures="hosted")).html) == [
        "https://news.example.com/issues/2015-055/images/a.png"
    ]


def test_shortened_article_brings_no_picture() -> None:
    of = issue(article(body=Body(blocks=(*(paragraph("很长的话。" * 30) for _ in range(9)), picture("a")))))

    assert render_edition(whole(of), press(body="digest")).cids == ()


def test_picture_says_what_it_shows_and_how_large_it_is() -> None:
    of = with_blocks(picture("a", caption="说明 <一>", alt='图 "a"'))

    (image,) = parsed(render_edition(whole(of), press()).html).iter(f"{XHTML}img")

    assert (image.get("alt"), image.get("width"), image.get("height")) == ('图 "a"', "584", "292")
    assert "max-width:100%" in image.get("style")
    assert "说明 &lt;一&gt;" in render_edition(whole(of), press()).html


@pytest.mark.parametrize(("name", "filename"), [("ccer.png", "ccer.png"), ("煤.png", "picture.png"), ("煤", "picture")])
def test_file_name_for_the_mail_is_ascii(name: str, filename: str) -> None:
    of = with_blocks(replace(picture("a"), file=PurePosixPath("images") / name))

    assert inline_pictures(of, press())[0].filename == filename


def test_text_part_describes_the_picture_and_says_where_it_is() -> None:
    text = render_edition(whole(with_blocks(picture("a", caption="来源：本刊"))), press()).text

    assert "（图：图a的说明）\n来源：本刊\n<https://news.example.com/issues/2015-055/images/a.png>" in text

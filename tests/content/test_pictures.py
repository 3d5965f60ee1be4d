import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.content.findings import Objection
from distributor.content.pictures import SIDE_LIMIT_PIXELS, SIZE_LIMIT_BYTES, Measure, measure_picture
from tests.content.folders import gif, jpeg, parsed, png


def objection(content: bytes) -> str:
    outcome = measure_picture(content)
    assert isinstance(outcome, Objection)
    return outcome.what.zh


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(png(640, 480), "image/png"), (jpeg(640, 480), "image/jpeg"), (gif(640, 480), "image/gif")],
)
def test_picture_is_known_by_its_first_bytes_and_measured(content: bytes, media_type: str) -> None:
    assert measure_picture(content) == Measure(width=640, height=480, media_type=media_type)


@pytest.mark.parametrize(("orientation", "size"), [(1, (640, 480)), (3, (640, 480)), (6, (480, 640)), (8, (480, 640))])
def test_photograph_on_its_side_is_measured_as_it_is_shown(orientation: int, size: tuple[int, int]) -> None:
    measure = measure_picture(jpeg(640, 480, orientation=orientation))

    assert isinstance(measure, Measure)
    assert (measure.width, measure.height) == size


def test_damaged_exif_does_not_hide_the_picture() -> None:
    exif = b"\xff\xe1" + struct.pack(">H", 10) + b"Exif\0\0II"
    content = jpeg().replace(b"\xff\xd8", b"\xff\xd8" + exif, 1)

    assert isinstance(measure_picture(content), Measure)


@pytest.mark.parametrize("make", [png, jpeg, gif])
def test_every_truncation_is_refused(make: Callable[..., bytes]) -> None:
    content = make()

    assert all(isinstance(measure_picture(content[:length]), Objection) for length in range(len(content)))


def test_markers_that_only_fill_a_jpeg_are_passed_over() -> None:
    xmp = b"\xff\xe1\0\x0chttp://ns." + b"\xff" * 3 + b"\x01"
    content = jpeg(640, 480).replace(b"\xff\xd8", b"\xff\xd8" + xmp, 1)

    assert measure_picture(content) == Measure(width=640, height=480, media_type="image/jpeg")


def test_extension_blocks_of_a_gif_are_passed_over() -> None:
    content = gif(640, 480).replace(b"\x2c", b"\x21\xf9\x04\0\0\0\0\0\x2c", 1)

    assert measure_picture(content) == Measure(width=640, height=480, media_type="image/gif")


def test_gif_without_a_picture_is_refused() -> None:
    content = gif().split(b"\x2c")[0] + b"\x3b"

    assert objection(content) == "文件不完整或已损坏"


def test_changed_byte_of_a_png_is_noticed() -> None:
    content = bytearray(png())
    content[20] ^= 1

    assert objection(bytes(content)) == "文件不完整或已损坏"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x7fELF" + bytes(60), id="program"),
        pytest.param(b"<html><script>", id="web page"),
        pytest.param(b'<?xml version="1.0"?><svg onload="x"/>', id="svg"),
        pytest.param(b"RIFF\x10\0\0\0WEBPVP8 ", id="webp"),
        pytest.param(b"BM" + bytes(60), id="bitmap"),
    ],
)
def test_other_files_are_no_pictures_whatever_their_name(content: bytes) -> None:
    assert objection(content) == "不是 PNG、JPEG 或 GIF 图片"


def test_png_without_pixels_is_refused() -> None:
    header = struct.pack(">IIBBBBB", 4, 3, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part)) for name, part in parts
    )

    assert objection(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)) == "文件不完整或已损坏"


@pytest.mark.parametrize("make", [png, jpeg, gif])
@pytest.mark.parametrize("size", [(0, 5), (5, 0), (SIDE_LIMIT_PIXELS + 1, 5), (65_000, 65_000)])
def test_impossible_sides_are_refused_from_the_header_alone(make: Callable[..., bytes], size: tuple[int, int]) -> None:
    content = make(*size)
    tracemalloc.start()

    complaint = objection(content)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert f"{size[0]}×{size[1]}" in complaint
    assert peak < 1_000_000


def test_widest_allowed_picture_is_accepted() -> None:
    assert isinstance(measure_picture(png(SIDE_LIMIT_PIXELS, 1)), Measure)


@settings(deadline=None)
@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"GIF87a", b""]), st.binary(max_size=300))
def test_foreign_bytes_never_crash_the_measuring(start: bytes, rest: bytes) -> None:
    assert isinstance(measure_picture(start + rest), Measure | Objection)


def test_large_file_is_refused_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png() + bytes(SIZE_LIMIT_BYTES))

    assert parsed("甲\n\n![图](x.png)", tmp_path)[1] == ["a01.md:3 x.png：文件超过 5 MB"]


@pytest.mark.parametrize(
    "target",
    ["../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "C:/x.png", "%2e%2e/x.png", "images\\x.png", ""],
)
def test_picture_outside_the_folder_is_refused_with_its_line(target: str) -> None:
    body, problems = parsed(f"甲\n\n![图]({target})")

    assert [problem.split()[0] for problem in problems] == ["a01.md:3"]
    assert len(body.blocks) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/x.png",
        "https://a.example/x.png",
        "//a.example/x.png",
        "gopher://a/x",
        "data:image/png;base64,AA",
    ],
)
def test_remote_picture_is_never_fetched_but_refused_with_the_remedy(target: str) -> None:
    _, problems = parsed(f"![图]({target})")

    assert problems[0].startswith("a01.md:1 不能引用网上的图片")


def test_missing_picture_suggests_the_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "power-mix.png").write_bytes(png())

    assert parsed("![图](images/powermix.png)", tmp_path)[1] == ["a01.md:1 images/powermix.png：没有这个文件"]


def test_html_named_png_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"<html>")

    assert parsed("![图](x.png)", tmp_path)[1] == ["a01.md:1 图片 x.png：不是 PNG、JPEG 或 GIF 图片"]

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.content.findings import Findings
from distributor.content.markup import parse_body
from distributor.content.model import Chart, ChartSeries
from distributor.content.series import ROW_LIMIT, SERIES_LIMIT, Columns, read_table
from tests.content.folders import complaints, parsed

CSV = "日期,交易所,收盘价\n2015-07-03,北京,42.10\n2015-07-03,湖北,24.1\n2015-07-06,北京,\n2015-07-06,湖北,24.25\n"
OPENING = "::: chart data/prices.csv type=line x=日期 y=收盘价 by=交易所"
BLOCK = f"{OPENING}\n七地价格\n（元/吨）\n:::"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.csv").write_text(CSV)
    return tmp_path


def chart_of(text: str, folder: Path) -> Chart:
    body, problems = parsed(text, folder)
    assert problems == []
    (chart,) = (block for block in body.blocks if isinstance(block, Chart))
    return chart


def table_complaints(content: str | bytes, columns: Columns | None = None) -> list[str]:
    findings = Findings("prices.csv")
    wanted = columns or Columns(x="日期", y="收盘价", by="交易所")
    assert read_table(content.encode() if isinstance(content, str) else content, wanted, findings) is None
    return complaints(tuple(findings.problems))


def test_chart_block_draws_its_table(folder: Path) -> None:
    chart = chart_of(f"前\n\n{BLOCK}\n\n后", folder)

    assert (chart.kind, chart.x_title, chart.y_title) == ("line", "日期", "收盘价")
    assert chart.caption == "七地价格（元/吨）"
    assert chart.labels == ("2015-07-03", "2015-07-06")
    assert chart.series == (
        ChartSeries(name="北京", values=(42.1, None)),
        ChartSeries(name="湖北", values=(24.1, 24.25)),
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_table_saved_by_excel_is_read(folder: Path, encoding: str) -> None:
    (folder / "data" / "prices.csv").write_bytes(CSV.replace("\n", "\r\n").encode(encoding))

    assert len(chart_of(BLOCK, folder).series) == 2


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_table_parted_by_tabs_or_semicolons_is_read(folder: Path, delimiter: str) -> None:
    (folder / "data" / "prices.csv").write_text(CSV.replace(",", delimiter))

    assert len(chart_of(BLOCK, folder).series) == 2


def test_chart_without_by_has_one_series_named_after_its_column(folder: Path) -> None:
    (folder / "data" / "prices.csv").write_text('月份,成交量\n一月,"1,200"\n二月,—\n三月,３．５\n')

    chart = chart_of("::: chart data/prices.csv type=bar x=月份 y=成交量\n:::", folder)

    assert chart.kind == "bar"
    assert chart.series == (ChartSeries(name="成交量", values=(1200.0, None, 3.5)),)


def test_type_is_a_line_unless_given(folder: Path) -> None:
    assert chart_of(BLOCK.replace(" type=line", ""), folder).kind == "line"


def test_full_width_equals_and_quoted_names_are_read(folder: Path) -> None:
    (folder / "data" / "prices.csv").write_text("日期,收盘价 元\n一,1\n")

    chart = chart_of("::: chart data/prices.csv x＝日期 y=“收盘价 元”\n:::", folder)

    assert chart.y_title == "收盘价 元"


@pytest.mark.parametrize(
    ("opening", "complaint"),
    [
        ("::: chart data/prices.csv typ=line x=日期 y=收盘价", "图表没有“typ”这个选项"),
        ("::: chart data/prices.csv type=pie x=日期 y=收盘价", "不认识的图表类型“pie”"),
        ("::: chart data/prices.csv x=日期", "图表没有写 y="),
        ("::: chart data/prices.csv x=日期 x=日期 y=收盘价", "x= 写了两次"),
        ("::: chart x=日期 y=收盘价", "图表要写明一个 CSV 文件"),
        ("::: chart a.csv b.csv x=日期 y=收盘价", "图表要写明一个 CSV 文件"),
        ("::: chart ../x.csv x=日期 y=收盘价", "“../x.csv”指到文件夹以外或隐藏文件"),
        ("::: chart data/none.csv x=日期 y=收盘价", "data/none.csv：没有这个文件"),
        ("::: charts data/prices.csv", "不认识的块“charts”"),
        ("::: note", "不认识的块“note”"),
    ],
)
def test_fault_of_the_block_is_named_at_its_line(folder: Path, opening: str, complaint: str) -> None:
    body, problems = parsed(f"甲\n\n{opening}\n图注\n:::", folder)

    assert problems == [f"a01.md:3 {complaint}"]
    assert len(body.blocks) == 1


def test_block_without_end_is_named_and_the_rest_is_still_read(folder: Path) -> None:
    _, problems = parsed(f"{OPENING}\n图注\n\n[后](x)", folder)

    assert problems == ["a01.md:1 图表块没有结束：缺一行 :::", "a01.md:4 “x”不是完整的网址"]


def test_second_block_does_not_close_the_first(folder: Path) -> None:
    _, problems = parsed(f"{OPENING}\n图注\n\n{BLOCK}", folder)

    assert problems == ["a01.md:1 图表块没有结束：缺一行 :::"]


def test_fault_of_the_table_names_the_table_and_its_line(folder: Path) -> None:
    (folder / "data" / "prices.csv").write_text(CSV + "2015-07-07,北京,四十二\n")

    _, problems = parse_body(BLOCK, path="a01.md", folder=folder)

    assert complaints(problems) == ["prices.csv:6 “四十二”不是数字"]


def test_missing_column_suggests_the_near_one() -> None:
    findings = Findings("prices.csv")

    read_table(CSV.encode(), Columns(x="日期", y="收盘", by="交易所"), findings)

    assert complaints(tuple(findings.problems)) == ["prices.csv:1 没有“收盘”这一列"]
    assert "是不是“收盘价”？" in findings.problems[0].remedy.zh


@pytest.mark.parametrize("written", ["nan", "inf", "1_000", "12.5%", "1e5", "1,23", "--", "四十二"])
def test_what_is_no_plain_number_is_refused(written: str) -> None:
    assert table_complaints(f'日期,交易所,收盘价\n一,北京,1\n二,北京,"{written}"\n') == [
        f"prices.csv:3 “{written}”不是数字"
    ]


@pytest.mark.parametrize("content", ["", "\n\n", "日期,交易所,收盘价\n", "日期,交易所,收盘价\n,,\n"])
def test_empty_table_is_refused(content: str) -> None:
    assert table_complaints(content) == ["prices.csv:1 表格是空的，或只有标题行"]


def test_table_without_any_number_is_refused() -> None:
    assert table_complaints("日期,交易所,收盘价\n一,北京,\n") == ["prices.csv:1 “收盘价”一列没有数字"]


def test_doubled_point_names_both_lines() -> None:
    assert table_complaints("日期,交易所,收盘价\n一,北京,1\n一,北京,2\n") == ["prices.csv:3 与第 2 行重复"]


def test_doubled_column_is_refused() -> None:
    assert table_complaints("日期,日期,交易所,收盘价\n一,一,北京,1\n") == ["prices.csv:1 有几列都叫“日期”"]


def test_row_without_its_name_is_refused() -> None:
    assert table_complaints("日期,交易所,收盘价\n,北京,1\n一\n") == [
        "prices.csv:2 这一行缺横轴或分组的名称",
        "prices.csv:3 这一行缺横轴或分组的名称",
    ]


def test_too_many_series_or_rows_are_refused() -> None:
    series = "".join(f"一,所{number},1\n" for number in range(SERIES_LIMIT + 1))
    rows = "".join(f"{number},北京,1\n" for number in range(ROW_LIMIT + 1))

    assert table_complaints(f"日期,交易所,收盘价\n{series}") == [
        f"prices.csv:1 分成了 {SERIES_LIMIT + 1} 组，上限 {SERIES_LIMIT}"
    ]
    assert table_complaints(f"日期,交易所,收盘价\n{rows}") == [f"prices.csv:{ROW_LIMIT + 2} 超过 {ROW_LIMIT} 行"]


def test_open_quote_is_refused() -> None:
    assert table_complaints('日期,交易所,收盘价\n一,"北京,1\n') == ["prices.csv 这个 CSV 的引号没有成对"]


def test_bad_bytes_and_control_characters_name_their_line() -> None:
    assert "prices.csv:2" in table_complaints("日期,交易所,收盘价\n".encode() + b"\xff,a,1\n")[0]
    assert table_complaints("日期,交易所,收盘价\n一\x0b,北京,1\n") == ["prices.csv:2 有看不见的控制字符 U+000B"]


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_give_a_table_or_problems(content: bytes) -> None:
    findings = Findings("x.csv")

    table = read_table(b"a,b\n" + content, Columns(x="a", y="b"), findings)

    assert table is not None or findings.problems

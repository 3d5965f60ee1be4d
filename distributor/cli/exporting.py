"""Who got an issue and when, as a table for Excel or WPS: UTF-8 with its mark, one row for each copy, streamed.

The columns 邮箱, 姓名 and 栏目 are those of a list file: what a person keeps of the table can be read back as one.
Cells that a spreadsheet would run are marked, and our own lists read them unmarked.
"""

import csv
import io
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

from distributor.cli.accounts import STATES
from distributor.cli.console import complain, tr
from distributor.delivery.counts import CopyLine
from distributor.errors import EnvironmentFault
from distributor.identifiers import base_edition
from distributor.operations.files import new_file
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.rendering.mail import NOTICE
from distributor.subscribers.formulas import guarded, guarded_address

_HEAD = (
    ("邮箱", "email"),
    ("姓名", "name"),
    ("栏目", "sections"),
    ("状态", "state"),
    ("送达时间", "accepted_at"),
    ("服务器", "server"),
    ("邮件编号", "message_id"),
    ("答复代码", "code"),
    ("答复", "reply"),
    ("期", "issue"),
    ("发送", "mailing"),
)
_BUFFERED = 200


async def export_copies(workspace: Workspace, copies: AsyncGenerator[CopyLine, None], output: Path | None) -> int:
    """Write the copies to a new file that only its owner may read, or to the standard output; return how many.

    Raises InputError where the file exists, EnvironmentFault when it or a pipe cannot be written.
    """
    if output is None:
        return await _to_stdout(workspace, copies)
    with new_file(output) as file:
        count = await _write(workspace, copies, file)
    complain(
        tr(
            f"已写出 {count:,} 行 → {output}（含读者邮箱，只有本人可读；用完请删除）",
            f"{count:,} rows → {output} (holds addresses, for its owner alone; delete it after use)",
        )
    )
    return count


async def _to_stdout(workspace: Workspace, copies: AsyncGenerator[CopyLine, None]) -> int:
    try:
        count = await _write(workspace, copies, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        # What is still buffered has nowhere to go; the interpreter would stumble over it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise EnvironmentFault(
            wording("接收输出的程序提前结束了，没有写完", "whoever read the output has gone; it is not complete")
        ) from error
    return count


async def _write(workspace: Workspace, copies: AsyncGenerator[CopyLine, None], out: BinaryIO) -> int:
    titles: dict[str, str] = {section.id: section.title for section in workspace.sections}
    titles[NOTICE] = tr("（通知）", "(notice)")
    first, *others = (tr(*names) for names in _HEAD)
    # By its mark Excel knows UTF-8; with the first rows, so that an unknown issue leaves no byte behind.
    rows: list[tuple[str, ...]] = [(f"\ufeff{first}", *others)]
    count = 0
    async with aclosing(copies) as lines:
        async for line in lines:
            rows.append(_row(workspace, titles, line))
            count += 1
            if len(rows) >= _BUFFERED:
                out.write(_csv(rows))
                rows.clear()
    out.write(_csv(rows))
    return count


def _row(workspace: Workspace, titles: dict[str, str], line: CopyLine) -> tuple[str, ...]:
    sections = "、".join(titles.get(one, one) for one in base_edition(line.edition).split("+"))
    taken = line.accepted_at.astimezone(workspace.zone).isoformat(timespec="seconds") if line.accepted_at else ""
    code = "" if line.last_code is None else str(line.last_code)
    state = tr(*STATES[line.state])
    said = (line.server, line.message_id, code, line.last_text, line.issue, str(line.mailing))
    others = (line.name, sections, state, taken, *said)
    return (guarded_address(line.address), *(guarded(cell) for cell in others))


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    # RFC 4180 ends its lines so, and so does Excel.
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()

"""The first files of a new issue: a commented issue.toml and an example article.

Pure text, for an editor who opens them in Notepad. The example says in `missing` that it is one.
"""

import datetime as dt
from collections.abc import Sequence

from distributor.config.model import Section
from distributor.content.header import HeaderFields, write_article
from distributor.identifiers import IssueId, article_id

_TOML = """\
# {issue} · 以 # 开头的行是说明，不起作用
# 写完检查：distributor check {number}    定稿：distributor ready {number}

number = {number}
date = {date}
status = "draft"      # draft 草稿，不会发出；ready 定稿，可以发出

# 下面三项可以不写；要用就删去行首的 #
# subject = "邮件主题"
# lead = "导语，一两句话，放在最前面"
# order = ["{issue}-a02", "{issue}-a01"]      # 同一栏目里的先后；不写就按编号
"""

_BODY = """\
正文从这里开始。一段写成一行，段与段之间空一行，段首不用空格。

## 小标题

**加粗**的写法如上；编号“（一）”“1.”照常输入即可。

- 列表的一项
- 列表的另一项

可用的栏目：{sections}。"""


def issue_toml(issue: IssueId, number: int, date: dt.date) -> str:
    """Return the text of a draft's issue.toml."""
    return _TOML.format(issue=issue, number=number, date=date.isoformat())


def example_article(issue: IssueId, date: dt.date, sections: Sequence[Section]) -> str:
    """Return the text of the example article, in the first section."""
    fields = HeaderFields(
        id=article_id(issue, 1),
        title="示例：改成文章标题",
        section=sections[0].id,
        date=date,
        source="改成来源",
        missing=("这是示例（写好文章后删去 missing 这一行）",),
    )
    listed = "、".join(f"{section.id}（{section.title}）" for section in sections)
    return write_article(fields, _BODY.format(sections=listed))

"""What staff decided: the settings as a whole, and whether the publication still bears the sample's names.

A folder or an open `Workspace` enters, findings leave, one for every problem.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from distributor.addresses import Address
from distributor.config.loader import FILE_NAME
from distributor.errors import ConfigError, EnvironmentFault, InputError
from distributor.operations.examinations.findings import Check, Finding, told
from distributor.operations.workspace import HOLIDAYS, Workspace, open_workspace
from distributor.problems import Wording, wording
from distributor.times import Clock

_SETTINGS = Check(name="settings", title=wording("设置", "settings"))
_SECRETS = Check(name="secrets", title=wording("密钥和密码", "secrets"))
_PUBLICATION = Check(name="publication", title=wording("刊物信息", "publication"))


def examine_settings(
    root: Path, clock: Clock, environment: Mapping[str, str]
) -> tuple[Workspace | None, tuple[Finding, ...]]:
    """Open the workspace; None where it cannot be opened, then every problem is a finding."""
    try:
        workspace = open_workspace(root, clock, environment)
    except EnvironmentFault as error:
        return None, (_SETTINGS.fault(*told(error.message), concern="environment"),)
    except (ConfigError, InputError) as error:
        refused = tuple(_check_of(problem.path).problem(problem) for problem in error.problems)
        return None, refused or (_SETTINGS.fault(*told(error.message)),)
    settings = workspace.settings
    numbers = len(settings.section), len(settings.list), len(settings.smtp), len(settings.schedule)
    seen = wording(
        "{}：{} 个栏目，{} 个名单，{} 台邮件服务器，{} 个计划".format(FILE_NAME, *numbers),
        "{}: sections {}, lists {}, mail servers {}, schedules {}".format(FILE_NAME, *numbers),
    )
    return workspace, (_SETTINGS.ok(seen),)


def _check_of(path: str) -> Check:
    return _SETTINGS if path in (FILE_NAME, HOLIDAYS) else _SECRETS


def examine_publication(workspace: Workspace) -> tuple[Finding, ...]:
    """Return a warning for each name that is still the sample's, and for each that receivers and law will miss."""
    wanting = tuple(_PUBLICATION.warning(seen, remedy) for seen, remedy in _wanting(workspace))
    sender, home = workspace.sender.address.text, workspace.site.home_url
    return wanting or (_PUBLICATION.ok(wording(f"{sender}，{home}", f"{sender}, {home}")),)


def is_reserved_host(host: str) -> bool:
    """Say whether a host is an example or a test name, which no name server knows (RFC 2606)."""
    return Address(local="", domain=host.lower()).is_reserved


def _wanting(workspace: Workspace) -> Iterator[tuple[Wording, Wording]]:
    sender, publication = workspace.sender.address, workspace.publication
    if sender.is_reserved:
        yield (
            wording(f"发件地址还是示例：{sender.text}", f"the sender is still the sample's: {sender.text}"),
            wording("把 [publication] sender 改成你们的地址", "set [publication] sender to your address"),
        )
    if is_reserved_host(workspace.site.authority):
        yield (
            wording(f"网址还是示例：{publication.base_url}", f"base_url is still the sample's: {publication.base_url}"),
            wording("把 [publication] base_url 改成你们的网址", "set [publication] base_url to your address"),
        )
    elif workspace.settings.web.mode == "public" and publication.base_url.startswith("http:"):
        yield (
            wording(
                f"{publication.base_url} 只在本机打得开，一键退订也要求 https",
                f"{publication.base_url} opens on this machine alone, and one-click unsubscribing wants https",
            ),
            wording(
                '把 base_url 改成 https 网址，或写 [web] mode = "none"',
                'set base_url to an https address, or [web] mode = "none"',
            ),
        )
    if not publication.address:
        yield (
            wording("没有通信地址", "there is no postal address"),
            wording("在 [publication] address 写上，页脚要用", "write it into [publication] address, for the footer"),
        )
    if not workspace.operators:
        yield (
            wording(
                "没有写 operators，出了问题没有人会收到通知", "no operators: nobody is told when something is wrong"
            ),
            wording('例如 operators = ["ops@example.com"]', 'for example operators = ["ops@example.com"]'),
        )

"""Commands for the DKIM key: `distributor dkim …`. What they print is for whoever edits DNS and the settings."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from distributor.cli.console import say, tr
from distributor.cli.entry import root_of
from distributor.config.environment import process_environment
from distributor.config.loader import Config, load
from distributor.operations import keys
from distributor.operations.clocks import SystemClock
from distributor.operations.keys import KeyRecord

dkim = typer.Typer(help=tr("邮件签名（DKIM）的密钥", "the key that signs mail (DKIM)"), no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    dkim.command("new", help=tr("新建密钥，打印要加的 DNS 记录", "make a key and print its DNS record"))(new)
    dkim.command("show", help=tr("再看一次密钥的 DNS 记录", "print a key's DNS record again"))(show)
    app.add_typer(dkim, name="dkim")


def new(
    context: typer.Context,
    selector: Annotated[
        str | None, typer.Option("--selector", help=tr("选择符；默认 s 加年份", "the selector; default s and the year"))
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help=tr("签名的域名；默认发件人的", "who signs; default the sender's"))
    ] = None,
) -> None:
    """Make a key pair: the private half into secrets/, the public half on the screen."""
    config = _config(context)
    today = SystemClock().now().astimezone(ZoneInfo(config.settings.publication.timezone)).date()
    record = keys.make_key(config, today, selector=selector, domain=domain)
    say(tr(f"已生成 {record.file}（只有自己可读）", f"made {record.file}, which you alone can read"))
    _say_steps(config, record)


def show(
    context: typer.Context,
    selector: Annotated[
        str | None, typer.Option("--selector", help=tr("选择符；默认设置里的", "the selector; default the settings'"))
    ] = None,
) -> None:
    """Print what DNS must say for a key that exists."""
    config = _config(context)
    _say_steps(config, keys.show_key(config, selector))


def _config(context: typer.Context) -> Config:
    # Not the whole workspace: it would ask for the key that is about to be made.
    return load(root_of(context), process_environment())


def _say_steps(config: Config, record: KeyRecord) -> None:
    _say_record(record)
    before = config.settings.dkim
    if before is not None and before.selector == record.selector:
        say(tr("设置里用的就是这个密钥。", "The settings use this key."))
        return
    _say_settings(record)
    say(tr("3. 发一封试试，在邮件原文里看到 dkim=pass：", "3. Try it, and look for dkim=pass in the mail's source:"))
    say("   distributor test-send ISSUE --to YOUR-ADDRESS")
    if before is not None:
        old = f"{before.selector}._domainkey.{before.domain}"
        say(
            tr(
                f"旧记录 {old} 在 DNS 里再留 30 天：路上的邮件还要靠它。",
                f"Keep the old record {old} in DNS for 30 days: mail under way needs it.",
            )
        )


def _say_record(record: KeyRecord) -> None:
    say(tr("1. 在 DNS 里加一条 TXT 记录：", "1. Add a TXT record to DNS:"))
    say(tr(f"   名称  {record.name}", f"   name   {record.name}"))
    say(tr(f"   值    {record.value}", f"   value  {record.value}"))
    say(
        tr(
            "   （控制台的“主机记录”一栏会自动补上主域名，不要重复写；值较长，整行复制）",
            "   (most consoles add the zone to the name by themselves; copy the value as one line)",
        )
    )
    say(tr("   用区域文件的，写成：", "   In a zone file:"))
    say(f"   {record.name}. IN TXT ( " + " ".join(f'"{string}"' for string in record.strings) + " )")


def _say_settings(record: KeyRecord) -> None:
    say(
        tr(
            "2. 记录生效后（几分钟到一天），distributor.toml 里写：",
            "2. When DNS shows it (minutes to a day), write into distributor.toml:",
        )
    )
    say("   [dkim]")
    say(f'   domain = "{record.domain}"')
    say(f'   selector = "{record.selector}"')
    say(f'   key_file = "{record.file}"')

"""Secrets: the key of the readers' links and the passwords of the mail servers; none of them is ever shown.

A folder or an open `Workspace` enters, findings leave. No key is made here: `init` and the first run do that.
"""

from collections.abc import Mapping
from pathlib import Path

from distributor.operations.examinations.findings import Check, Finding
from distributor.operations.office import KEY_FILE
from distributor.operations.workspace import Workspace
from distributor.problems import wording
from distributor.subscribers.tokens import parse_keys

_TOKEN_KEY = Check(name="token_key", title=wording("链接密钥", "link key"))
_PASSWORDS = Check(name="passwords", title=wording("邮件服务器密码", "server passwords"))
_DKIM_KEY = Check(name="dkim_key", title=wording("DKIM 密钥", "DKIM key"))
_TYPED = frozenset({"changeme", "change-me", "password", "the-password", "your-password", "secret", "密码"})


def examine_token_key(root: Path, *, mailed: bool) -> tuple[Finding, ...]:
    """Look at secrets/token.key; where mail is out (`mailed`) its links need it."""
    path, shown = root / KEY_FILE, KEY_FILE.as_posix()
    if not path.exists() and not mailed:
        return (_TOKEN_KEY.ok(wording(f"还没有 {shown}，第一次运行时生成", f"no {shown} yet, made by the first run")),)
    if not path.exists():
        return (
            _TOKEN_KEY.fault(
                wording(
                    f"{shown} 不见了，已发邮件里的退订链接都要靠它",
                    f"{shown} is gone, and the links of mailed copies need it",
                ),
                wording("从备份恢复这个文件", "restore it from the backup"),
            ),
        )
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return (
            _TOKEN_KEY.fault(
                wording(f"{shown} 别人也能读（{mode:04o}）", f"others can read {shown} ({mode:04o})"),
                wording(f"运行 chmod 600 {shown}", f"run chmod 600 {shown}"),
            ),
        )
    read = parse_keys(path.read_text(encoding="utf-8", errors="replace"), path=shown)
    if read.keyring is None:
        return tuple(_TOKEN_KEY.problem(problem) for problem in read.problems)
    number = len(read.keyring.keys)
    return (_TOKEN_KEY.ok(wording(f"{shown}：{number} 把，仅本人可读", f"{shown}: {number}, private")),)


def examine_passwords(workspace: Workspace, environment: Mapping[str, str]) -> tuple[Finding, ...]:
    """Say where each server's password comes from; that it is there and private, the settings have made sure."""
    return tuple(_password(workspace, index, environment) for index in range(len(workspace.settings.smtp)))


def _password(workspace: Workspace, index: int, environment: Mapping[str, str]) -> Finding:
    server, file = workspace.servers[index], workspace.settings.smtp[index].password_file
    if server.password is None:
        return _PASSWORDS.ok(wording(f"{server.name} 不用登录", f"{server.name} wants no login"))
    variable = "DISTRIBUTOR_SMTP_PASSWORD" + (f"_{index + 1}" if index else "")
    source = variable if environment.get(variable) or file is None else file
    if server.password.get_secret_value().lower() in _TYPED:
        return _PASSWORDS.fault(
            wording(
                f"{server.name} 的密码还是样例（{source}）", f"the password of {server.name} is a sample ({source})"
            ),
            wording("换成真的密码或授权码", "put the real password or app password there"),
        )
    return _PASSWORDS.ok(wording(f"{server.name} 的密码来自 {source}", f"that of {server.name} is from {source}"))


def examine_dkim_key(workspace: Workspace) -> tuple[Finding, ...]:
    """Say which key signs, if any; that it is there, private and strong, the settings have made sure."""
    signer, dkim = workspace.signer, workspace.settings.dkim
    if signer is None or dkim is None:
        return _asked_to_sign(workspace)
    shown = f"{dkim.key_file}: RSA {signer.key.key_size}, d={signer.domain}, s={signer.selector}"
    relayed = [server.sign for server in workspace.settings.smtp]
    if relayed and not any(relayed):
        return (
            _DKIM_KEY.warning(
                wording(f"{shown}，但每台服务器都写了 sign = false", f"{shown}, but every server has sign = false"),
                wording("由服务商签名就删去 [dkim]，否则改 sign", "take [dkim] out if the relay signs, else mend sign"),
            ),
        )
    return (_DKIM_KEY.ok(wording(shown, shown)),)


def _asked_to_sign(workspace: Workspace) -> tuple[Finding, ...]:
    """Warn where staff wrote `sign = true` and there is no key; that it is the default says nothing."""
    asked = [
        server.name
        for server, written in zip(workspace.servers, workspace.settings.smtp, strict=True)
        if written.sign and "sign" in written.model_fields_set
    ]
    if not asked:
        return ()
    names = ", ".join(asked)
    return (
        _DKIM_KEY.warning(
            wording(
                f"{names} 写了 sign = true，但没有 [dkim]，不会签名", f"{names} has sign = true, but there is no [dkim]"
            ),
            wording(
                "运行 distributor dkim new 并加上 [dkim]；由服务商签名就写 sign = false",
                "run `distributor dkim new` and add [dkim], or write sign = false where the relay signs",
            ),
        ),
    )

"""var/settings-in-use/: what the daemon works with, for whoever looks while distributor.toml is wrong.

Enters: the texts that a workspace was opened from. Leaves: a copy without mail servers and keys, which needs no secret
to be opened, and later a `Workspace` for looking, not for sending. The folder is readable by its owner alone, because
a database URL may hold a password.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import tomlkit

from distributor.config.loader import FILE_NAME
from distributor.operations.files import write_if_changed
from distributor.operations.workspace import HOLIDAYS, Workspace, open_workspace
from distributor.times import Clock

FOLDER = "settings-in-use"
_SECRETIVE = ("smtp", "dkim")


def keep_copy(var: Path, texts: Mapping[str, bytes]) -> None:
    """Write the copy of distributor.toml, and of holidays.toml where there is one; no texts, no copy.

    Raises OSError where the disk refuses and ValueError for what is no TOML.
    """
    if FILE_NAME not in texts:
        return
    folder = var / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_if_changed(folder / FILE_NAME, _without_secrets(texts[FILE_NAME]), mode=0o600)
    if HOLIDAYS in texts:
        write_if_changed(folder / HOLIDAYS, texts[HOLIDAYS], mode=0o600)
    else:
        (folder / HOLIDAYS).unlink(missing_ok=True)


def open_copy(root: Path, clock: Clock) -> Workspace | None:
    """Return the workspace by the settings last in use, without mail servers; None where there is no copy.

    Raises ConfigError where the copy is from another release and does not hold any more.
    """
    folder = root / "var" / FOLDER
    if not (folder / FILE_NAME).is_file():
        return None
    opened = open_workspace(folder, clock, {})
    return replace(opened, root=root, config=opened.config.model_copy(update={"root": root}))


def _without_secrets(written: bytes) -> bytes:
    document = tomlkit.parse(written.decode("utf-8-sig"))
    for table in _SECRETIVE:
        document.pop(table, None)
    return tomlkit.dumps(document).encode()

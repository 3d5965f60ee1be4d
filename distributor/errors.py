"""Every error of the house, in one tree.

    DistributorError                 exit 1   our own mistake, or the base of all below
    ├── InputError (ValueError)      exit 2   content, a list, a template or an argument was refused
    │   └── TemplateError            exit 2   a template does not render or lacks what the law of mail wants
    ├── ConfigError (ValueError)     exit 2   distributor.toml was refused; loops never swallow it
    │   └── WorkspaceNotFound        exit 2   no distributor.toml from here upward
    ├── EnvironmentFault (OSError)   exit 3   disk, database or network
    │   ├── DatabaseFault            exit 3   the database cannot be opened, read or written
    │   │   └── SchemaTooNew         exit 3   written by a newer release
    │   └── ServerFault              exit 3   a mail server refuses the whole session
    └── HeldError                    exit 4   something else has it, or a person must decide
        ├── AnotherProcess           exit 4   a second process does the same work
        └── DecisionNeeded           exit 4   going on by itself could mail somebody twice

The class docstring is the default message, `chinese` the same for those who read Chinese: what is wrong, then the
remedy. Loops may catch `EnvironmentFault`
and `HeldError`; a `ConfigError` stops the house. One recipient's failure is an Outcome, never an exception.
"""

from collections.abc import Iterable
from typing import ClassVar

from distributor.problems import Language, Problem, Wording


class DistributorError(Exception):
    """Something went wrong inside distributor; please report it with the log."""

    exit_code: ClassVar[int] = 1
    chinese: ClassVar[str] = "distributor 内部出错，请附上日志报告"

    def __init__(self, message: Wording | str | None = None) -> None:
        self.message = message or Wording(zh=self.chinese, en=(self.__doc__ or "").strip().splitlines()[0])
        super().__init__(self.text("en"))

    def text(self, language: Language = "zh") -> str:
        """Return the message for a person, in their language where it has two."""
        if isinstance(self.message, Wording):
            return self.message.in_language(language)
        return self.message


class _WithProblems(DistributorError):
    """Base of the errors that list what is wrong file by file."""

    exit_code = 2

    def __init__(self, message: Wording | str | None = None, *, problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message)

    def text(self, language: Language = "zh") -> str:
        """Return the message, then one line per problem."""
        lines = [problem.text(language) for problem in self.problems]
        return "\n".join([*lines, super().text(language)])


class InputError(_WithProblems, ValueError):
    """The input was refused; mend the places named and run the command again."""

    chinese = "输入没有被接受；请改好上面的地方再运行一次"


class TemplateError(InputError):
    """A template was refused; mend it at the place named."""

    chinese = "模板没有被接受；请改好上面的地方"


class ConfigError(_WithProblems, ValueError):
    """distributor.toml was refused; mend the places named."""

    chinese = "distributor.toml 没有被接受；请改好上面的地方"


class WorkspaceNotFound(ConfigError, FileNotFoundError):
    """No distributor.toml here or above; run `distributor init DIR` or pass --root."""

    chinese = "这里和上级文件夹都没有 distributor.toml；先运行 distributor init 文件夹，或用 --root 指明"


class EnvironmentFault(DistributorError, OSError):
    """The machine refused: disk, database or network; mend that and run the command again."""

    exit_code = 3
    chinese = "磁盘、数据库或网络出了问题；排除后再运行一次"


class DatabaseFault(EnvironmentFault):
    """The database cannot be used; check its path, its rights and the free space."""

    chinese = "数据库不能用；请检查路径、权限和磁盘空间"


class SchemaTooNew(DatabaseFault):
    """The database was written by a newer distributor; install that release or restore a backup."""

    chinese = "数据库来自更新的版本；请安装该版本或恢复备份"


class ServerFault(EnvironmentFault, ConnectionError):
    """The mail server refuses the session; the mailing is paused and nobody is charged for it."""

    chinese = "邮件服务器拒绝了这次连接；发送已暂停，不算在任何读者头上"


class HeldError(DistributorError):
    """Held: another process has it or a person must decide; nothing was changed."""

    exit_code = 4
    chinese = "已搁置：别的进程正在做，或要由人决定；什么都没有改动"


class AnotherProcess(HeldError):
    """Another distributor is doing this already; let it end or stop it first."""

    chinese = "另一个 distributor 正在做这件事；等它结束或先停掉它"


class DecisionNeeded(HeldError):
    """A person must decide before this can go on; the message names the commands."""

    chinese = "要由人决定才能继续；说明里有可用的命令"

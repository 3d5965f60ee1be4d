"""What the shape check found, said so that an office can mend it: line, fault, remedy, near miss.

Pure: pydantic's errors enter, `Problem`s leave. Every kind of error that our tables can raise has its own
sentence; the last one catches what a later pydantic may add.
"""

import copy
import difflib
from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from distributor.config.model import KeyPath, Places, Settings
from distributor.problems import Problem, Wording, wording


def shape_problems(error: ValidationError, places: Places) -> list[Problem]:
    """Return one problem per fault that the shape check found."""
    return [_problem(details, places) for details in error.errors()]


def set_aside(tables: Mapping[str, Any], error: ValidationError) -> tuple[dict[str, Any], frozenset[str]]:
    """Return a copy whose misshapen parts have stand-ins, and the names of the tables they stand in.

    Entries of repeated tables keep their places, so that the lines of later faults stay right.
    """
    sound = copy.deepcopy(dict(tables))
    for details in error.errors():
        path = _key_path(details["loc"])
        if path and path[0] == "publication" and not isinstance(sound.get("publication"), dict):
            sound["publication"] = dict(_STAND_INS["publication"])
            continue
        holder: Any = sound
        for part in path[:-1][:2]:
            holder = holder[part] if _has(holder, part) else None
        _stand_in(holder, path)
    return {**sound, "schema": 1}, frozenset(str(_key_path(details["loc"])[0]) for details in error.errors())


def _has(holder: Any, part: str | int) -> bool:
    return (isinstance(holder, dict) and part in holder) or (
        isinstance(holder, list) and isinstance(part, int) and part < len(holder)
    )


def _stand_in(holder: Any, path: KeyPath) -> None:
    key = path[2] if len(path) > 2 and isinstance(path[1], int) else path[-1]
    if not isinstance(holder, dict):
        return
    value = _STAND_INS.get(str(path[0]), {}).get(key)
    if value is None:
        holder.pop(key, None)
    else:
        holder[key] = f"{value}{path[1]}" if isinstance(path[1], int) and isinstance(value, str) else value


# Values that pass every check, in place of the faulty ones while the rest is looked at.
_STAND_INS: Mapping[str, Mapping[str | int, Any]] = {
    "publication": {
        "name": "name",
        "base_url": "https://example.com/",
        "sender": "sender@example.com",
        "founded": date(2000, 1, 1),
    },
    "section": {"id": "stand-in-", "title": "stand-in-"},
    "list": {"name": "stand-in-", "title": "stand-in-"},
    "schedule": {"id": "stand-in-", "lists": ["stand-in-"]},
    "smtp": {"url": "smtps://stand-in.example.com:465#"},
    "limit": {"domains": ["stand-in.example.com"]},
    "dkim": {"domain": "example.com", "selector": "stand-in", "key_file": "stand-in"},
}


def _problem(details: ErrorDetails, places: Places) -> Problem:
    path = _key_path(details["loc"])
    what, remedy = _explain(details, path)
    return Problem(path=places.path, line=places.line_of(*path), what=what, remedy=remedy)


def _key_path(loc: tuple[int | str, ...]) -> KeyPath:
    # pydantic adds the name of the union branch it tried; it is no key of the file.
    return tuple(part for part in loc if not (isinstance(part, str) and ("[" in part or part == "tuple")))


def _shown(path: KeyPath) -> str:
    return ".".join(f"[{part + 1}]" if isinstance(part, int) else part for part in path).replace(".[", "[")


def _explain(details: ErrorDetails, path: KeyPath) -> tuple[Wording, Wording]:
    kind, name = details["type"], _shown(path)
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "missing":
        return (
            wording(f"缺少 {name}", f"{name} is missing"),
            wording(f"请加上 {path[-1]} = …（见 docs/reference/settings.md）", f"add {path[-1]} = …"),
        )
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace(" or ", ", ")
        return (
            wording(f"{name} 的值 {details['input']!r} 不认识", f"{name} has the unknown value {details['input']!r}"),
            wording(f"可用的值：{expected}", f"use one of {expected}"),
        )
    if kind in ("greater_than_equal", "less_than_equal", "string_too_long", "string_too_short", "too_short"):
        limits = ", ".join(f"{key} {value}" for key, value in context.items() if isinstance(value, int | float))
        return (
            wording(f"{name} 超出范围", f"{name} is out of range"),
            wording(f"请改到范围之内（{limits}）", f"keep it in range ({limits})"),
        )
    if kind == "model_type" and path[-1] == "pilot":
        return (
            wording(f"{name} 的写法不对：{details['input']!r}", f"{name} is no table: {details['input']!r}"),
            wording(*_PILOT),
        )
    return (
        wording(f"{name} 的写法不对：{details['input']!r}", f"{name} is not of the right kind: {details['input']!r}"),
        wording(*_EXPECTED.get(kind, ("请对照 docs/reference/settings.md 的例子", str(details["msg"])))),
    )


_PILOT = (
    '写成 pilot = { list = "staff", hold = "2h" }',
    'write pilot = { list = "staff", hold = "2h" }',
)
_EXPECTED = {
    "string_type": ("请写成带英文引号的文字", "write text in straight quotes"),
    "int_type": ("请写成整数，不带引号", "write a whole number without quotes"),
    "int_parsing": ("请写成整数，不带引号", "write a whole number without quotes"),
    "bool_parsing": ("请写成 true 或 false", "write true or false"),
    "bool_type": ("请写成 true 或 false", "write true or false"),
    "tuple_type": ('请写成列表，例如 ["members"]', 'write a list such as ["members"]'),
    "model_type": ("请写成表，例如 [publication]", "write a table such as [publication]"),
    "dict_type": ("请写成表，例如 { }", "write a table such as { }"),
    "date_type": ("请写成日期，例如 2015-01-01，不带引号", "write a date such as 2015-01-01 without quotes"),
    "date_from_datetime_parsing": ("请写成日期，例如 2015-01-01", "write a date such as 2015-01-01"),
    "string_pattern_mismatch": ("颜色写成 #2f6f4e 这样的六位十六进制", "write a colour such as #2f6f4e"),
}


def _unknown_key(path: KeyPath) -> tuple[Wording, Wording]:
    key = str(path[-1])
    known = _known_keys(path[:-1])
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    what = wording(f"不认识的设置 {_shown(path)}", f"unknown key {_shown(path)}")
    if near:
        return what, wording(f"是不是 {near[0]}？", f"did you mean {near[0]}?")
    listed = ", ".join(known)
    return what, wording(f"可用的设置：{listed}", f"known keys: {listed}")


def _known_keys(path: KeyPath) -> list[str]:
    model: type[BaseModel] | None = Settings
    for part in path:
        if isinstance(part, int) or model is None:
            continue
        field = model.model_fields.get(part)
        model = _model_in(field.annotation) if field else None
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if found := _model_in(argument):
            return found
    return None

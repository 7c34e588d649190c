"""The changes that the command line makes in a study file, before anything of it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError, KeyPath, short
from .problems import Problems, shown
from .yaml_file import parse_yaml

SET = "--set"
SHORTHANDS = {"backend": "core.random", "runner": "inline", "pruner": ""}
"""Keys that take a name for a mapping, and the name that stands where they are absent."""
EXCLUSIVE = (("backend", "technique"), ("direction", "directions"))
"""Keys of which a file has one: the command line's takes the other's place."""


def set_values(
    data: dict[str, Any], assignments: Sequence[str], problems: Problems
) -> dict[str, Any]:
    """``data`` with each ``a.b=v`` done, in turn; ``data`` itself stays as it is.

    Mappings on the way are created, items of lists go by their number, and where the file
    has a name for a backend, runner, pruner or observer, it becomes ``{name: …}``. A key that
    has dots in its name is found as it is. What cannot be done is noted in ``problems``.

    Args:
        data: A study file's data.
        assignments: Each of the form ``a.b=v``, with ``v`` in YAML.
        problems: Takes note of what comes from the command line.

    Example:
        >>> set_values({"budget": {"trials": 9}}, ["budget.trials=5"], Problems("study.yaml"))
        {'budget': {'trials': 5}}
    """
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        names = key.strip().split(".")
        if not separator or not all(names) or not _is_text(assignment):
            problems.note(f"{SET}: {short(assignment)} is not of the form a.b=value")
            continue
        try:
            value = parse_yaml(text, Problems(f"{SET}: {key.strip()}"))
        except ConfigError as error:
            problems.note(*error.problems)
            continue
        _drop_other(data := dict(data), names[0] if len(names) == 1 else "")
        try:
            data, path = _with_value(data, names, value, ())
        except _Refused as refused:
            problems.note(f"{SET}: {refused}")
            continue
        problems.origins[path] = SET
    return data


def replace_name(
    data: dict[str, Any], key: str, name: str, keep: Sequence[str] = ()
) -> dict[str, Any]:
    """``data`` with another backend or runner; the same name again changes nothing.

    Args:
        data: A study file's data.
        key: ``backend`` or ``runner``.
        name: The new name.
        keep: The options that go over to it; all others are dropped.
    """
    old = data.get(key)
    if old == name or (isinstance(old, Mapping) and old.get("name") == name):
        return data
    options: dict[str, Any] = {}
    if isinstance(old, Mapping):
        inner = old.get("options")
        options = {**(inner if isinstance(inner, Mapping) else {}), **old}
    data = {**data, key: {"name": name, **{k: options[k] for k in keep if k in options}}}
    _drop_other(data, key)
    return data


def _is_text(text: str) -> bool:
    """Return whether it is valid Unicode; arguments in another encoding are not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Refused(Exception):
    pass


def _drop_other(data: dict[str, Any], key: str) -> None:
    for pair in EXCLUSIVE:
        if key in pair:
            for other in pair:
                if other != key:
                    data.pop(other, None)


def _with_value(
    holder: Any, names: Sequence[str], value: Any, path: KeyPath
) -> tuple[Any, KeyPath]:
    """A copy of ``holder`` with one value in it changed, and the path to that value.

    Copies, since an alias makes one object stand in several places.
    """
    if not names:
        return value, path
    if isinstance(holder, list):
        key, rest = names[0], names[1:]
        if not key.isdecimal() or int(key) >= len(holder):
            raise _Refused(
                f"{'.'.join((*path, key))}: the list has {len(holder)} items, counted from 0"
            )
        items = list(holder)
        if rest and path in (("observers",), ("backend",)) and isinstance(items[int(key)], str):
            items[int(key)] = {"name": items[int(key)]}
        items[int(key)], full = _with_value(items[int(key)], rest, value, (*path, key))
        return items, full
    if not isinstance(holder, (dict, type(None))):
        raise _Refused(f"{'.'.join(path)} is {shown(holder)}, which has no key {names[0]!r}")
    mapping = dict(holder or {})
    key, rest = _split(mapping, names)
    inner = mapping.get(key)
    if not path and rest:
        inner = _unfolded(mapping, key, inner)
    mapping[key], full = _with_value(inner, rest, value, (*path, key))
    return mapping, full


def _split(mapping: Mapping[str, Any], names: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The first key of the path and the rest: the longest that ``mapping`` has."""
    for count in range(len(names), 1, -1):
        if (key := ".".join(names[:count])) in mapping:
            return key, names[count:]
    return names[0], names[1:]


def _unfolded(data: Mapping[str, Any], key: str, value: Any) -> Any:
    """The mapping that a name stands for, or the default of a key that is absent."""
    if key not in SHORTHANDS or (value is None and "technique" in data and key == "backend"):
        return value
    if value is None and SHORTHANDS[key]:
        value = SHORTHANDS[key]
    return {"name": value} if isinstance(value, str) else value

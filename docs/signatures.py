"""The public names with their signatures, as lines of text and as parts of pages."""

from __future__ import annotations

import enum
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, ForwardRef

MODULES = (
    "hpo_bridge",
    "hpo_bridge.study",
    "hpo_bridge.analysis",
    "hpo_bridge.contracts.optimizer",
    "hpo_bridge.contracts.hooks",
    "hpo_bridge.contracts.runner",
    "hpo_bridge.contracts.objective",
    "hpo_bridge.objectives",
    "hpo_bridge.contracts.format",
    "hpo_bridge.contracts.study_history",
    "hpo_bridge.contracts.view",
    "hpo_bridge.contracts.pickles",
    "hpo_bridge.contracts.gradients",
    "hpo_bridge.contracts.random_state",
    "hpo_bridge.contracts.options",
    "hpo_bridge.testing",
    "hpo_bridge.errors",
)
"""The public modules; a name that several of them have belongs to the first."""


def public() -> dict[str, Any]:
    """Every public name with its module, such as ``hpo_bridge.Study``, to what it names."""
    found: dict[str, Any] = {}
    for module in MODULES:
        for name, value in _names(module):
            known = any(value is other and name == key.rpartition(".")[2]
                        for key, other in found.items())  # fmt: skip
            if not known:
                found[f"{module}.{name}"] = value
    return found


def _names(module: str) -> Iterator[tuple[str, Any]]:
    """The public names of a module: ``__all__``, or all that it defines itself."""
    loaded = importlib.import_module(module)
    listed = getattr(loaded, "__all__", None)
    for name in sorted(listed or vars(loaded)):
        value = getattr(loaded, name)
        owner = getattr(value, "__module__", module)
        private = name.startswith("_") or name in ("annotations", "TYPE_CHECKING")
        if listed or not (private or inspect.ismodule(value) or owner != module):
            yield name, value


def lines(name: str, value: Any) -> list[str]:
    """The signature of what a name stands for, and below it those of its members."""
    if inspect.isclass(value):
        return [_of_class(name, value), *_members(name, value)]
    if inspect.isroutine(value):
        return [f"{name}{_signature(value)}"]
    simple = isinstance(value, (int, float, str)) and not isinstance(value, enum.Enum)
    return [f"{name} = {value!r}" if simple else f"{name}: {type(value).__name__}"]


def everything() -> list[str]:
    """A line for each public signature."""
    return [line for name, value in public().items() for line in lines(name, value)]


def _of_class(name: str, cls: type) -> str:
    if issubclass(cls, enum.Enum):
        return f"{name}: {', '.join(member.name for member in cls)}"
    bases = [base.__name__ for base in cls.__bases__ if base is not object]
    bases = [base for base in bases if not base.startswith("_")]
    below = f" [{', '.join(bases)}]" if bases else ""
    if getattr(cls, "_is_protocol", False) or "__init__" not in _own(cls):
        return f"{name}{below}"
    return f"{name}{_signature(cls.__init__, skip=1, returns=False)}{below}"


def _own(cls: type) -> set[str]:
    """What a class has that comes from us."""
    ours = [c for c in cls.__mro__ if c.__module__.startswith("hpo_bridge")]
    return {name for c in ours for name in vars(c)}


def _members(name: str, cls: type) -> Iterator[str]:
    kept = {field.name for field in fields(cls) if field.init} if is_dataclass(cls) else set()
    tuples = set(getattr(cls, "_fields", ()))
    for member in sorted(_own(cls) - kept - tuples):
        value = inspect.getattr_static(cls, member)
        if member.startswith("_") and member not in ("__call__", "__getitem__"):
            continue
        if isinstance(value, property):
            kind = inspect.signature(value.fget).return_annotation  # type: ignore[arg-type]
            yield f"{name}.{member}: {_annotation(kind)}"
        elif isinstance(value, (classmethod, staticmethod)):
            skip = 1 if isinstance(value, classmethod) else 0
            yield f"{name}.{member}{_signature(value.__func__, skip=skip)}"
        elif inspect.isfunction(value):
            yield f"{name}.{member}{_signature(value, skip=1)}"
    for member, kind in sorted(_annotations(cls).items()):
        if member not in kept and not member.startswith("_"):
            yield f"{name}.{member}: {kind}"


def _annotations(cls: type) -> dict[str, str]:
    if issubclass(cls, enum.Enum):
        return {}
    return {k: _annotation(v) for k, v in inspect.get_annotations(cls).items()}


def _signature(function: Any, skip: int = 0, returns: bool = True) -> str:
    signature = inspect.signature(function)
    parts, starred = [], False
    for parameter in list(signature.parameters.values())[skip:]:
        kind = parameter.kind
        if kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(kind, "")
        text = stars + parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            text += f" = {_default(parameter.default)}"
        parts.append(text)
    end = signature.return_annotation
    after = f" -> {_annotation(end)}" if returns and end is not signature.empty else ""
    return f"({', '.join(parts)}){after}"


def _default(value: Any) -> str:
    return "…" if " at 0x" in repr(value) or repr(value).startswith("<") else repr(value)


def _annotation(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return getattr(annotation, "__name__", None) or str(annotation)


# -- parts of pages -------------------------------------------------------------------------------


def section(name: str, value: Any) -> str:
    """A heading, what the docstring says, and the signatures."""
    text = _markdown(inspect.getdoc(value) or "") if callable(value) else ""
    short = name.rpartition(".")[2]
    code = "\n".join(line.replace(name, short) for line in lines(name, value))
    parts = [f"### {short}", f"```text\n{code}\n```", *([text] if text else [])]
    return "\n\n".join([*parts, *(_methods(value) if inspect.isclass(value) else [])])


def _methods(cls: type) -> Iterator[str]:
    """What the members of a protocol have to do, in the order of its definition."""
    if not getattr(cls, "_is_protocol", False):
        return
    for name, value in vars(cls).items():
        text = inspect.getdoc(value.fget if isinstance(value, property) else value) or ""
        if not name.startswith("_") and text and (inspect.isfunction(value) or value.__doc__):
            yield f"**`{cls.__name__}.{name}`**: {_markdown(text)}"


COMMON = {
    "name": "Its name in a study file, lower case.",
    "factory": '`"module:Class"`, called as said above.',
}
"""Fields that mean something else where the spec is not a backend's."""


def field_table(cls: type) -> str:
    """The fields of a spec: type, default and meaning."""
    meanings = _attributes(cls)
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for field in fields(cls):
        required = field.default is MISSING and field.default_factory is MISSING
        factory = field.default_factory
        default = field.default if factory is MISSING else factory()
        shown = "required" if required else f"`{_plain(default)}`"
        kind = str(field.type).replace("|", r"\|")
        meaning = meanings.get(field.name, "")
        if cls.__name__ != "BackendSpec":
            meaning = COMMON.get(field.name, meaning)
        rows.append(f"| `{field.name}` | `{kind}` | {shown} | {meaning} |")
    return "\n".join(rows)


def _plain(value: Any) -> str:
    return "frozenset()" if value == frozenset() and isinstance(value, frozenset) else repr(value)


def _attributes(cls: type) -> dict[str, str]:
    """Name to meaning, from the docstring's attributes; the common ones from ``BackendSpec``."""
    from hpo_bridge import BackendSpec

    found: dict[str, str] = {}
    for source in dict.fromkeys((BackendSpec, cls)):
        block = re.search(r"^Attributes:\n((?:    .*\n?|\n)+)", inspect.getdoc(source) or "", re.M)
        for part in re.split(r"\n(?=    \w+: )", "\n" + block[1] if block else ""):
            name, _, text = part.strip().partition(": ")
            if name:
                found[name] = _markdown(" ".join(text.split()))
    return found


def members(cls: type[enum.Enum]) -> str:
    """Each member of an enumeration, with the text that stands below it."""
    source = inspect.getsource(cls)
    rows = ["| capability | meaning |", "|---|---|"]
    for name, text in re.findall(r'^    ([A-Z_]+) = .*\n    """((?:.|\n)*?)"""', source, re.M):
        rows.append(f"| `{cls[name].value}` (`{name}`) | {_markdown(' '.join(text.split()))} |")
    return "\n".join(rows)


def _markdown(text: str) -> str:
    """A docstring as Markdown: roles as plain names, sections in bold, examples as code."""
    text = re.sub(r":\w+:`~?([\w.]*?)(\w+)`", r"`\2`", text).replace("``", "`")
    text, _, example = text.partition("\nExample:\n")
    text = re.sub(r"::\n\n((?:    .*\n?|\n)+)", _fenced, text)
    text = re.sub(r"^(\w+):\n((?:    .*\n?|\n)+)", _listed, text, flags=re.M)
    del example  # the tests run it where it stands
    return text.strip()


def _fenced(match: re.Match[str]) -> str:
    return ":\n\n```text\n" + inspect.cleandoc(match[1]) + "\n```\n"


def _listed(match: re.Match[str]) -> str:
    """A section of a docstring (arguments, attributes, errors) as a list."""
    body = inspect.cleandoc(match[2])
    if not re.match(r"\w+: ", body):
        return f"**{match[1]}**: {' '.join(body.split())}\n"
    items = [" ".join(item.split()) for item in re.split(r"\n(?=\w+: )", body)]
    return f"**{match[1]}**\n\n" + "".join(
        f"- `{item.partition(': ')[0]}`: {item.partition(': ')[2]}\n" for item in items
    )

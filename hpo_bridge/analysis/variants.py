"""Variants of a study that are compared: other backends, options, pruners or schedules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..config.study_config import StudyConfig
from ..contracts.argument_checks import Choice, text
from ..engine.schedule import schedule_text
from ..errors import HpoBridgeError, InvalidOptions, nearest, short

SETTINGS = ("backend", "pruner", "duplicates", "warm_start")
"""The settings of a study in which variants may differ."""


@dataclass(frozen=True)
class Variant:
    """One of the ways to tune that are compared.

    Attributes:
        label: Its name, unlike that of every other variant.
        config: The settings of its runs, but for their names, seeds and store.
    """

    label: str
    config: StudyConfig

    @property
    def lines(self) -> dict[str, Any]:
        """The settings in which it may differ, as plain data: keys of a study file."""
        stages = []
        for stage in self.config.schedule:
            keys = {"name": stage.name, "options": dict(stage.options), "trials": stage.trials}
            if stage.handover != "tell":
                keys["handover"] = stage.handover
            stages.append({key: value for key, value in keys.items() if value})
        plain = [stage["name"] if set(stage) == {"name"} else stage for stage in stages]
        found: dict[str, Any] = {"backend": plain[0] if len(plain) == 1 else plain}
        if self.config.pruner is not None:
            found["pruner"] = self.config.pruner
        if self.config.duplicates != "evaluate":
            found["duplicates"] = self.config.duplicates
        as_stored: dict[str, Any] = json.loads(json.dumps(found, default=repr))
        return as_stored

    @property
    def backend_text(self) -> str:
        """Its backend, or schedule, in words."""
        return schedule_text(self.config.schedule)


def variants_of(config: StudyConfig, given: Any) -> tuple[Variant, ...]:
    """Return the variants that a user names.

    Args:
        config: The settings of the study that they are variants of.
        given: A list of backends (names, or mappings with ``name`` and ``options``), or a
            mapping of labels to backends or to settings (:data:`SETTINGS`).

    Raises:
        HpoBridgeError: If they are fewer than two, or one of them cannot be read.

    Example:
        >>> from hpo_bridge import Float
        >>> config = StudyConfig({"x": Float(0, 1)})
        >>> tpe = {"name": "optuna.tpe", "options": {"multivariate": True}}
        >>> [each.label for each in variants_of(config, ["core.random", tpe])]
        ['core.random', 'optuna.tpe?multivariate=true']
    """
    pairs = list(_labelled(given))
    variants = [_variant(config, label, settings) for label, settings in pairs]
    return checked_variants(variants)


def checked_variants(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return variants that can be compared.

    Raises:
        HpoBridgeError: If they are fewer than two, if two have one label, or a study of theirs
            has several objectives.
    """
    labels = [variant.label for variant in variants]
    if len(labels) < 2:
        found = ", ".join(labels) or "none"
        raise HpoBridgeError(f"found {found}, expected two or more to compare", "backends")
    for label in labels:
        if labels.count(label) > 1:
            raise HpoBridgeError(f"found {label} twice", "backends")
    for variant in variants:
        if len(variant.config.objectives) > 1:
            names = ", ".join(variant.config.objectives.names)
            problem = f"found several objectives ({names}); a comparison takes one"
            raise HpoBridgeError(problem, "directions")
    return tuple(variants)


def _labelled(given: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(given, Mapping):
        for label, value in given.items():
            yield text("backends", label, "a label"), value
        return
    if isinstance(given, str) or not isinstance(given, Sequence):
        expected = "a list of backends, or a mapping of labels to them"
        raise HpoBridgeError(f"found {short(given)}, expected {expected}", "backends")
    for value in given:
        yield label_of(value), value


def _variant(config: StudyConfig, label: str, given: Any) -> Variant:
    settings = {"backend": given}
    if isinstance(given, Mapping) and "name" not in given:
        for key in given:
            if key not in SETTINGS:
                problem = f"unknown key{nearest(str(key), SETTINGS)}; accepted: "
                raise InvalidOptions(problem + ", ".join(SETTINGS), "backends", label, str(key))
        settings = dict(given)
    try:
        return Variant(label, replace(config, **settings))
    except HpoBridgeError as error:
        raise error.under("backends", label) from None


def label_of(backend: Choice) -> str:
    """Return the label of a backend that has no other.

    >>> label_of({"name": "optuna.tpe", "options": {"multivariate": True, "seed": 1}})
    'optuna.tpe?multivariate=true&seed=1'
    """
    if isinstance(backend, str):
        return backend
    if not isinstance(backend, Mapping):
        return short(backend)
    inner = backend.get("options") or {}
    beside = {key: value for key, value in backend.items() if key not in ("name", "options")}
    options = {**inner, **beside} if isinstance(inner, Mapping) else beside
    parts = "&".join(f"{key}={_value_text(value)}" for key, value in options.items())
    return f"{backend.get('name')}?{parts}" if parts else str(backend.get("name"))


def _value_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

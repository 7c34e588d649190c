"""The keys of a study file's sections: their types and bounds, and what they mean.

Nothing is converted: ``"3"`` is no number, ``true`` is no 1. Each field says what it accepts
(``expected``), which is all that an error quotes; so no message speaks of Python or pydantic.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..contracts.durations import ACCEPTED, parse_duration

MOST_TRIALS = 1_000_000_000


def check_objective(value: Any) -> Any:
    """Return a text or a mapping as it is."""
    if not isinstance(value, (str, dict)):
        raise ValueError
    return value


def _check_nested(value: Any) -> Any:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 2
    if not number and (not isinstance(value, dict) or not value):
        raise ValueError
    return value


def _as_mapping(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def as_schedule(value: Any) -> Any:
    """Return one backend as a list of one, so that a schedule is nothing special."""
    return (
        [_as_mapping(each) for each in value] if isinstance(value, list) else [_as_mapping(value)]
    )


def check_filled(value: Any) -> Any:
    """Return what is not empty as it is."""
    if not value:
        raise ValueError
    return value


def key(default: Any, meaning: str, expected: str, item: str = "", **bounds: Any) -> Any:
    """A field with what it accepts; ``item`` is what each of its items has to be."""
    extra: dict[str, Any] = {"expected": expected, "item": item}
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)


class Section(BaseModel):
    """A mapping of known keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Chosen(BaseModel):
    """A backend, runner, pruner or observer by name, with its options.

    Options stand in ``options`` or next to ``name``; the implementation knows which it takes.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    name: Annotated[str, AfterValidator(check_filled)] = key(..., "The name.", "a name")
    options: dict[str, Any] | None = key(
        None, "Its options; they may also be next to `name`.", "a mapping"
    )


class ChosenBackend(Chosen):
    """A backend by name, with its options."""

    trials: int | None = key(
        None,
        "Number of trials that this backend proposes before the next one [takes "
        "over](history.md#hand-over). Required for all but the last, unless they end by "
        "themselves.",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    handover: Literal["tell", "ignore"] | None = key(
        None,
        "`tell` the backend the trials of others, or `ignore` them.",
        "tell or ignore",
    )


class BudgetModel(Section):
    """When a study ends; whichever comes first."""

    trials: int | None = key(
        None,
        "Total number of trials, including those of earlier runs.",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    time: Annotated[float, BeforeValidator(parse_duration)] | None = key(
        None,
        "Total running time, including earlier runs: `90s`, `20m`, `1h30m`, `2d` or seconds.",
        ACCEPTED,
    )


class StopModel(Section):
    """When a run ends before its budget is spent."""

    failures: int | None = key(
        None,
        "Stop after this number of failed trials in a row, for any reasons; earlier runs do not "
        "count.",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    first_failures: int = key(
        10,
        "Stop if this number of trials at the start of a run all fail for the same reason; 0 for "
        "never.",
        f"a whole number from 0 to {MOST_TRIALS}",
        ge=0,
        le=MOST_TRIALS,
    )


class SelectionModel(Section):
    """The choice of the study's configuration in the end, and how honestly it is scored."""

    rule: Literal["best", "one_standard_error"] | None = key(
        None,
        "Choose the `best` configuration, or the simplest within `one_standard_error` of it.",
        "best or one_standard_error",
    )
    simplest: Annotated[list[str], AfterValidator(check_filled)] | None = key(
        None,
        "Expressions that define simplicity for `one_standard_error`, compared in turn; smaller "
        "is simpler. An expression with an inactive parameter is simplest.",
        "a list of expressions such as [max_depth, -min_samples_leaf]",
        'an expression in quotes, such as "-min_samples_leaf"',
    )
    errors: float | None = key(
        None,
        "Number of standard errors by which a trial may be worse than the best.",
        "a number from 0 on",
        ge=0,
        allow_inf_nan=False,
    )
    paired: bool | None = key(
        None,
        "Use the standard error of the difference to the best on the same folds.",
        "true or false",
    )
    test: Annotated[str | dict[str, Any], BeforeValidator(check_objective)] | None = key(
        None,
        "The function or command, as in `objective`, with which `hpo-bridge test` scores the "
        "chosen configuration, or `{data: FILE.py:FUNCTION}` for `cross_validated`.",
        "'FILE.py:FUNCTION', {command: '…'}, or {data: 'FILE.py:FUNCTION'}",
    )
    nested: Annotated[int | dict[str, Any], BeforeValidator(_check_nested)] | None = key(
        None,
        "Nested cross-validation, for `cross_validated`: the number of outer splits, or `{cv: …, "
        "seed: …}`.",
        "a whole number from 2 on, or a mapping such as {cv: 5}",
    )


class WarmStart(Section):
    """An earlier study, whose trials the backend is told of."""

    study: Annotated[str, AfterValidator(check_filled)] = key(
        ..., "The earlier study's name.", "a name"
    )
    store: str | None = key(
        None,
        "The URL of its store, by default this study's; SQLite paths are relative to this file.",
        "a URL such as sqlite:///study.db or postgresql://host/database",
    )
    map: dict[str, Any] | None = key(
        None,
        "The source of each parameter: a parameter of the earlier study, an expression, `{value: "
        "…}`, or `{from: …, value: …}` with a value for trials that lack it.",
        "a mapping such as {lr: learning_rate}",
    )
    values: dict[str, str] | None = key(
        None,
        "The name of each objective in the earlier study; `-NAME` takes the negative.",
        "a mapping such as {value: val_loss}",
        "an objective's name there, or -NAME",
    )
    ignore: list[str] | None = key(
        None,
        "Parameters of the earlier study to ignore.",
        "a list of names",
        "a name",
    )

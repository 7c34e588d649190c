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

    name: Annotated[str, AfterValidator(check_filled)] = key(..., "What to use.", "a name")
    options: dict[str, Any] | None = key(
        None, "Options of what is named; they may also stand next to `name`.", "a mapping"
    )


class ChosenBackend(Chosen):
    """A backend by name, with its options."""

    trials: int | None = key(
        None,
        "How many trials it proposes; then the next of the list takes over. All but the last "
        "need it, or end by themselves. [Hand over](history.md#hand-over).",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    handover: Literal["tell", "ignore"] | None = key(
        None,
        "Whether it is told of the trials that it did not propose (`tell`), or of none but its "
        "own (`ignore`).",
        "tell or ignore",
    )


class BudgetModel(Section):
    """When a study ends; whichever comes first."""

    trials: int | None = key(
        None,
        "How many trials the study has in all, those of earlier runs included.",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    time: Annotated[float, BeforeValidator(parse_duration)] | None = key(
        None,
        "How long the study is worked on in all, earlier runs included: `90s`, `20m`, "
        "`1h30m`, `2d` or seconds.",
        ACCEPTED,
    )


class StopModel(Section):
    """When a run ends before its budget is spent."""

    failures: int | None = key(
        None,
        "Stop after so many failed trials in a row, whatever their reasons; those of earlier runs "
        "do not count.",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    first_failures: int = key(
        10,
        "Stop where the first so many trials of a run have all failed for one and the same "
        "reason; 0 for never.",
        f"a whole number from 0 to {MOST_TRIALS}",
        ge=0,
        le=MOST_TRIALS,
    )


class SelectionModel(Section):
    """The choice of the study's configuration in the end, and how honestly it is scored."""

    rule: Literal["best", "one_standard_error"] | None = key(
        None,
        "How the configuration is chosen: the `best`, or the simplest within `one_standard_error` "
        "of the best.",
        "best or one_standard_error",
    )
    simplest: Annotated[list[str], AfterValidator(check_filled)] | None = key(
        None,
        "What is simple, for `one_standard_error`: expressions as in `constraints`, compared in "
        "turn; smaller is simpler. One that meets a parameter which is not active is simplest.",
        "a list of expressions such as [max_depth, -min_samples_leaf]",
        'an expression in quotes, such as "-min_samples_leaf"',
    )
    errors: float | None = key(
        None,
        "How many standard errors a trial may be worse than the best.",
        "a number from 0 on",
        ge=0,
        allow_inf_nan=False,
    )
    paired: bool | None = key(
        None,
        "Whether the standard error is that of the difference to the best on the same folds.",
        "true or false",
    )
    test: Annotated[str | dict[str, Any], BeforeValidator(check_objective)] | None = key(
        None,
        "What `hpo-bridge test` scores the chosen configuration with: a function or a command as "
        "in `objective`, or `{data: FILE.py:FUNCTION}` for `cross_validated`.",
        "'FILE.py:FUNCTION', {command: '…'}, or {data: 'FILE.py:FUNCTION'}",
    )
    nested: Annotated[int | dict[str, Any], BeforeValidator(_check_nested)] | None = key(
        None,
        "An outer loop that reports the score of the whole procedure, for `cross_validated`: the "
        "number of its splits, or `{cv: …, seed: …}`.",
        "a whole number from 2 on, or a mapping such as {cv: 5}",
    )


class WarmStart(Section):
    """An earlier study, whose trials the backend is told of."""

    study: Annotated[str, AfterValidator(check_filled)] = key(
        ..., "The earlier study's name.", "a name"
    )
    store: str | None = key(
        None,
        "Where it is: a URL; a relative SQLite path is relative to this file. Without it, this "
        "study's own store.",
        "a URL such as sqlite:///study.db or postgresql://host/database",
    )
    map: dict[str, Any] | None = key(
        None,
        "Parameter to where its value comes from: a parameter there, an expression over them, "
        "`{value: …}`, or `{from: …, value: …}` with what it is where that is missing.",
        "a mapping such as {lr: learning_rate}",
    )
    values: dict[str, str] | None = key(
        None,
        "Objective to its name there; `-NAME` takes the negative.",
        "a mapping such as {value: val_loss}",
        "an objective's name there, or -NAME",
    )
    ignore: list[str] | None = key(
        None,
        "Parameters there that may be left out, whatever they were.",
        "a list of names",
        "a name",
    )

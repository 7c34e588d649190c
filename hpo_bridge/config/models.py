"""The shape of a study file: its keys, their types and bounds, and what they mean.

Nothing is converted: ``"3"`` is no number, ``true`` is no 1. Each field says what it accepts
(``expected``), which is all that an error quotes; so no message speaks of Python or pydantic.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..contracts.durations import ACCEPTED, parse_duration

MOST_TRIALS = 1_000_000_000
LARGEST_SEED = 2**31 - 1
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def study_name(value: Any) -> str:
    """``value`` if it can name a study, and the file of its default store.

    Raises:
        ValueError: If it cannot.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError
    return value


def _objective(value: Any) -> Any:
    if not isinstance(value, (str, dict)):
        raise ValueError
    return value


def _nested(value: Any) -> Any:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 2
    if not number and (not isinstance(value, dict) or not value):
        raise ValueError
    return value


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _scheduled(value: Any) -> Any:
    """One backend as a list of one, so that a schedule is nothing special."""
    return [_named(each) for each in value] if isinstance(value, list) else [_named(value)]


def _some(value: Any) -> Any:
    if not value:
        raise ValueError
    return value


def _field(default: Any, meaning: str, expected: str, item: str = "", **bounds: Any) -> Any:
    """A field with what it accepts; ``item`` is what each of its items has to be."""
    extra: dict[str, Any] = {"expected": expected, "item": item}
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Chosen(BaseModel):
    """A backend, runner, pruner or observer by name, with its options.

    Options stand in ``options`` or next to ``name``; the implementation knows which it takes.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    name: Annotated[str, AfterValidator(_some)] = _field(..., "What to use.", "a name")
    options: dict[str, Any] | None = _field(
        None, "Options of what is named; they may also stand next to `name`.", "a mapping"
    )


class ChosenBackend(Chosen):
    """A backend by name, with its options."""

    trials: int | None = _field(
        None,
        "How many trials it proposes; then the next of the list takes over. All but the last "
        "need it, or end by themselves. [Hand over](history.md#hand-over).",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    handover: Literal["tell", "ignore"] | None = _field(
        None,
        "Whether it is told of the trials that it did not propose (`tell`), or of none but its "
        "own (`ignore`).",
        "tell or ignore",
    )


class BudgetModel(_Strict):
    """When a study ends; whichever comes first."""

    trials: int | None = _field(
        None,
        "How many trials the study has in all, those of earlier runs included.",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    time: Annotated[float, BeforeValidator(parse_duration)] | None = _field(
        None,
        "How long the study is worked on in all, earlier runs included: `90s`, `20m`, "
        "`1h30m`, `2d` or seconds.",
        ACCEPTED,
    )


class StopModel(_Strict):
    """When a run ends before its budget is spent."""

    failures: int | None = _field(
        None,
        "Stop after so many failed trials in a row, whatever their reasons; those of earlier runs "
        "do not count.",
        f"a whole number from 1 to {MOST_TRIALS}",
        ge=1,
        le=MOST_TRIALS,
    )
    first_failures: int = _field(
        10,
        "Stop where the first so many trials of a run have all failed for one and the same "
        "reason; 0 for never.",
        f"a whole number from 0 to {MOST_TRIALS}",
        ge=0,
        le=MOST_TRIALS,
    )


class SelectionModel(_Strict):
    """The choice of the study's configuration in the end, and how honestly it is scored."""

    rule: Literal["best", "one_standard_error"] | None = _field(
        None,
        "How the configuration is chosen: the `best`, or the simplest within `one_standard_error` "
        "of the best.",
        "best or one_standard_error",
    )
    simplest: Annotated[list[str], AfterValidator(_some)] | None = _field(
        None,
        "What is simple, for `one_standard_error`: expressions as in `constraints`, compared in "
        "turn; smaller is simpler. One that meets a parameter which is not active is simplest.",
        "a list of expressions such as [max_depth, -min_samples_leaf]",
        'an expression in quotes, such as "-min_samples_leaf"',
    )
    errors: float | None = _field(
        None,
        "How many standard errors a trial may be worse than the best.",
        "a number from 0 on",
        ge=0,
        allow_inf_nan=False,
    )
    paired: bool | None = _field(
        None,
        "Whether the standard error is that of the difference to the best on the same folds.",
        "true or false",
    )
    test: Annotated[str | dict[str, Any], BeforeValidator(_objective)] | None = _field(
        None,
        "What `hpo-bridge test` scores the chosen configuration with: a function or a command as "
        "in `objective`, or `{data: FILE.py:FUNCTION}` for `cross_validated`.",
        "'FILE.py:FUNCTION', {command: '…'}, or {data: 'FILE.py:FUNCTION'}",
    )
    nested: Annotated[int | dict[str, Any], BeforeValidator(_nested)] | None = _field(
        None,
        "An outer loop that reports the score of the whole procedure, for `cross_validated`: the "
        "number of its splits, or `{cv: …, seed: …}`.",
        "a whole number from 2 on, or a mapping such as {cv: 5}",
    )


class WarmStart(_Strict):
    """An earlier study, whose trials the backend is told of."""

    study: Annotated[str, AfterValidator(_some)] = _field(
        ..., "The earlier study's name.", "a name"
    )
    store: str | None = _field(
        None,
        "Where it is: a URL; a relative SQLite path is relative to this file. Without it, this "
        "study's own store.",
        "a URL such as sqlite:///study.db or postgresql://host/database",
    )
    map: dict[str, Any] | None = _field(
        None,
        "Parameter to where its value comes from: a parameter there, an expression over them, "
        "`{value: …}`, or `{from: …, value: …}` with what it is where that is missing.",
        "a mapping such as {lr: learning_rate}",
    )
    values: dict[str, str] | None = _field(
        None,
        "Objective to its name there; `-NAME` takes the negative.",
        "a mapping such as {value: val_loss}",
        "an objective's name there, or -NAME",
    )
    ignore: list[str] | None = _field(
        None,
        "Parameters there that may be left out, whatever they were.",
        "a list of names",
        "a name",
    )


class StudyModel(_Strict):
    """The keys of a study file."""

    study: Annotated[str, BeforeValidator(study_name)] | None = _field(
        None,
        "The study's name in the store; without it the file's name without its suffix.",
        "a name of up to 100 letters, digits, '.', '_' and '-', no '.' or '-' at its start",
    )
    objective: Annotated[str | dict[str, Any], BeforeValidator(_objective)] = _field(
        ...,
        "What is evaluated: `FILE.py:FUNCTION` relative to this file, "
        "`package.module:FUNCTION`, `{command: program --option {parameter}}`, or a "
        "[kind of a plugin](#objectives) with its options: `{cross_validated: {…}}`.",
        "'FILE.py:FUNCTION', 'package.module:FUNCTION', {command: '…'} or {kind: {…}}",
    )
    direction: Literal["minimize", "maximize"] | None = _field(
        None,
        "Whether smaller or larger values of the single objective are better.",
        "minimize or maximize",
    )
    directions: (
        Annotated[dict[str, Literal["minimize", "maximize"]], AfterValidator(_some)] | None
    ) = _field(
        None,
        "Instead of `direction`: objective name to `minimize` or `maximize`.",
        "a mapping such as {val_loss: minimize, latency: minimize}",
        "minimize or maximize",
    )
    space: dict[str, Any] = _field(
        ...,
        "Parameter name to its declaration; a plain value is a constant.",
        "a mapping of parameters such as lr: {type: float, low: 0.001, high: 0.1}",
    )
    constraints: list[str] | None = _field(
        None,
        "Expressions over parameters and constants that must be true.",
        "a list of expressions",
        'an expression in quotes, such as "a * b <= 10"',
    )
    backend: (
        Annotated[list[ChosenBackend], BeforeValidator(_scheduled), AfterValidator(_some)] | None
    ) = _field(
        None,
        "Which optimizer proposes the trials: a name, or `{name, options}`; or a list "
        "of them, a [schedule](history.md#hand-over).",
        "a name such as core.random, {name: …, options: {…}}, or a list of such",
        "a name such as core.random, or {name: …, options: {…}}",
    )
    technique: str | None = _field(
        None,
        "Instead of `backend`: the kind of algorithm; the best backend installed is taken.",
        "a technique such as random or bayesian",
    )
    seed: int | None = _field(
        None,
        "The source of all randomness; without it each study draws its own.",
        f"a whole number from 0 to {LARGEST_SEED}",
        ge=0,
        le=LARGEST_SEED,
    )
    budget: BudgetModel | None = _field(
        None,
        "When the study ends; only a backend that ends by itself, a grid, can do without.",
        "a mapping such as {trials: 60, time: 20m}",
    )
    stop: StopModel | None = _field(
        None,
        "What ends a run [before its budget is spent](guarantees.md#failed-trials); failed trials "
        "do, if all of the first ten fail for one reason.",
        "a mapping such as {failures: 5}",
    )
    runner: Annotated[Chosen, BeforeValidator(_named)] | None = _field(
        None,
        "What evaluates the trials: a name, or `{name, …options}`.",
        "a name such as inline, or {name: …, option: …}",
    )
    pruner: Annotated[Chosen, BeforeValidator(_named)] | None = _field(
        None,
        "What stops trials early, by their reports: a name, or `{name, options}`.",
        "a name, or {name: …, options: {…}}",
    )
    selection: SelectionModel | None = _field(
        None,
        "Which configuration is [chosen](cross-validation.md#honest-selection), and how it is "
        "tested.",
        "a mapping such as {rule: one_standard_error, simplest: [max_depth]}",
    )
    duplicates: Literal["evaluate", "reuse", "resample"] | None = _field(
        None,
        "What happens where parameters are proposed that are there already: they are run again "
        "(`evaluate`), get the earlier value (`reuse`, for objectives that always give the same "
        "one), or are asked for anew (`resample`). [Duplicates](history.md#duplicates).",
        "evaluate, reuse or resample",
    )
    observers: list[Annotated[Chosen, BeforeValidator(_named)]] | None = _field(
        None,
        "What [watches](observers.md) the study, such as a tracker: a list of names, or of "
        "`{name, options}`.",
        "a list such as [mlflow], or [{name: mlflow, options: {…}}]",
        "a name, or {name: …, options: {…}}",
    )
    store: str | None = _field(
        None,
        "Where the study is kept: a URL; a relative SQLite path is relative to this file.",
        "a URL such as sqlite:///study.db or postgresql://host/database",
    )
    checkpoints: Annotated[str, AfterValidator(_some)] | None = _field(
        None,
        "Where trials keep [checkpoints](python.md#checkpoints): a folder, relative to this "
        "file, that every driver of the study sees.",
        "a folder such as checkpoints, relative to the study file",
    )
    warm_start: list[WarmStart] | None = _field(
        None,
        "[Earlier studies](history.md#warm-start), whose trials the backend is told of as points "
        "that it did not propose.",
        "a list such as [{store: sqlite:///old.db, study: name}]",
        "a mapping such as {store: sqlite:///old.db, study: name}",
    )
    defaults: dict[str, Any] | None = _field(
        None,
        "Where [the space has changed](history.md#change-the-space): what a parameter that is new "
        "was in the trials before.",
        "a mapping such as {dropout: 0.0}",
    )
    plugins: list[str] | None = _field(
        None,
        "Unpackaged plugins to load: files relative to this file, or modules.",
        "a list of files and modules",
        "a file such as ./my_adapter.py, or a module",
    )
    requires: list[str] | None = _field(
        None,
        "Distributions that must be installed, as requirement strings.",
        "a list of requirements",
        'a requirement such as "hpo-acme>=0.3"',
    )


SECTIONS: dict[str, type[BaseModel]] = {
    "backend": ChosenBackend,
    "budget": BudgetModel,
    "stop": StopModel,
    "runner": Chosen,
    "pruner": Chosen,
    "selection": SelectionModel,
}
"""Keys of a study file that hold a mapping with keys of its own."""

SECTION_LISTS: dict[str, type[BaseModel]] = {"observers": Chosen, "warm_start": WarmStart}
"""Keys of a study file that hold a list of such mappings."""

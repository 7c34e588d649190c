"""The keys of a study file: their types and bounds, and what they mean."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator

from .section_models import (
    BudgetModel,
    Chosen,
    ChosenBackend,
    Section,
    SelectionModel,
    StopModel,
    WarmStart,
    _as_mapping,
    as_schedule,
    check_filled,
    check_objective,
    key,
)

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


class StudyModel(Section):
    """The keys of a study file."""

    study: Annotated[str, BeforeValidator(study_name)] | None = key(
        None,
        "The study's name in the store, by default the file's name without its suffix.",
        "a name of up to 100 letters, digits, '.', '_' and '-', no '.' or '-' at its start",
    )
    objective: Annotated[str | dict[str, Any], BeforeValidator(check_objective)] = key(
        ...,
        "The [objective](#objectives): `FILE.py:FUNCTION` relative to this file, "
        "`package.module:FUNCTION`, `{command: program --option {parameter}}`, or a kind with "
        "its options: `{cross_validated: {…}}`.",
        "'FILE.py:FUNCTION', 'package.module:FUNCTION', {command: '…'} or {kind: {…}}",
    )
    direction: Literal["minimize", "maximize"] | None = key(
        None,
        "Direction of a single objective.",
        "minimize or maximize",
    )
    directions: (
        Annotated[dict[str, Literal["minimize", "maximize"]], AfterValidator(check_filled)] | None
    ) = key(
        None,
        "Instead of `direction`, the direction of each objective by name.",
        "a mapping such as {val_loss: minimize, latency: minimize}",
        "minimize or maximize",
    )
    space: dict[str, Any] = key(
        ...,
        "The declaration of each parameter by name; a plain value is a constant.",
        "a mapping of parameters such as lr: {type: float, low: 0.001, high: 0.1}",
    )
    constraints: list[str] | None = key(
        None,
        "Expressions over parameters and constants that must be true.",
        "a list of expressions",
        'an expression in quotes, such as "a * b <= 10"',
    )
    backend: (
        Annotated[list[ChosenBackend], BeforeValidator(as_schedule), AfterValidator(check_filled)]
        | None
    ) = key(
        None,
        "The optimizer: a name or `{name, options}`; or a list of these, a "
        "[schedule](history.md#hand-over).",
        "a name such as core.random, {name: …, options: {…}}, or a list of such",
        "a name such as core.random, or {name: …, options: {…}}",
    )
    technique: str | None = key(
        None,
        "Instead of `backend`, the kind of algorithm; selects the best installed backend.",
        "a technique such as random or bayesian",
    )
    seed: int | None = key(
        None,
        "The seed of all random numbers.",
        f"a whole number from 0 to {LARGEST_SEED}",
        ge=0,
        le=LARGEST_SEED,
    )
    budget: BudgetModel | None = key(
        None,
        "The end of the study; optional for backends that end by themselves, such as grids.",
        "a mapping such as {trials: 60, time: 20m}",
    )
    stop: StopModel | None = key(
        None,
        "Conditions for stopping a run [because of failed trials](guarantees.md#failed-trials).",
        "a mapping such as {failures: 5}",
    )
    runner: Annotated[Chosen, BeforeValidator(_as_mapping)] | None = key(
        None,
        "The runner that evaluates trials: a name or `{name, …options}`.",
        "a name such as inline, or {name: …, option: …}",
    )
    pruner: Annotated[Chosen, BeforeValidator(_as_mapping)] | None = key(
        None,
        "The pruner that stops trials early: a name or `{name, options}`.",
        "a name, or {name: …, options: {…}}",
    )
    selection: SelectionModel | None = key(
        None,
        "[Choice and test](cross-validation.md#honest-selection) of the final configuration.",
        "a mapping such as {rule: one_standard_error, simplest: [max_depth]}",
    )
    duplicates: Literal["evaluate", "reuse", "resample"] | None = key(
        None,
        "Treatment of repeated parameters: `evaluate` them again, `reuse` the earlier value (for "
        "deterministic objectives), or `resample`. [Duplicates](history.md#duplicates).",
        "evaluate, reuse or resample",
    )
    observers: list[Annotated[Chosen, BeforeValidator(_as_mapping)]] | None = key(
        None,
        "[Observers](observers.md) of the study, such as trackers: a list of names or of `{name, "
        "options}`.",
        "a list such as [mlflow], or [{name: mlflow, options: {…}}]",
        "a name, or {name: …, options: {…}}",
    )
    store: str | None = key(
        None,
        "The URL of the store; SQLite paths are relative to this file.",
        "a URL such as sqlite:///study.db or postgresql://host/database",
    )
    checkpoints: Annotated[str, AfterValidator(check_filled)] | None = key(
        None,
        "The folder for [checkpoints](python.md#checkpoints), relative to this file; every "
        "driver of the study needs access to it.",
        "a folder such as checkpoints, relative to the study file",
    )
    warm_start: list[WarmStart] | None = key(
        None,
        "[Earlier studies](history.md#warm-start) whose trials the backend learns from.",
        "a list such as [{store: sqlite:///old.db, study: name}]",
        "a mapping such as {store: sqlite:///old.db, study: name}",
    )
    defaults: dict[str, Any] | None = key(
        None,
        "Values of new parameters in earlier trials, for a [changed "
        "space](history.md#change-the-space).",
        "a mapping such as {dropout: 0.0}",
    )
    plugins: list[str] | None = key(
        None,
        "Unpackaged plugins to load: files relative to this file, or modules.",
        "a list of files and modules",
        "a file such as ./my_adapter.py, or a module",
    )
    requires: list[str] | None = key(
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

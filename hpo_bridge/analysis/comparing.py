"""Comparisons: runs of variants with the same seeds, and races among them.

Example:
    >>> import hpo_bridge as hpo
    >>> study = hpo.Study(hpo.Space(x=hpo.Float(-1, 1), y=hpo.Float(-1, 1)), seed=0)
    >>> found = compare(
    ...     study, lambda trial: trial["x"] ** 2 + trial["y"] ** 2,
    ...     ["core.random", "optuna.tpe"], seeds=6, trials=30,
    ... )
    >>> found.winners, len(study.trials)
    (['optuna.tpe'], 0)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..config.study_config import plugins_from
from ..contracts.argument_checks import Choice, integer, naming, runner_choice, truth, wrong
from ..contracts.checkpoint_folder import CheckpointFolder
from ..contracts.objective import Objective
from ..contracts.record import Outcome, TrialState
from ..contracts.specs import Capability
from ..contracts.trial import Trial
from ..engine.derivatives_given import differentiation
from ..engine.duplicates import configuration_key
from ..errors import HpoBridgeError
from ..objectives.objective import objective_for
from ..plugins import PluginManager
from ..study import Study
from ..study.arguments import checked_budget
from ..study.driving import check_settings
from .compared_run import ComparedRun, RunBudget
from .comparison import ComparedVariant, Comparison
from .paired_tests import require_scipy
from .shared_runs import SharedRuns
from .standings import Standings, Told
from .variants import Variant, variants_of


def compare(
    study: Study, objective: Callable[[Trial], Any] | str | Objective, backends: Any, *,
    seeds: int = 10, trials: int | None = None, seconds: float | None = None, race: bool = False,
    runner: Choice = "inline", told: Told = lambda text: None, **options: Any,
) -> Comparison:  # fmt: skip
    """Compare backends, or other settings, on one problem: each runs with the same seeds.

    Every run is a study of its own in the study's store (``NAME.compare-LABEL.1``, …), with the
    whole budget and one trial at a time; the workers of the runner are shared by the runs. A
    comparison that was killed goes on where it was. The study itself is not run.

    Args:
        study: The study; variants differ from it in the settings that ``backends`` names.
        objective: What is evaluated, as in :meth:`hpo_bridge.Study.optimize`.
        backends: A list of backends, or a mapping of labels to backends or to settings
            (``backend``, ``pruner``, ``duplicates``, ``warm_start``).
        seeds: The number of runs of each.
        trials: The number of trials of each run.
        seconds: Instead, the seconds of each run: those of the optimizer and of its trials.
        race: Whether variants that are clearly behind are dropped before they have all seeds, and
            the comparison ends once one is clearly ahead of all others.
        runner: Who evaluates the trials.
        told: Called with what happens, in words.
        options: The runner's options.

    Raises:
        HpoBridgeError: If an argument is wrong; nothing has been run.
        StoreError: If a study of a run's name is there, and is another one.
    """
    require_scipy()
    variants = variants_of(study.config, backends)
    budget = run_budget(trials, seconds)
    if integer("seeds", seeds) < 2:
        raise wrong("seeds", seeds, "an integer of at least 2")
    check_variants(variants)
    comparing = Comparing(study, variants, budget, seeds, race=truth("race", race), told=told)
    source = objective_for(objective, study.space, study.config.objectives.directions)
    source.check()
    comparing.run(source, *runner_choice(runner, options))
    return comparing.answer()


def run_budget(trials: Any, seconds: Any) -> RunBudget:
    """Return the budget of each run.

    Raises:
        HpoBridgeError: If there is none, or two.
    """
    trials, seconds = checked_budget(trials, seconds)
    if (trials is None) == (seconds is None):
        found = "neither trials nor seconds" if trials is None else "both trials and seconds"
        raise HpoBridgeError(f"found {found}, expected one of the two: the budget of each run")
    for name, value in (("trials", trials), ("seconds", seconds)):
        if value is not None and not value:
            raise wrong(name, value, "more than 0")
    return RunBudget(trials, seconds)


def check_variants(variants: Sequence[Variant]) -> None:
    """Check that every run could be opened; creates nothing.

    Raises:
        HpoBridgeError: If one could not; its path begins with ``backends`` and the label.
    """
    for variant in variants:
        with _under(variant.label):
            check_settings(variant.config)
            pruner: Any = variant.config.pruner
            if pruner is None:
                continue
            plugins = plugins_from(variant.config.plugins)
            if own := getattr(plugins.find("pruner", pruner["name"]).spec, "runner", ""):
                problem = (
                    f"pruner {pruner['name']!r} needs a whole run of runner {own!r} to itself"
                )
                raise HpoBridgeError(problem, "pruner")


@contextmanager
def _under(label: str) -> Iterator[None]:
    """Put the label of a variant before the path of an error about its settings."""
    try:
        yield
    except HpoBridgeError as error:
        raise error.under("backends", label) from error.__cause__


class Comparing:
    """A comparison under way.

    Args:
        study: The study whose variants are compared.
        variants: The variants.
        budget: The budget of each run.
        seeds: The number of runs of each variant.
        race: Whether variants are dropped.
        told: Called with what happens.
    """

    def __init__(
        self, study: Study, variants: Sequence[Variant], budget: RunBudget, seeds: int, *,
        race: bool, told: Told,
    ) -> None:  # fmt: skip
        self._study, self._variants, self._budget = study, variants, budget
        self._seeds = seeds
        labels = [variant.label for variant in variants]
        self._standings = Standings(labels, seeds, budget, race=race, told=told)

    def run(self, objective: Objective, runner: str, options: Mapping[str, Any]) -> None:
        """Run what is missing."""
        plugins = plugins_from(self._study.config.plugins)
        with naming("runner"):
            built = plugins.build("runner", runner, options)
        retries = getattr(built, "retries", 0)
        wanted = any(self._wants_gradients(plugins, each) for each in self._variants)
        with tempfile.TemporaryDirectory(prefix="hpo-bridge-") as folder:
            checkpoints = CheckpointFolder(Path(folder, "checkpoints"), private=True)
            work = SharedRuns(
                self._runs(), objective, self._study.space, self._study.objectives.sign,
                checkpoints, differentiation(plugins, self._study.space, wanted=wanted),
                open_run=lambda run: run.open(objective, runner, retries), ended=self._ended,
                is_dropped=self._standings.is_dropped, known=self._known(),
            )  # fmt: skip
            try:
                built.run(work)
            finally:
                work.close()

    @staticmethod
    def _wants_gradients(plugins: PluginManager, variant: Variant) -> bool:
        return any(
            Capability.GRADIENT in getattr(plugins.find("backend", stage.name).spec,
                                           "capabilities", ())
            for stage in variant.config.schedule
        )  # fmt: skip

    def _known(self) -> dict[bytes, Outcome] | None:
        """Return the results of equal parameters, if the objective was declared deterministic."""
        config = self._study.config
        pruned = any(variant.config.pruner is not None for variant in self._variants)
        if config.duplicates != "reuse" or self._budget.trials is None or pruned:
            return None
        known: dict[bytes, Outcome] = {}
        names = set(self._study.store.names())
        for run in self._all_runs():
            if run.name in names:
                for trial in self._study.store.trials(run.name, [TrialState.COMPLETE]):
                    known[configuration_key(trial.params)] = Outcome(
                        TrialState.COMPLETE, trial.values, standard_errors=trial.standard_errors
                    )
        return known

    # -- the order of the runs -------------------------------------------------------------

    def _all_runs(self) -> Iterator[ComparedRun]:
        study = self._study
        for block in range(1, self._seeds + 1):
            for variant in self._variants:
                yield ComparedRun(
                    variant, block, study.store, study.name, study.seed, self._budget
                )

    def _runs(self) -> Iterator[ComparedRun]:
        """Yield the runs that are not over, seed by seed, as long as they are needed."""
        for run in self._all_runs():
            if self._standings.is_dropped(run):
                continue
            if run.is_over:
                run.check()
                self._ended(run)
            else:
                yield run

    def _ended(self, run: ComparedRun) -> None:
        self._standings.add(run, self._study.objectives.sign)

    # -- the answer ------------------------------------------------------------------------

    def answer(self) -> Comparison:
        """Return what was found.

        Raises:
            HpoBridgeError: If the runs were stopped before the end.
        """
        standings = self._standings
        if standings.missing:
            raise HpoBridgeError(
                f"{standings.missing} runs of the comparison have not ended",
                fix="compare again to go on",
            )
        variants = {variant.label: variant for variant in self._variants}
        compared = tuple(self._compared(variants[label]) for label in standings.order())
        return Comparison(
            self._study.name, self._study.objectives.sign, self._budget, standings.last, compared,
            dict(standings.dropped), self._study.store,
        )  # fmt: skip

    def _compared(self, variant: Variant) -> ComparedVariant:
        standings, label = self._standings, variant.label
        blocks = range(1, standings.dropped.get(label, standings.last) + 1)
        runs = {block: standings.results[label, block] for block in blocks}
        studies = {block: standings.names[label, block] for block in blocks}
        return ComparedVariant(label, variant.backend_text, variant.lines, runs, studies)

"""A study in a store, for reading."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.study_config import StudyConfig, plugins_from
from ..contracts.argument_checks import naming, optional_text, truth
from ..contracts.directions import Objectives
from ..contracts.record import TrialRecord, TrialState
from ..contracts.trial import Trial
from ..contracts.view import View
from ..engine.failures import no_complete_trial
from ..engine.kept_checkpoints import checkpoints_of
from ..engine.kept_output import output_folder
from ..engine.study_lookup import best_trial
from ..errors import HpoBridgeError
from ..habits import STUDY, missing_attribute
from ..history.exporting import ExportReport, export_history
from ..history.view_building import build_view
from ..space import Space
from ..store import Store
from .arguments import path_of, trial_number
from .description import StudyDescription, describe_study

if TYPE_CHECKING:
    import pandas


class StoredStudy:
    """A study as its store has it: trials, the best of them, and what they printed and kept.

    Attributes:
        config: Its validated settings.
        store: The store.
        name: Its name in the store.
        seed: Its seed.
        space: Its space, in the order that the store has.
        objectives: What is measured, by the names that the store has.
    """

    config: StudyConfig
    store: Store
    name: str
    seed: int
    space: Space
    objectives: Objectives

    @property
    def trials(self) -> list[TrialRecord]:
        """Every trial, by number, as the store has it."""
        return list(self.store.trials(self.name))

    @property
    def counts(self) -> dict[TrialState, int]:
        """Number of trials by state."""
        return self.store.counts(self.name)

    @property
    def best(self) -> TrialRecord:
        """The complete trial with the best value; the first of equals.

        Raises:
            NoCompleteTrial: If there is none.
            HpoBridgeError: With several objectives; see :attr:`front`.
        """
        if len(self.objectives) > 1:
            raise HpoBridgeError("a study with several objectives has no best trial, see front")
        best = best_trial(self.store, self.name, self.objectives)
        if best is None:
            raise no_complete_trial(self.store, self.name)
        return best

    @property
    def front(self) -> list[TrialRecord]:
        """The complete trials that no other is better than in every objective, by number."""
        return self.objectives.front(self.store.trials(self.name, [TrialState.COMPLETE]))

    def checkpoint(self, trial: Trial | TrialRecord | int) -> Path | None:
        """A directory with the last checkpoint of a trial; ``None`` if there is none.

        A complete trial's stays as it is, and is not to be written to. That of a trial that
        runs is replaced when the trial keeps another; failed and pruned ones have none.

        Args:
            trial: The trial, such as :attr:`best`, or its number.

        Raises:
            NoCheckpoints: If it is not known where the study keeps them.
        """
        number = trial_number(trial)
        kept = checkpoints_of(self.store, self.name, self.config.checkpoint_folder)
        return kept.find(number)

    def output(self, trial: Trial | TrialRecord | int) -> str:
        """The end of what a trial has printed, both streams, with a line before each attempt.

        At least the last 64 kB are kept, on runners with processes of their own; also while the
        trial runs. Empty if it printed nothing, or ran ``inline``, where functions print on the
        terminal.

        Args:
            trial: The trial, such as :attr:`best`, or its number.
        """
        number = trial if isinstance(trial, int) else trial.number
        kept = output_folder(self.store, self.name).read(number)
        return "" if kept is None else kept.text()

    def to_pandas(self) -> pandas.DataFrame:
        """One row per trial, by number.

        The columns are those of every table, see docs/history.md: ``number``, ``state``,
        ``value`` (``values.NAME`` for objectives with names), ``params.NAME`` for each
        parameter and constant (missing where inactive), ``started`` and ``finished`` (UTC),
        ``seconds``, ``error`` and others.
        """
        from ..history.table import to_frame

        return to_frame(self.trials, self.objectives.names, [*self.space, *self.space.constants])

    def export(
        self, target: str | os.PathLike[str], *, format: str | None = None,
        overwrite: bool = False,
    ) -> ExportReport:  # fmt: skip
        """Writes the trials for other tools; also while the study runs.

        Args:
            target: The path of a file, or a URL of an Optuna storage.
            format: A format's name; by default what the target's name says.
            overwrite: Whether to replace what is there.

        Raises:
            HistoryError: If it is there already, or cannot be written.
        """
        plugins, path = plugins_from(self.config.plugins), path_of("target", target)
        with naming("format"):
            return export_history(
                plugins, self.store, self.name, path, optional_text("format", format),
                overwrite=truth("overwrite", overwrite),
            )  # fmt: skip

    def plot(self, picture: str, *, beside: Sequence[StoredStudy] = (), **options: Any) -> View:
        """A picture of the study, which a notebook shows; see docs/views.md.

        Args:
            picture: Its name, such as ``history`` or ``importance``.
            beside: Other studies to be shown in the same picture.
            **options: Options of the picture.

        Raises:
            UnknownName: If there is no such picture, or what draws it is not installed.
            InvalidOptions: If it has no such option.

        Example:
            >>> import hpo_bridge as hpo
            >>> study = hpo.Study({"x": hpo.Float(0, 1)}, seed=0)
            >>> study.optimize(lambda trial: trial["x"] ** 2, trials=20)
            >>> study.plot("history").save("history.png")  # doctest: +SKIP
        """
        return self._viewed(picture, beside, options)

    def report(self, *, beside: Sequence[StoredStudy] = (), **options: Any) -> View:
        """One page with findings in sentences, their evidence, and pictures; see docs/views.md.

        Args:
            beside: Other studies to be shown side by side.
            **options: Options of the report.

        Raises:
            UnknownName: If what makes it is not installed.
        """
        return self._viewed("report", beside, options)

    def _viewed(
        self, name: str, beside: Sequence[StoredStudy], options: Mapping[str, Any]
    ) -> View:
        studies = [(each.store, each.name) for each in (self, *beside)]
        return build_view(plugins_from(self.config.plugins), name, studies, options)

    def _description(self) -> StudyDescription:
        backend = self.config.schedule[0].name
        return describe_study(
            self.store, self.name, backend, self.objectives, self.space.constants
        )  # fmt: skip

    def __repr__(self) -> str:
        try:
            return self._description().text
        except Exception:  # before it is open, say: a debugger shows what there is
            return object.__repr__(self)

    def _repr_html_(self) -> str:
        return self._description().html

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute("a Study", name, STUDY)

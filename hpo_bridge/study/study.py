"""The study: what a user of the Python interface holds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, replace
from functools import partial
from typing import Any, NoReturn

from ..config.study_config import StudyConfig, plugins_from
from ..contracts.argument_checks import (
    Choice,
    mapping,
    naming,
    optional_text,
    runner_choice,
    truth,
    wrong,
)
from ..contracts.objective import Objective
from ..contracts.record import Direction
from ..contracts.trial import Trial
from ..engine.failures import StopRule
from ..engine.queued_trials import append_imported
from ..errors import InvalidOptions
from ..habits import hint, hinted
from ..history.importing import (
    Append,
    ImportOptions,
    ImportReport,
    ReadTrials,
    add_trials,
    hold_lease,
    read_trials,
)
from ..objectives.objective import objective_for
from ..space import Space
from ..store import MemoryStore, Store
from .arguments import checked_budget
from .by_hand import StudyByHand
from .opened import OpenedStudy
from .shown import progress_of_optimize


class Study(StudyByHand):
    """One optimisation: a space, objectives, a backend, and a store that has the truth.

    A study of the same name in the same store is continued: its trials count, and the
    backend is brought to where it was. It may get another backend, which then learns from
    the trials that are there; space and directions must be the same.

    Args:
        space: What may vary; a :class:`Space` or a mapping for one.
        backend: Who proposes: a name such as ``"optuna.tpe"``, a mapping with ``name``
            and ``options``, or a list of such: a schedule, in which each but the last proposes
            as many trials as its ``trials`` says; see docs/history.md.
        direction: ``minimize`` (the default) or ``maximize`` the objective.
        directions: Several objectives instead: name to direction.
        seed: Non-negative integer below 2**31; drawn at random, and kept in the store, if
            ``None``.
        store: A URL (``sqlite:///study.db``, ``postgresql://…``), the path of a SQLite database,
            or an open store; in memory by default.
        name: The study's name in the store.
        pruner: What stops trials early: a name or a mapping, like ``backend``.
        duplicates: What happens where parameters are proposed that are there already:
            ``evaluate`` runs them again, ``reuse`` takes over the earlier value (for objectives
            that give the same value for the same parameters), ``resample`` asks for others.
        observers: What watches the study: a list of names, of mappings with ``name`` and
            ``options``, and of objects with methods decorated with ``hookimpl``. Each is told
            in a thread of its own; see ``docs/observers.md``.
        warm_start: Earlier studies, whose trials the backend is told of as points that it did
            not propose: a list of mappings with ``study``, ``store`` (a URL or an open store;
            this study's own by default), ``map``, ``values`` and ``ignore``; see
            docs/history.md.
        change_space: Whether a stored study goes on in this space, if its own is another one;
            without it that is an error, which says in what they differ. ``True``, or a mapping of
            each parameter that is new to what it was in the trials that are there:
            ``{"width": 4}``.

    Plugins other than the installed ones, and a folder for checkpoints, are settings of
    :class:`hpo_bridge.config.StudyConfig`, which :func:`hpo_bridge.study.open_study` opens.

    Raises:
        SpaceError, UnknownName, InvalidOptions, UnsupportedProblem: Before anything is
            created.
        StoreError: If the store cannot be used, or holds another study of that name.

    Example:
        >>> from hpo_bridge import Float
        >>> study = Study(Space(x=Float(-1, 1)), seed=0)
        >>> study.optimize(lambda trial: trial["x"] ** 2, trials=50)
        >>> study.best.value < 0.01, study.best.params["x"] ** 2 == study.best.value
        (True, True)
    """

    @hinted()
    def __init__(
        self,
        space: Space | Mapping[str, Any],
        *,
        backend: Choice | Sequence[Choice] = "core.random",
        direction: str | Direction | None = None,
        directions: Mapping[str, str | Direction] | None = None,
        seed: int | None = None,
        store: str | os.PathLike[str] | Store | None = None,
        name: str = "study",
        pruner: Choice | None = None,
        duplicates: str = "evaluate",
        observers: Sequence[Any] = (),
        warm_start: Sequence[Mapping[str, Any]] | None = None,
        change_space: bool | Mapping[str, Any] = False,
    ) -> None:
        config = StudyConfig(
            space, backend=backend, direction=direction, directions=directions, seed=seed,
            store=store, name=name, pruner=pruner, duplicates=duplicates,
            observers=observers, warm_start=warm_start, change_space=change_space,
        )  # fmt: skip
        self._open(OpenedStudy(config))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **changes: Any) -> Study:
        """Return the study of a study file, which is checked as ``hpo-bridge run`` does.

        The file's objective, budget and runner are arguments of :meth:`optimize`, as ever.

        Args:
            path: The study file.
            changes: Fields of :class:`hpo_bridge.config.StudyConfig`, such as ``seed``, in place
                of what the file says.

        Raises:
            ConfigError: If the file cannot be used; says all that is wrong with it.
            HpoBridgeError: If a changed argument is wrong.
        """
        accepted = [each.name for each in fields(StudyConfig) if each.init]
        for key in changes.keys() - set(accepted):
            problem = f"unknown argument of Study.from_file, accepted: {', '.join(accepted)}"
            raise InvalidOptions(problem + hint(key, accepted), key)
        from ..config import load_study_file  # pydantic and YAML take 0.2 s

        plugins = plugins_from(changes.get("plugins"))
        file = load_study_file(os.fspath(path), plugins=plugins)
        if changes.keys() & {"direction", "directions"}:
            changes = {"direction": None, "directions": None, **changes}
        if changes.get("change_space") is True:
            changes["change_space"] = file.defaults or True
        return open_study(replace(file.config, **changes))

    @hinted()
    def optimize(
        self, objective: Callable[[Trial], Any] | str | Objective, *,
        trials: int | None = None, seconds: float | None = None,
        stop: Mapping[str, int | None] | None = None, retry_failed: bool = False,
        runner: Choice = "inline", progress: bool | None = None, **options: Any,
    ) -> None:  # fmt: skip
        """Evaluate trials until a budget is spent or the backend has nothing left.

        Args:
            objective: A function of a trial that returns a number, or ``{name: number}`` for
                several objectives; or a reference such as ``"train.py:objective"``.
            trials: The study's budget of trials, those of earlier calls included.
            seconds: Its budget of time, likewise; trials that run then wait for the next call.
            stop: When failures stop the run: ``failures`` in a row (no limit by default), or
                ``first_failures`` of this run for one reason (10 by default; 0 for never).
            retry_failed: Whether trials that failed before run again, with the same number,
                parameters and seed; until they begin they are in no budget.
            runner: ``"inline"``, ``"processes"``, or a plugin's; or a mapping like ``backend``.
            progress: Whether to show the progress; by default on a terminal and in a notebook.
            options: Its options, such as ``workers``, ``trial_timeout`` (seconds), ``retries``
                and ``order`` (``"deterministic"``: the same trials whatever the timing).

        Raises:
            KeyboardInterrupt: After Ctrl-C; everything finished is kept, what ran waits.
            StudyLocked: If another driver works on the study.
            TooManyFailures: If failures have stopped the run; see ``stop``.
        """
        trials, seconds = checked_budget(trials, seconds)
        display = progress_of_optimize(self, progress, trials, seconds)
        rule, retry_failed = StopRule.of(stop), truth("retry_failed", retry_failed)
        name, options = runner_choice(runner, options)
        built = self._opened.build_runner(name, options)
        window = self._opened.window(built)
        source = objective_for(objective, self.space, self.config.objectives.directions)
        source.check()
        with self._lock, display, self._lease.running(
            self._opened.driver_setup, name, source, retries=getattr(built, "retries", 0),
            trials=trials, seconds=seconds, window=window, stop=rule, retry_failed=retry_failed,
        ) as driver:  # fmt: skip
            built.run(driver)

    def import_trials(
        self, source: Any, *, format: str | None = None, study: str | None = None,
        rename: Mapping[str, str] | None = None, allow_pickle: bool = False,
        strict: bool = False, drop_inactive: bool = False,
    ) -> ImportReport:  # fmt: skip
        """Add the trials of another tool, unless they are there already; see docs/history.md.

        Args:
            source: A path, a URL, or an object of another tool, such as an Optuna study.
            format: A format's name; recognised from ``source`` by default.
            study: The name of the source's study; may be left out where it has one.
            rename: The source's names of parameters and objectives to the study's; ``-NAME``
                takes the negative of an objective, an empty name leaves a parameter out.
            allow_pickle: Whether to open a pickle.
            strict: Whether one trial that cannot be taken is an error, and none is added.
            drop_inactive: Whether to leave out inactive parameters, not to refuse the trial.

        Raises:
            HistoryError: If the source cannot be read or mapped; nothing has been added.
            UnsupportedProblem: If the backend would ignore the trials.
            StudyLocked: If another driver works on the study.
        """
        options = ImportOptions(
            optional_text("format", format), optional_text("study", study),
            mapping("rename", rename), truth("allow_pickle", allow_pickle),
            truth("strict", strict), truth("drop_inactive", drop_inactive),
        )  # fmt: skip
        if source is None or isinstance(source, (int, float)):
            raise wrong("source", source, "a path, a URL, or an object of another tool")
        self._opened.check_backends()
        self._opened.stages.require_inject_of_all("the imported trials")
        read = source
        if not isinstance(source, ReadTrials):
            with naming("format"):
                read = read_trials(
                    self._opened.plugins, self.space, self.objectives, source, options
                )  # fmt: skip
        with self._lock, self._appending() as append:
            return add_trials(self.store, self.name, read, append)

    def _appending(self) -> AbstractContextManager[Append]:
        driver = self._lease.sound()
        if driver is None:
            return hold_lease(self.store, self.name)
        return nullcontext(partial(append_imported, driver.steps))

    def close(self) -> None:
        """Gives the study free, and closes the store unless it was given open.

        Harmless if called twice.
        """
        with self._lock:
            try:
                self._lease.leave()
            finally:
                self._lease.driver = None
                self._opened.close_store()

    def __del__(self) -> None:
        # A study dropped with the lease in hand (a notebook cell run again) gives it free.
        if hasattr(self, "_lease"):
            self._lease.drop()

    def __reduce__(self) -> NoReturn:
        url = self.store.url
        there = f"open it there, by hpo.Study(…, name={self.name!r}, store={url!r})"
        if isinstance(self.store, MemoryStore):
            there = "it is in memory alone: give it a store, such as store='sqlite:///study.db'"
        raise TypeError(f"study {self.name!r} cannot be copied or pickled: {there}")

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def open_study(config: StudyConfig) -> Study:
    """Open the study of validated settings.

    Example:
        >>> from hpo_bridge import Float
        >>> from hpo_bridge.config import StudyConfig
        >>> config = StudyConfig({"x": Float(0, 1)}, name="demo", checkpoints="kept")
        >>> with open_study(config) as study:
        ...     study.name
        'demo'
    """
    return study_of(OpenedStudy(config))


def study_of(opened: OpenedStudy) -> Study:
    """Return the study of what was opened."""
    study = Study.__new__(Study)
    study._open(opened)
    return study


__all__ = ["Choice", "Study", "open_study"]

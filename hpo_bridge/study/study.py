"""The study: what a user of the Python interface holds."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..analysis.held_out import EvaluationContext, TestScore, score_test_set, test_scores
from ..analysis.nested_cv import tune_splits
from ..analysis.nested_score import NestedScore, nested_score
from ..analysis.outer_splits import outer_splits
from ..analysis.replay import Rerun, rerun
from ..analysis.selection import BEST, Selection, SelectionRule, check_single, select_in
from ..analysis.verify import Verification, verify
from ..config.study_config import StudyConfig, plugins_from, space_from
from ..contracts.argument_checks import (
    Choice,
    mapping,
    naming,
    optional_text,
    runner_choice,
    split_choice,
    truth,
    wrong,
)
from ..contracts.objective import Objective
from ..contracts.record import Direction, Outcome, TrialRecord, TrialState
from ..contracts.trial import Trial
from ..engine.definition import ensure_study
from ..engine.derivatives_given import differentiation
from ..engine.driver import Driver
from ..engine.failures import StopRule, no_complete_trial
from ..engine.kept_checkpoints import checkpoints_of, given_folder
from ..engine.kept_output import output_folder
from ..engine.lease import ASK, DriverLease
from ..engine.observers import Observers
from ..engine.pruning import StudyPruner
from ..engine.queued_trials import append_imported, enqueue
from ..engine.resume import Setup
from ..engine.schedule import Stage
from ..engine.stages import StageBuilder
from ..errors import GradientRequired, HpoBridgeError, InvalidOptions, TestSetWarning, warn
from ..habits import STUDY, hint, hinted, missing_attribute
from ..history.exporting import ExportReport, export_history
from ..history.importing import (
    ImportOptions,
    ImportReport,
    ReadTrials,
    add_trials,
    hold_lease,
    read_trials,
)
from ..history.space_change import known_defaults, plan_change
from ..history.warm_start import adoption_events
from ..objectives.objective import objective_for
from ..plugins import PluginManager
from ..space import Space
from ..store import Event, MemoryStore, Store
from .arguments import (
    checked_budget,
    final_state,
    path_of,
    store_of,
    told_outcome,
    trial_number,
)

if TYPE_CHECKING:
    import pandas


class Study:
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
        checkpoints: The folder for checkpoints of trials, created when it is needed. By
            default ``study.db.checkpoints`` beside the database ``study.db``; for a study in
            memory a temporary one, removed with the store; for PostgreSQL none.
        warm_start: Earlier studies, whose trials the backend is told of as points that it did
            not propose: a list of mappings with ``study``, ``store`` (a URL or an open store;
            this study's own by default), ``map``, ``values`` and ``ignore``; see
            docs/history.md.
        change_space: Whether a stored study goes on in this space, if its own is another one;
            without it that is an error, which says in what they differ.
        defaults: What parameters that are new then were in the trials that are there.
        plugins: Where to find backends, runners and pruners; the installed ones by default.

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
        checkpoints: str | os.PathLike[str] | None = None,
        warm_start: Sequence[Mapping[str, Any]] | None = None,
        change_space: bool = False,
        defaults: Mapping[str, Any] | None = None,
        plugins: PluginManager | None = None,
    ) -> None:
        config = StudyConfig(
            space, backend=backend, direction=direction, directions=directions, seed=seed,
            store=store, name=name, pruner=pruner, duplicates=duplicates, observers=observers,
            checkpoints=checkpoints, warm_start=warm_start, change_space=change_space,
            defaults=defaults, plugins=plugins,
        )  # fmt: skip
        self._open(config)

    @classmethod
    def from_config(cls, config: StudyConfig) -> Study:
        """Return the study of settings that are checked already."""
        study = cls.__new__(cls)
        study._open(config)
        return study

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **changes: Any) -> Study:
        """Return the study of a study file, which is checked as ``hpo-bridge run`` does.

        The file's objective, budget and runner are arguments of :meth:`optimize`, as ever.

        Args:
            path: The study file.
            changes: Arguments of :class:`Study` in place of what the file says.

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
        return cls.from_config(replace(file.config, **changes))

    def _open(self, config: StudyConfig) -> None:
        self._config = config
        self.space, self.name = space_from(config.space), config.name
        self._declared = config.objectives
        """The objectives by the names that are given here, which the store may have others for."""
        self._plugins = plugins_from(config.plugins)
        self._lock = threading.RLock()
        self._pruner = None if config.pruner is None else split_choice(config.pruner, "pruner")
        self._folder, name = given_folder(config.checkpoints), config.name
        # Raises before anything is created.
        drawn = secrets.randbits(31) if config.seed is None else config.seed
        self._stages = StageBuilder(
            config.schedule, self._plugins, self.space, len(self._declared)
        )
        self._stages.check(drawn, warm=bool(config.sources))
        if self._pruner is not None:
            with naming("pruner"):
                self._build_pruner()
        observing = Observers(self._plugins, config.observers)
        self.store, self._owns_store = store_of(config.store)
        try:
            self._adopted = adoption_events(
                config.sources, self.store, name, self.space, self._declared
            )
            self.seed, self.space, self.objectives = ensure_study(
                self.store,
                name,
                self.space,
                self._declared,
                config.seed,
                change_space=config.change_space,
                new_seed=drawn,
            )
            self._change = None
            if config.change_space:
                self._change = plan_change(self.store, name, self.space, config.defaults or {})
        except BaseException:
            self._close_store()
            raise
        pruner_name = None if self._pruner is None else self._pruner[0]
        self._lease = DriverLease(self.store, name, observing, pruner_name)

    # -- setting up -------------------------------------------------------------------

    def _build_pruner(self) -> StudyPruner:
        assert self._pruner is not None
        if len(self._declared) > 1:
            raise HpoBridgeError("a study with several objectives cannot be pruned", "pruner")
        return StudyPruner(self._plugins, *self._pruner)

    # -- driving ----------------------------------------------------------------------

    def _drive(self, runner: str = ASK) -> Driver:
        """The driver, with the lease."""
        return self._lease.take(self._setup, runner)

    def _setup(self) -> Setup:
        """What a driver is made of, in the state that the study is in now."""
        if self._change is None:  # another process may have redefined a study without trials
            ensure_study(self.store, self.name, self.space, self.objectives, self.seed)
        pruner = None if self._pruner is None else self._build_pruner
        checkpoints = checkpoints_of(self.store, self.name, self._folder)
        space = None if self._change is None else self._changed_space
        defaults = known_defaults(self.store, self.name, self._change)
        if not self._stages.suits(self.space, defaults):
            self._stages = self._stages.moved(self.space, defaults)
        return Setup(
            self._stages, pruner, self.objectives, self.seed, checkpoints=checkpoints,
            duplicates=self._config.duplicates, adopted=self._adopted, space=space,
        )  # fmt: skip

    def _changed_space(self) -> Event:
        """The event of the change asked for, checked again now that nobody else writes."""
        assert self._change is not None
        change = plan_change(self.store, self.name, self.space, self._change.defaults)
        self._change = None
        assert change is not None
        return change.event()

    @hinted()
    def optimize(
        self,
        objective: Callable[[Trial], Any] | str | Objective,
        *,
        trials: int | None = None,
        seconds: float | None = None,
        stop: Mapping[str, int | None] | None = None,
        retry_failed: bool = False,
        runner: Choice = "inline",
        **options: Any,
    ) -> None:
        """Evaluates trials until a budget is spent or the backend has nothing left.

        Both budgets are the study's, not this call's: a study continued after a crash stops
        where it would have stopped.

        Args:
            objective: A function of a trial that returns a number, or ``{name: number}`` for
                several objectives; or a reference such as ``"train.py:objective"``.
            trials: How many trials the study may have in all, whatever became of them.
            seconds: How long it may be worked on in all; trials that run then wait for the
                next time.
            stop: When failures stop the run: ``failures``, so many in a row (no limit by
                default), and ``first_failures``: the first so many trials of this run, all for
                one and the same reason (10 by default; 0 for never).
            retry_failed: Whether the trials that failed in earlier runs run again, with the same
                number, parameters and seed; until they begin they are in no budget.
            runner: Who evaluates: ``"inline"``, ``"processes"``, or a plugin's; a name, or a
                mapping like ``backend``.
            options: The runner's options, such as ``workers``, ``trial_timeout`` (seconds),
                ``retries`` (further attempts after a failure) and ``order``
                (``"deterministic"``: the same trials for the same seed and number of workers,
                whatever the timing).

        Raises:
            KeyboardInterrupt: After Ctrl-C; everything finished is kept, what ran waits.
            StudyLocked: If another driver works on the study.
            TooManyFailures: If failures have stopped the run; see ``stop``.
        """
        trials, seconds = checked_budget(trials, seconds)
        rule, retry_failed = StopRule.of(stop), truth("retry_failed", retry_failed)
        name, options = runner_choice(runner, options)
        with naming("runner"):
            built = self._plugins.build("runner", name, options)
        window = self._window(built)
        self._check_pruner(name)
        source = objective_for(objective, self.space, self._declared.directions)
        source.check()
        with self._lock:
            self._lease.run(
                self._setup, built, name, source, trials=trials, seconds=seconds, window=window,
                stop=rule, retry_failed=retry_failed,
            )  # fmt: skip

    def _window(self, runner: Any) -> int | None:
        if getattr(runner, "order", "free") != "deterministic":
            return None
        if self._pruner is not None:
            raise HpoBridgeError(
                "deterministic and a pruner cannot be combined: what is pruned depends "
                "on which trial reports first",
                "order",
            )
        return int(getattr(runner, "workers", 1))

    def _check_pruner(self, runner: str) -> None:
        if self._pruner is None:
            return
        wanted = getattr(self._plugins.find("pruner", self._pruner[0]).spec, "runner", "")
        if wanted not in ("", runner):
            raise HpoBridgeError(f"pruner {self._pruner[0]!r} works on runner {wanted!r} alone")

    def ask(self) -> Trial:
        """The next trial, to be evaluated by hand and then told.

        Raises:
            SearchExhausted: If the backend has nothing left.
            WaitingForResults: If it needs results of running trials first.
        """
        with self._lock:
            return self._drive().ask(channel=_ByHand(self))

    def tell(
        self,
        trial: Trial | int,
        value: Any = None,
        *,
        state: TrialState | str = TrialState.COMPLETE,
        error: str | None = None,
        gradients: Mapping[str, Any] | None = None,
    ) -> TrialState:
        """Ends a trial that was asked for.

        Args:
            trial: The trial, or its number.
            value: What an objective would return: a number, ``{name: number}``, a tensor that
                depends on ``trial.tensors``, or a :class:`hpo_bridge.Differentiated`. A value
                that is no finite number ends the trial as failed, with the reason, as it would
                in ``optimize``.
            state: ``COMPLETE``, ``PRUNED`` or ``FAILED``.
            error: Why it failed.
            gradients: Name of a continuous parameter to the derivative of the objective with
                respect to it, in natural units.

        Returns:
            The state that the trial has now.

        Raises:
            HpoBridgeError: If the trial does not run, or ``state`` is not one of the three.
            GradientRequired: If the backend needs derivatives that are not there; the trial
                runs on, and can be told again.
        """
        number = trial_number(trial)
        error = optional_text("error", error, "a text")
        outcome = Outcome(final_state(state), error=error)
        state = outcome.state
        if state is TrialState.COMPLETE:
            outcome = told_outcome(value, gradients, trial)
        with self._lock:
            driver = self._drive()
            missing = driver.missing_gradients(number, outcome)
            if missing is not None:
                raise GradientRequired(f"trial {number}: {missing}")
            return driver.finish(number, outcome)

    def enqueue(self, params: Mapping[str, Any]) -> int:
        """Adds a point to be evaluated before the backend is asked again.

        Args:
            params: The active parameters; constants may be left out.

        Returns:
            The number of its trial.

        Raises:
            SpaceError: If it is no point of the space.
        """
        point = self.space.check(params)
        with self._lock:
            return enqueue(self._drive().steps, point)

    def import_trials(
        self, source: Any, *, format: str | None = None, study: str | None = None,
        rename: Mapping[str, str] | None = None, allow_pickle: bool = False,
        strict: bool = False, drop_inactive: bool = False,
    ) -> ImportReport:  # fmt: skip
        """Adds the trials of another tool; see docs/history.md.

        They get the next numbers, count for the budget, and are told to the backend as points
        that it did not propose. Those that are there already are not added again.

        Args:
            source: A path, a URL, or an object: an Optuna study, Hyperopt's ``Trials``, a
                result of scikit-optimize, a pandas data frame.
            format: A format's name; recognised from ``source`` by default.
            study: Which study of the source; may be left out where it has one.
            rename: The source's name of a parameter or objective to the study's; ``-NAME``
                takes the negative of an objective, an empty name leaves a parameter out.
            allow_pickle: Whether to open a pickle.
            strict: Whether one trial that cannot be taken is an error, and none is added.
            drop_inactive: Whether to leave out parameters that are not active at a point,
                instead of refusing the trial.

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
        self._stages.require_inject_of_all("the imported trials")
        read = source
        if not isinstance(source, ReadTrials):
            with naming("format"):
                read = read_trials(self._plugins, self.space, self.objectives, source, options)
        with self._lock:
            driver = self._lease.sound()
            writing: Any = (
                hold_lease(self.store, self.name)
                if driver is None
                else nullcontext(partial(append_imported, driver.steps))
            )
            with writing as append:
                return add_trials(self.store, self.name, read, append)

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
        with naming("format"):
            return export_history(
                self._plugins, self.store, self.name, path_of("target", target),
                optional_text("format", format), overwrite=truth("overwrite", overwrite),
            )  # fmt: skip

    def close(self) -> None:
        """Gives the study free, and closes the store unless it was given open.

        Harmless if called twice.
        """
        with self._lock:
            try:
                self._lease.leave()
            finally:
                self._lease.driver = None
                self._close_store()

    def abandon(self) -> None:
        """Gives the study free at once, whatever it is doing, from any thread.

        For a process that is about to end: its runs can write no more.
        """
        self._lease.drop()

    def _close_store(self) -> None:
        if self._owns_store:
            self.store.close()

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

    # -- reading ----------------------------------------------------------------------

    @property
    def backend(self) -> str:
        """The backend at work; of a schedule that is not being driven, its first."""
        driver = self._lease.driver
        return (
            self._stages.schedule[0].name
            if driver is None
            else driver.proposer.member.checked.name
        )

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """The backends, in the order in which they propose trials; most studies have one."""
        return self._stages.schedule

    @property
    def trials(self) -> list[TrialRecord]:
        """Every trial, by number, as the store has it."""
        return list(self.store.trials(self.name))

    @property
    def exhausted(self) -> str | None:
        """Why the backend has nothing left to propose, once this object has met that."""
        return None if self._lease.driver is None else self._lease.driver.proposer.exhausted

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
        ((name, sign),) = self.objectives.signs.items()
        best = self.store.best(self.name, name, sign)
        if best is None:
            raise no_complete_trial(self.store, self.name)
        return best

    @property
    def front(self) -> list[TrialRecord]:
        """The complete trials that no other is better than in every objective, by number."""
        return self.objectives.front(self.store.trials(self.name, [TrialState.COMPLETE]))

    def select(
        self,
        rule: str = BEST,
        *,
        simplest: Sequence[str] = (),
        errors: float = 1.0,
        paired: bool = False,
    ) -> Selection:
        """The configuration that a rule chooses, and why; see docs/cross-validation.md.

        Args:
            rule: ``best``, or ``one_standard_error``: the simplest complete trial whose value
                is within one standard error of the best one's (Breiman, Friedman, Olshen and
                Stone, Classification and Regression Trees, 1984, section 3.4.3).
            simplest: What is simple, by expressions as in constraints, compared in turn;
                smaller is simpler: ``["max_depth", "-min_samples_leaf", "kernel == 'rbf'"]``.
                One that meets a parameter which is not active counts as simplest.
            errors: How many standard errors; 0 leaves those that equal the best.
            paired: Whether to take the standard error of the difference between a trial and
                the best on the same folds, instead of that of the best.

        Raises:
            NoCompleteTrial: If there is none.
            SelectionError: If the rule is wrong, or the study has no standard errors, no
                folds (``paired``), or several objectives.

        Example:
            >>> import hpo_bridge as hpo
            >>> study = Study(hpo.Space(depth=hpo.Int(1, 9)), backend="core.grid", seed=0)
            >>> study.optimize(lambda trial: hpo.Measured(1 / trial["depth"], 0.1))
            >>> chosen = study.select("one_standard_error", simplest=["depth"])
            >>> study.best.params, chosen.params
            ({'depth': 9}, {'depth': 5})
        """
        chosen = SelectionRule.of(
            self.space, rule, simplest=simplest, errors=errors, paired=paired
        )
        return select_in(self.store, self.name, self.objectives, chosen)

    def test(
        self,
        function: Callable[[Trial], Any] | str | Objective,
        trial: Selection | TrialRecord | int | None = None,
    ) -> TestScore:
        """Scores the chosen configuration on the test set, and records that.

        To be done once, at the end: a second look warns, with what the first one gave. An
        exception before there is a score records nothing; neither does a kill.

        Args:
            function: Fits the configuration on all data that are no test data, and scores it
                on these: called with a trial of that configuration, it returns a number or
                ``{name: number}``. Or a reference such as ``"test.py:score"``.
            trial: What :meth:`select` gave, or a trial; the best one by default.

        Raises:
            NoCompleteTrial: If there is none.
            ObjectiveError: If the trial or the function is not there, or gives no number.
            StudyLocked: If another driver works on the study.

        Warns:
            TestSetWarning: If the test set was scored before.
        """
        if trial is not None and not isinstance(trial, (Selection, TrialRecord)):
            trial = trial_number(trial)
        chosen = self.select() if trial is None else trial
        with self._lock:
            return score_test_set(
                self.store, self.name, function, chosen, self._evaluation_context(),
                None if self._lease.held is None else self._lease.held.log,
                lambda text: warn(text, TestSetWarning),
            )  # fmt: skip

    def nested(
        self,
        objective: Callable[..., Any] | Objective,
        splits: Any,
        score: Callable[[Trial, Any, Any], Any] | None = None,
        *,
        trials: int | None = None,
        seconds: float | None = None,
        selection: Mapping[str, Any] | None = None,
        runner: Choice = "inline",
        **options: Any,
    ) -> NestedScore:
        """The score of the whole procedure, by nested cross-validation.

        On the training part of each outer split a study of its own, like this one and in the
        same store (``NAME.outer-1``, …), spends the budget and chooses; the choice is fitted on
        that part and scored on the test part. What there is already is not done again. This
        study itself is not run: tune it on all data afterwards, for a configuration to use.

        Args:
            objective: ``hpo_bridge_sklearn.cross_validated(…)``; or, with ``score``, a function
                of a trial and the training part, which must look at no other rows.
            splits: For ``cross_validated`` a number of outer splits, or a splitter; with
                ``score`` pairs ``(train, test)``, of indices or whatever the functions take.
            score: Called with a trial, the training and the test part: fits the trial's
                configuration on the one and scores it on the other.
            trials: The budget of each split's study, as in :meth:`optimize`.
            seconds: Likewise.
            selection: How each of them chooses: arguments of :meth:`select`.
            runner: Who evaluates, as in :meth:`optimize`.
            options: The runner's options.

        Raises:
            HpoBridgeError: If an argument is wrong, or the splits are.
            NoCompleteTrial: If a split has none.
            StoreError: If a study of such a name was tuned on other data or another split.

        Example:
            >>> import hpo_bridge as hpo
            >>> data = [3.1, 2.9, 3.0, 3.2, 2.8, 3.3]
            >>> def fit(trial, train):
            ...     return sum((data[row] - trial["x"]) ** 2 for row in train) / len(train)
            >>> def check(trial, train, test):
            ...     return fit(trial, test)
            >>> study = hpo.Study(hpo.Space(x=hpo.Float(2, 4)), seed=0)
            >>> pairs = [([2, 3, 4, 5], [0, 1]), ([0, 1, 4, 5], [2, 3]), ([0, 1, 2, 3], [4, 5])]
            >>> found = study.nested(fit, pairs, check, trials=20)
            >>> len(found.outer), found.mean > 0, len(study.trials)
            (3, True, 0)
        """
        check_single(self.objectives)
        rule = SelectionRule.from_mapping(self.space, selection)
        directions = self._declared.directions
        outer = outer_splits(objective, splits, score, self.space, directions, self.seed)

        def run(study: Study, part: Objective, text: str) -> None:
            study.optimize(part, trials=trials, seconds=seconds, runner=runner, **options)

        tune_splits(self, outer, self._sibling, run, rule)
        return nested_score(self.store, self.name, self.objectives, rule)

    def _evaluation_context(self) -> EvaluationContext:
        """What :meth:`test` and :meth:`nested` score a configuration in."""
        kept = checkpoints_of(self.store, self.name, self._folder)
        tensors = differentiation(self._plugins, self.space, wanted=False)
        return EvaluationContext(self.seed, kept, tensors)

    def _sibling(self, name: str, seed: int) -> Study:
        config = self._config.for_split(name, seed)
        return Study.from_config(replace(config, space=self.space, store=self.store))

    @property
    def tested(self) -> list[TestScore]:
        """Every look at the test set, in order; see :meth:`test`."""
        return test_scores(self.store, self.name)

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
        return checkpoints_of(self.store, self.name, self._folder).find(number)

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

    def verify(self) -> Verification:
        """Whether the backends propose again what the log has, in every streak of one.

        Runs no objective, writes nothing, and needs no lease: a driver may go on meanwhile.

        Raises:
            StoreError: If the store cannot be read.
        """
        return verify(self.store, self.name, self._plugins)

    def replay(
        self,
        number: int,
        objective: Callable[[Trial], Any] | str | Objective,
        *,
        times: int = 1,
        tolerance: float = 0.0,
        runner: Choice = "processes",
        **options: Any,
    ) -> tuple[Rerun, ...]:
        """Runs a finished trial again, with its parameters and seed, and compares.

        The store keeps nothing of it: its checkpoints go into a folder that is thrown away,
        and it begins without one. A trial that was pruned is advised to stop where it did.

        Args:
            number: The trial.
            objective: What was evaluated.
            times: How often, one after another.
            tolerance: By how much a value or a report may differ and still be the same.
            runner: Who evaluates it.
            options: The runner's options, such as ``trial_timeout``.

        Returns:
            What became of each run: its ``difference`` is ``None`` if it was the same.

        Raises:
            HpoBridgeError: If there is no such trial, if it is not finished, or took over
                other parameters while it ran.
            ObjectiveError: If the objective cannot be loaded.
        """
        return rerun(
            self.store, self.name, number, objective, self._plugins, times=times,
            tolerance=tolerance, runner=runner, options=options,
        )  # fmt: skip

    def to_pandas(self) -> pandas.DataFrame:
        """One row per trial, by number.

        The columns are those of every table, see docs/history.md: ``number``, ``state``,
        ``value`` (``values.NAME`` for objectives with names), ``params.NAME`` for each
        parameter and constant (missing where inactive), ``started`` and ``finished`` (UTC),
        ``seconds``, ``error`` and others.
        """
        from ..history.table import to_frame

        return to_frame(self.trials, self.objectives.names, [*self.space, *self.space.constants])

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute("a Study", name, STUDY)

    def __repr__(self) -> str:
        return f"Study({self.name!r}, backend={self.backend!r}, store={self.store.url!r})"


class _ByHand:
    """The way of a trial that was asked for by hand to its study, from any thread."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        with self._study._lock:
            self._study._drive().report(number, step, value, metrics)

    def should_prune(self, number: int) -> bool:
        with self._study._lock:
            return self._study._drive().should_prune(number)

    def resumed(self, number: int) -> None:
        with self._study._lock:
            self._study._drive().resumed(number)


__all__ = ["Choice", "Study"]

"""The decisions of Optuna's pruners inside ``study.optimize``."""

from __future__ import annotations

import random
import time
import warnings

import optuna
import pytest
from hpo_bridge_optuna import pruners
from optuna import pruners as native

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import InvalidOptions

COMPLETE, PRUNED, FAILED = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED


NAMES = {
    "median": pruners.Median, "percentile": pruners.Percentile, "asha": pruners.Asha,
    "hyperband": pruners.Hyperband, "threshold": pruners.Threshold,
    "wilcoxon": pruners.Wilcoxon, "patient": pruners.Patient,
}  # fmt: skip


def experimental(build):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return build()


CASES = {
    "median": (pruners.Median, {}, native.MedianPruner),
    "median-late": (
        pruners.Median,
        {"n_startup_trials": 2, "n_warmup_steps": 3, "interval_steps": 4, "n_min_trials": 3},
        native.MedianPruner,
    ),
    "percentile": (
        pruners.Percentile,
        {"percentile": 30.0, "n_startup_trials": 3},
        native.PercentilePruner,
    ),
    "asha": (pruners.Asha, {}, native.SuccessiveHalvingPruner),
    "asha-3": (
        pruners.Asha,
        {"min_resource": 2, "reduction_factor": 3, "bootstrap_count": 1},
        native.SuccessiveHalvingPruner,
    ),
    "hyperband": (pruners.Hyperband, {}, native.HyperbandPruner),
    "hyperband-27": (
        pruners.Hyperband,
        {"min_resource": 1, "max_resource": 27, "reduction_factor": 3, "bootstrap_count": 1},
        native.HyperbandPruner,
    ),
    "threshold": (pruners.Threshold, {"upper": 1.4, "lower": 0.05}, native.ThresholdPruner),
    "patient": (
        pruners.Patient,
        {"patience": 2, "min_delta": 0.01},
        lambda **o: native.PatientPruner(None, **o),
    ),
    "patient-median": (
        pruners.Patient,
        {"patience": 1, "wrapped_pruner": {"name": "median", "options": {"n_startup_trials": 1}}},
        lambda **o: native.PatientPruner(native.MedianPruner(1), patience=1),
    ),
    "wilcoxon": (pruners.Wilcoxon, {"p_threshold": 0.2}, native.WilcoxonPruner),
}


def curve(number, steps=27):
    """A noisy learning curve; some trials stop reporting early, some fail."""
    rng = random.Random(number)
    floor = rng.random()
    return [floor + 1.0 / (1 + s) + rng.gauss(0, 0.05) for s in range(steps)]


def reference(pruner, n, steps=27):
    """(number, step, decision) of ``study.optimize``."""
    decisions = []

    def objective(trial):
        for step, value in enumerate(curve(trial.number, steps)):
            trial.report(value, step)
            if trial.number % 11 == 5 and step == 4:
                raise RuntimeError
            decisions.append((trial.number, step, trial.should_prune()))
            if decisions[-1][2]:
                raise optuna.TrialPruned
        return value

    study = optuna.create_study(pruner=pruner, study_name="hpo_bridge")
    study.optimize(objective, n_trials=n, catch=(RuntimeError,))
    return decisions


def bridged(pruner, n, steps=27, *, restarts=(), build=None):
    """The same through the protocol; ``restarts``: begun anew before these trials."""
    decisions, log = [], []
    for number in range(n):
        if number in restarts:
            pruner = build()
            for entry in log:
                pruner.finished(*entry)
        reports, state, loss = [], COMPLETE, None
        for step, value in enumerate(curve(number, steps)):
            reports.append((step, value))
            if number % 11 == 5 and step == 4:
                state = FAILED
                break
            decisions.append((number, step, pruner.should_prune(number, list(reports))))
            if decisions[-1][2]:
                state = PRUNED
                break
        loss = reports[-1][1] if state is COMPLETE else None
        log.append((number, state, loss, tuple(reports)))
        pruner.finished(*log[-1])
    return decisions


@pytest.mark.parametrize("case", CASES)
def test_decisions(case):
    ours, options, theirs = CASES[case]
    n = 25 if case == "wilcoxon" else 60  # its test takes a millisecond and more
    expected = reference(experimental(lambda: theirs(**options)), n)
    found = bridged(ours(**options), n)
    assert found == expected
    assert any(stop for *_, stop in found)


@pytest.mark.parametrize("case", CASES)
def test_a_restart_changes_nothing(case):
    ours, options, _ = CASES[case]
    n = 22 if case == "wilcoxon" else 40
    whole = bridged(ours(**options), n)
    found = bridged(ours(**options), n, restarts=(1, 7, 20, 33), build=lambda: ours(**options))
    assert found == whole


def scattered(number, steps=20):
    """Steps in any order, with a few that are reported twice: ``(step, value)``."""
    rng = random.Random(1000 + number)
    floor = rng.random()
    order = rng.sample(range(steps), steps)
    order[7:7] = order[2:4]
    return [(step, floor + rng.random() * (1 + step / steps)) for step in order]


@pytest.mark.parametrize("case", CASES)
def test_steps_in_any_order(case):
    """The same reports in the same order, whatever it is: Optuna's own study decides the same."""
    ours, options, theirs = CASES[case]
    n = 20 if case == "wilcoxon" else 40
    expected = []

    def native_objective(trial):
        for step, value in scattered(trial.number):
            trial.report(value, step)
            expected.append((trial.number, step, trial.should_prune()))
            if expected[-1][2]:
                raise optuna.TrialPruned
        return sum(trial.study.trials[trial.number].intermediate_values.values())

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The reported value is ignored")
        study = optuna.create_study(
            pruner=experimental(lambda: theirs(**options)), study_name="hpo_bridge"
        )
        study.optimize(native_objective, n_trials=n)
    found = []

    def objective(trial):
        for step, value in scattered(trial.number):
            trial.report(value, step)
            found.append((trial.number, step, trial.should_prune()))
            if found[-1][2]:
                raise hpo.TrialPruned
        return sum(dict(reversed(scattered(trial.number))).values())

    name = next(name for name, kind in NAMES.items() if kind is ours)
    with hpo.Study(
        hpo.Space(x=hpo.Float(0, 1)), seed=0, pruner={"name": name, "options": options}
    ) as bridge:
        bridge.optimize(objective, trials=n)
        assert [dict(t.reports) for t in bridge.trials] == [
            t.intermediate_values for t in study.trials
        ]
    assert found == expected
    assert any(stop for *_, stop in found)


def test_a_trial_that_goes_on_from_a_checkpoint_keeps_its_rungs():
    """What it had reached before the checkpoint counts in the rungs as it was then."""
    whole, resumed = (
        pruners.Asha(min_resource=1, reduction_factor=2, bootstrap_count=0) for _ in range(2)
    )
    first = [(step, 1.0 - step / 100) for step in range(9)]
    for pruner in (whole, resumed):
        for end in range(1, len(first) + 1):
            pruner.should_prune(0, first[:end])
    for end in range(5, len(first) + 1):  # reported again, after a checkpoint at step 3
        resumed.should_prune(0, first[:end])
    for number in range(1, 8):
        for end in range(1, 9):
            reports = [(step, 0.99 + number / 1000 - step / 50) for step in range(end)]
            assert whole.should_prune(number, reports) == resumed.should_prune(number, reports)


@pytest.mark.parametrize("case", ["median", "asha-3", "hyperband-27"])
def test_interleaved_trials(case):
    """Against Optuna's own ask and tell, five trials at once, numbers out of order."""
    ours, options, theirs = CASES[case]
    study = optuna.create_study(pruner=theirs(**options), study_name="hpo_bridge")
    pruner = ours(**options)
    stopped = 0
    for _ in range(12):
        trials = [study.ask() for _ in range(5)]
        reports = {t.number: [] for t in trials}
        running = list(reversed(trials))
        for step in range(27):
            for trial in list(running):
                number = trial.number
                value = curve(number)[step]
                reports[number].append((step, value))
                trial.report(value, step)
                stop = trial.should_prune()
                assert pruner.should_prune(number, reports[number]) is bool(stop), (number, step)
                if stop:
                    stopped += 1
                    study.tell(number, state=optuna.trial.TrialState.PRUNED)
                    pruner.finished(number, PRUNED, None, reports[number])
                    running.remove(trial)
        for trial in running:
            value = reports[trial.number][-1][1]
            study.tell(trial.number, value)
            pruner.finished(trial.number, COMPLETE, value, reports[trial.number])
    assert stopped > 10


@pytest.mark.parametrize("case", ["median", "asha-3", "hyperband-27", "patient", "threshold"])
def test_a_second_attempt_begins_anew(case):
    ours, options, _ = CASES[case]

    def decisions(retried):
        pruner = ours(**options)
        found = bridged(pruner, 20)
        if retried:  # the first attempt is far better, and gets far
            for end in range(1, 20):
                pruner.should_prune(20, [(s, -5.0 - s) for s in range(end)])
        for number in (20, 21):
            reports = []
            for step, value in enumerate(curve(number)):
                reports.append((step, value))
                found.append(pruner.should_prune(number, reports))
            pruner.finished(number, COMPLETE, value, reports)
        return found

    assert decisions(True) == decisions(False)


@pytest.mark.parametrize("case", CASES)
def test_trials_without_reports(case):
    ours, options, _ = CASES[case]
    pruner = ours(**options)
    pruner.finished(3, FAILED, None, ())
    pruner.finished(1, PRUNED, None, ())
    pruner.finished(2, COMPLETE, None, ())
    pruner.finished(0, COMPLETE, 0.5, [(s, 0.5) for s in range(27)])
    assert pruner.should_prune(7, [(0, 0.7)]) in (True, False)


def test_bad_options():
    with pytest.raises(InvalidOptions, match="did you mean 'median'"):
        pruners.Patient(patience=1, wrapped_pruner="medain")
    with pytest.raises(InvalidOptions, match="wrapped_pruner"):
        pruners.Patient(patience=1, wrapped_pruner={"name": "median", "n_startup_trials": 1})
    with pytest.raises(ValueError, match="reduction_factor"):
        pruners.Asha(reduction_factor=1)
    with pytest.raises(TypeError, match="lower or upper"):
        pruners.Threshold()


@pytest.mark.parametrize("case", ["median", "asha-3", "hyperband-27"])
def test_a_decision_is_cheap_after_a_thousand_trials(case):
    ours, options, _ = CASES[case]
    pruner = ours(**options)
    for number in range(1000):
        reports = [(s, v) for s, v in enumerate(curve(number, 5))]
        pruner.finished(number, COMPLETE, reports[-1][1], reports)
    values = curve(1, 10)
    begin = time.process_time()
    for number in range(1000, 1020):
        for end in range(1, 11):
            pruner.should_prune(number, list(enumerate(values[:end])))
    mean = (time.process_time() - begin) / 200
    assert mean < 0.005  # well below a millisecond on an idle machine


def test_reports_that_are_not_needed_are_forgotten():
    pruner = pruners.Asha()
    for number in range(5):
        pruner.finished(number, COMPLETE, 1.0, [(s, 1.0) for s in range(500)])
    kept = [len(t.intermediate_values) for t in pruner._study.get_trials(deepcopy=False)]
    assert kept == [1] * 5

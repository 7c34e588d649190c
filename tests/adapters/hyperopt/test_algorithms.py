"""What trials teach the algorithms, their options, and what the adapter leaves alone."""

from __future__ import annotations

import dis
import inspect
import logging
import random
import statistics
import subprocess
import sys
from importlib import import_module

import hpo_bridge_hyperopt
import hyperopt
import numpy as np
import pytest
from hpo_bridge_hyperopt.algorithms import Anneal, Random, Tpe
from hpo_bridge_hyperopt.record import Record
from hpo_bridge_hyperopt.translation import Table
from hyperopt import Domain, Trials, anneal, atpe, hp, rand, tpe

from hpo_bridge.contracts.optimizer import Explains, Observation, Problem, Snapshot
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.space import Categorical, Float, Int, Space

LINE = Space(x=Float(0, 1), y=Float(0, 1))
MIXED = Space(
    x=Float(-2, 3),
    lr=Float(1e-4, 1e-1, log=True),
    kind=Categorical([0, 1, 2]),
    n=Int(1, 40),
    units=Int(1, 300, log=True),
    size=Categorical([0, 1, 2, 3, 4], ordered=True),
).indexed()
LEARNING = pytest.mark.parametrize("build", [Tpe, Anneal], ids=["tpe", "anneal"])


def run(optimizer, n, judge):
    """``n`` points, each told as ``judge(number, params)`` says."""
    points = []
    for number in range(n):
        [point] = optimizer.ask(1)
        points.append(point.params)
        fields = {"losses": None, "state": TrialState.FAILED, **judge(number, point.params)}
        optimizer.tell([Observation(point.params, token=point.token, **fields)])
    return points


def complete(loss):
    return {"losses": (loss,), "state": TrialState.COMPLETE}


def pruned(*reports):
    return {"state": TrialState.PRUNED, "reports": tuple(enumerate(reports, 1))}


def distance(space, params):
    """A mean squared distance in the unit cube; a choice is right or wrong."""
    total = 0.0
    for name, value in params.items():
        parameter = space[name]
        if isinstance(parameter, Categorical) and not parameter.ordered:
            total += 0.25 * (value != 1)
        else:
            total += (parameter.encode(value) - 0.3) ** 2
    return total / len(params)


# -- options --------------------------------------------------------------------------


def test_protocols():
    for build in (Random, Tpe, Anneal):
        assert isinstance(build(Problem(LINE)), Snapshot)
        assert isinstance(build(Problem(LINE)), Explains)


@pytest.mark.parametrize(
    ("build", "theirs", "left_out"),
    [
        (Random, rand.suggest, set()),
        (Tpe, tpe.suggest, {"verbose"}),
        (Anneal, anneal.AnnealingAlgo, set()),
    ],
)
def test_options_have_the_librarys_names_and_defaults(build, theirs, left_out):
    ours, theirs = inspect.signature(build).parameters, inspect.signature(theirs).parameters
    called = {"new_ids", "domain", "trials", "seed"}
    assert set(theirs) - set(ours) - called == left_out
    assert set(ours) - set(theirs) == {"problem", "native_space"}
    for name in set(ours) & set(theirs):
        assert ours[name].default == theirs[name].default, name


@pytest.mark.parametrize(
    ("build", "options", "error"),
    [
        (Tpe, {"n_startup_jobs": -1}, ValueError),
        (Tpe, {"n_startup_jobs": 2.0}, TypeError),
        (Tpe, {"n_startup_jobs": True}, TypeError),
        (Tpe, {"n_EI_candidates": 0}, ValueError),
        (Tpe, {"n_EI_candidates": "many"}, TypeError),
        (Tpe, {"gamma": 0}, ValueError),
        (Tpe, {"gamma": float("nan")}, ValueError),
        (Tpe, {"gamma": None}, TypeError),
        (Tpe, {"prior_weight": 0.0}, ValueError),
        (Tpe, {"prior_weight": float("inf")}, ValueError),
        (Tpe, {"verbose": False}, TypeError),
        (Anneal, {"avg_best_idx": 0.5}, ValueError),
        (Anneal, {"avg_best_idx": "2"}, TypeError),
        (Anneal, {"shrink_coef": -0.1}, ValueError),
        (Anneal, {"shrink_coef": False}, TypeError),
        (Random, {"n_startup_jobs": 1}, TypeError),
    ],
)
def test_options_are_checked_at_once(build, options, error):
    with pytest.raises(error, match=next(iter(options))):
        build(Problem(LINE), **options)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (Tpe, {"n_startup_jobs": 5}),
        (Tpe, {"n_EI_candidates": 2}),
        (Tpe, {"gamma": 1}),
        (Tpe, {"prior_weight": 3}),
        (Anneal, {"avg_best_idx": 1}),
        (Anneal, {"shrink_coef": 1}),
    ],
)
def test_every_option_reaches_hyperopt(build, options):
    def judge(number, params):
        return complete(distance(LINE, params))

    changed = run(build(Problem(LINE, 1, 1), **options), 40, judge)
    assert changed != run(build(Problem(LINE, 1, 1)), 40, judge)


@pytest.mark.parametrize(
    ("options", "error"),
    [({"n_EI_candidates": 0}, IndexError), ({"prior_weight": 0.0}, RuntimeWarning)],
)
def test_hyperopt_itself_fails_after_the_start_up_only(options, error):
    domain, trials = Domain(None, {"x": hp.uniform("x", 0, 1)}), Trials()

    def ask(number):
        docs = tpe.suggest([number], domain, trials, number, verbose=False, **options)
        docs[0].update(state=2, result={"status": "ok", "loss": float(number)})
        trials.insert_trial_docs(docs)
        trials.refresh()

    for number in range(20):
        ask(number)
    with pytest.raises(error):
        ask(20)


# -- what trials teach ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "result"),
    [
        (complete(0.5), {"status": "ok", "loss": 0.5}),
        (pruned(3.0, 2.0), {"status": "ok", "loss": 2.0}),
        (pruned(), {"status": "fail"}),
        ({}, {"status": "fail"}),
        ({"reports": ((1, 0.1),)}, {"status": "fail"}),
    ],
)
@pytest.mark.parametrize("foreign", [False, True])
@LEARNING
def test_what_hyperopt_is_told(build, foreign, seen, result):
    optimizer = build(Problem(LINE))
    [point] = optimizer.ask(1)
    fields = {"losses": None, "state": TrialState.FAILED, **seen}
    token = None if foreign else point.token
    optimizer.tell([Observation(point.params, token=token, **fields)])
    docs = list(optimizer._record)
    assert docs[-1]["result"] == result
    assert docs[-1]["state"] == hyperopt.JOB_STATE_DONE
    assert len(docs) == 1 + foreign
    if foreign:
        assert docs[0]["result"] == {"status": "new"}
        assert docs[0]["misc"]["vals"] == docs[1]["misc"]["vals"]


@LEARNING
@pytest.mark.parametrize(
    "rough",
    [
        lambda number, loss: {} if number % 2 else complete(loss),
        lambda number, loss: {} if number < 20 else complete(loss),
        lambda number, loss: pruned(loss + 0.2, loss + 0.1) if number % 3 else complete(loss),
        lambda number, loss: pruned() if number % 3 == 1 else complete(loss),
        lambda number, loss: pruned(loss + 0.1),
    ],
    ids=["half fail", "first 20 fail", "most pruned", "pruned early", "all pruned"],
)
def test_it_finds_better_points_all_the_same(build, rough):
    first, late = [], []
    for seed in range(3):
        losses = []

        def judge(number, params, losses=losses):
            losses.append(distance(LINE, params))
            return rough(number, losses[-1])

        run(build(Problem(LINE, 1, seed)), 70, judge)
        first.append(statistics.mean(losses[:20]))
        late.append(statistics.mean(losses[-25:]))
    assert sum(late) < 0.7 * sum(first)


@LEARNING
def test_nothing_but_failures(build):
    points = run(build(Problem(MIXED, 1, 0)), 45, lambda number, params: {})
    assert len({tuple(p.values()) for p in points}) == 45


def test_a_region_that_fails_is_avoided():
    """Unlike with Optuna, which forgets failed trials."""

    def share(build):
        found = 0
        for seed in range(4):
            points = run(
                build(Problem(LINE, 1, seed)),
                90,
                lambda number, p: {} if p["x"] > 0.4 else complete(p["y"]),
            )
            found += sum(p["x"] <= 0.4 for p in points[40:])
        return found / 200

    assert share(Random) < 0.5
    assert share(Tpe) > 0.6


def share_allowed(build, below, n, **forbidden):
    """The share of ``n`` points that a constraint allows: a corner of the square."""
    found = []
    for seed in range(3):
        points = run(
            build(Problem(LINE, 1, seed)),
            n,
            lambda number, p: complete(p["x"]) if p["x"] + p["y"] <= below else forbidden,
        )
        found.append(sum(p["x"] + p["y"] <= below for p in points) / n)
    return statistics.median(found)


@LEARNING
def test_constraints_that_few_points_satisfy(build):
    """One random point in twenty does."""
    assert share_allowed(build, 0.3, 160, infeasible=True) > 0.15


def test_failures_shrink_the_steps_of_annealing():
    """As in Hyperopt itself, which may stay at a point that failed; so infeasible points, of
    which there may be thousands, are left out."""
    assert share_allowed(Anneal, 0.2, 400) == 0
    assert share_allowed(Anneal, 0.2, 400, infeasible=True) > 0.01
    optimizer = Anneal(Problem(LINE))
    run(optimizer, 30, lambda number, p: {"infeasible": number % 2 == 0})
    assert len(optimizer._record) == 15


def test_of_infeasible_points_the_newest_are_remembered():
    record = Record(Table(LINE), infeasible=2)
    for x in (0.1, 0.2, 0.3):
        point = {"x": x, "y": 0.5}
        record.tell(Observation(point, None, None, TrialState.FAILED, infeasible=True))
    assert [doc["misc"]["vals"]["x"] for doc in record.trials] == [[0.2], [0.3]]


@pytest.mark.parametrize("end", ["running", "failed", "foreign"])
def test_what_counts_for_the_start_up(end):
    """All of them: the fourth point is random with a start-up of four, and not of three."""

    def fourth(jobs):
        optimizer = Tpe(Problem(LINE, 1, 0), n_startup_jobs=jobs)
        points = optimizer.ask(3)
        if end == "failed":
            optimizer.tell(
                [Observation(p.params, None, p.token, TrialState.FAILED) for p in points]
            )
        if end == "foreign":
            optimizer = Tpe(Problem(LINE, 1, 0), n_startup_jobs=jobs)
            optimizer.tell([Observation(p.params, (1.0,), None) for p in points])
            for _ in range(3):  # as many seeds as above
                optimizer._generator.integers(2**31 - 1)
        return optimizer.ask(1)[0].params

    assert fourth(4) == Random(Problem(LINE, 1, 0)).ask(4)[3].params != fourth(3)


def test_annealing_adds_the_id_to_the_seed():
    domain = Domain(None, {"x": hp.uniform("x", 0, 1)})

    def point(suggest, number, seed):
        return suggest([number], domain, Trials(), seed)[0]["misc"]["vals"]["x"]

    assert point(anneal.suggest, 1, 7) == point(anneal.suggest, 0, 8)
    assert point(anneal.suggest, 1, 7) != point(anneal.suggest, 0, 7)
    assert point(rand.suggest, 1, 7) == point(rand.suggest, 0, 7)


@LEARNING
def test_foreign_points_change_the_proposals(build):
    near = [{"x": 0.9 + i / 500, "y": 0.9 - i / 500} for i in range(-4, 5)]
    far = [{"x": i / 31, "y": (7 * i % 31) / 31} for i in range(31)]

    def off(*foreign):
        found = []
        for seed in range(4):
            optimizer = build(Problem(LINE, 1, seed))
            optimizer.tell(
                [
                    Observation(p, ((p["x"] - 0.9) ** 2 + (p["y"] - 0.9) ** 2,), None)
                    for p in foreign
                ]
            )
            points = run(optimizer, 20, lambda number, p: complete((p["x"] - 0.9) ** 2))
            found += [abs(p["x"] - 0.9) + abs(p["y"] - 0.9) for p in points]
        return statistics.median(found)

    assert off(*near, *far) < 0.7 * off()


def test_tpe_keeps_away_from_what_is_running():
    near, alone = Space(x=Float(0, 1)), []
    for seed in range(6):
        batch, single = (Tpe(Problem(near, 1, seed)) for _ in range(2))
        for optimizer in (batch, single):
            run(optimizer, 30, lambda number, p: complete((p["x"] - 0.5) ** 2))
        state = single.state()
        points = [p.params["x"] for p in batch.ask(6)]
        assert len(set(points)) == 6
        again = []
        for _ in range(6):  # as if the others were not running
            [point] = single.ask(1)
            again.append(point.params["x"])
            generator = single.state()["generator"]
            del single._record._docs[point.token]
            assert generator != state["generator"]
        alone.append(statistics.pstdev(points) > statistics.pstdev(again))
    assert sum(alone) >= 4


@LEARNING
def test_a_point_that_is_running_is_not_proposed_again(build):
    space = Space(a=Int(0, 2), b=Categorical([0, 1, 2])).indexed()
    for seed in range(5):
        optimizer = build(Problem(space, 1, seed))
        run(optimizer, 25, lambda number, params: complete(float(params["a"])))
        points = {tuple(p.params.values()) for p in optimizer.ask(5)}
        assert len(points) == 5
    # more than the space has: no point is left, and still it does not stop
    assert len(optimizer.ask(9)) == 9


def test_hyperopt_itself_proposes_running_points_again():
    domain, trials = Domain(None, hp.choice("a", [0, 1, 2, 3])), Trials()
    for number in range(4):
        docs = tpe.suggest([number], domain, trials, number, n_startup_jobs=1, verbose=False)
        trials.insert_trial_docs(docs)
        trials.refresh()
    assert len({doc["misc"]["vals"]["a"][0] for doc in trials.trials}) < 4


def test_hyperopt_makes_a_batch_from_one_seed():
    domain = Domain(None, {"x": hp.uniform("x", 0, 1)})
    assert len(tpe.suggest([0, 1, 2], domain, Trials(), 0, n_startup_jobs=0, verbose=False)) == 1
    with pytest.raises(ValueError, match="too many values"):
        anneal.suggest([0, 1], domain, Trials(), 0)


@LEARNING
def test_better_than_random_search(build):
    """Median of the best of 60 trials over the seeds, on a mixed problem."""

    def best(build):
        found = []
        for seed in range(7):
            points = run(
                build(Problem(MIXED, 1, seed)), 60, lambda number, p: complete(distance(MIXED, p))
            )
            found.append(min(distance(MIXED, p) for p in points))
        return statistics.median(found)

    assert best(build) < 0.8 * best(Random)


# -- manners --------------------------------------------------------------------------


@LEARNING
def test_nothing_is_printed_or_logged_and_no_global_state_is_touched(build, capfd):
    seen = []
    handler = logging.Handler()
    handler.emit = seen.append
    logger = logging.getLogger("hyperopt")
    level, before = logger.level, (random.getstate(), str(np.random.get_state(legacy=False)))
    errors = np.geterr()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        run(build(Problem(MIXED)), 25, lambda n, p: complete(distance(MIXED, p)) if n % 3 else {})
        assert seen == []
        domain = Domain(None, {"x": hp.uniform("x", 0, 1)})
        tpe.suggest([0], domain, Trials(), 0)
        assert [record.levelname for record in seen] == ["INFO", "INFO"]
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert (random.getstate(), str(np.random.get_state(legacy=False))) == before
    assert np.geterr() == errors
    assert capfd.readouterr() == ("", "")


def test_the_hook_module_does_not_import_hyperopt():
    code = (
        "import sys, hpo_bridge_hyperopt as m; m.hpo_register_backends(); "
        "assert not {'hyperopt', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_specs_name_what_exists():
    specs = hpo_bridge_hyperopt.hpo_register_backends()
    for spec in specs:
        module, _, name = spec.factory.partition(":")
        assert callable(getattr(import_module(module), name))
        assert spec.summary
        assert spec.suits
        assert spec.limits
    ranks = {spec.name: (spec.technique, spec.rank) for spec in specs}
    assert ranks == {
        "hyperopt.tpe": ("bayesian", 80),
        "hyperopt.anneal": ("annealing", 10),
        "hyperopt.random": ("random", 0),
    }


# -- why there is no hyperopt.atpe ----------------------------------------------------


def test_atpe_takes_a_seed_and_never_reads_it():
    assert "seed" in inspect.signature(atpe.suggest).parameters
    code = atpe.suggest.__code__
    assert "new_ids" in _read_by(code)
    assert "seed" not in _read_by(code)


def _read_by(code):
    names = {i.argval for i in dis.get_instructions(code) if i.opname.startswith("LOAD")}
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    return names.union(*map(_read_by, inner))


def test_atpe_draws_from_the_global_generators():
    domain = Domain(None, {"x": hp.uniform("x", 0, 1)})
    config = atpe.Hyperparameter.createHyperparameterConfigForHyperoptDomain(domain)
    optimizer = object.__new__(atpe.ATPEOptimizer)  # its models would need lightgbm
    before = random.getstate()
    try:
        points = []
        for _ in range(2):
            random.seed(5)
            points.append(optimizer.recommendNextParameters(config, [], []))
            assert random.getstate() != random.Random(5).getstate()
        assert points[0] == points[1]
    finally:
        random.setstate(before)


def test_atpe_cannot_read_a_trial_that_runs():
    domain, trials = Domain(None, {"x": hp.uniform("x", 0, 1)}), Trials()
    trials.insert_trial_docs(rand.suggest([0], domain, trials, 1))
    trials.refresh()
    config = atpe.Hyperparameter.createHyperparameterConfigForHyperoptDomain(domain)
    optimizer = object.__new__(atpe.ATPEOptimizer)
    with pytest.raises(KeyError, match="loss"):
        optimizer.convertTrialsToResults(config, trials)
    trials.trials[0]["result"] = {"status": "ok", "loss": 0.1}
    with pytest.raises(TypeError, match="NoneType"):  # no time of booking
        optimizer.convertTrialsToResults(config, trials)

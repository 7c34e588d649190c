"""What trials teach the models, and what the adapter leaves alone."""

from __future__ import annotations

import inspect
import math
import random
import subprocess
import sys
import threading
import warnings
from importlib import import_module

import hpo_bridge_skopt
import numpy as np
import pytest
import skopt
from hpo_bridge_skopt.models import ExtraTrees, Forest, Gbrt, Gp
from hpo_bridge_skopt.record import LARGEST, SPARE, Record
from hpo_bridge_skopt.samplers import Lhs, Random, Sobol

from hpo_bridge.contracts.optimizer import Explains, Observation, Problem, Snapshot
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import SpaceError, UnsupportedProblem
from hpo_bridge.space import Categorical, Float, Int, Space

MODELS = [Gp, Forest, ExtraTrees, Gbrt]
SAMPLERS = [Random, Sobol, Lhs]
LINE = Space(x=Float(0, 1), y=Float(0, 1))
SMALL = {"n_initial_points": 5, "n_points": 100}


def bowl(params):
    return (params["x"] - 0.8) ** 2 + (params["y"] - 0.3) ** 2


def foreign(params, **changes):
    return Observation(params, **{"losses": (bowl(params),), **changes})


@pytest.mark.parametrize("backend", MODELS + SAMPLERS)
def test_protocols_and_one_objective(backend):
    optimizer = backend(Problem(LINE))
    assert isinstance(optimizer, Snapshot)
    assert isinstance(optimizer, Explains)
    with pytest.raises(UnsupportedProblem, match="one objective"):
        backend(Problem(LINE, 2))


@pytest.mark.parametrize(
    ("ours", "theirs", "left_out"),
    [
        (Gp, skopt.gp_minimize, set()),
        (Forest, skopt.forest_minimize, set()),
        (ExtraTrees, skopt.forest_minimize, set()),
        (Gbrt, skopt.gbrt_minimize, {"acq_optimizer"}),
    ],
)
def test_options_have_the_librarys_names_and_defaults(ours, theirs, left_out):
    found = inspect.signature(ours).parameters
    known = inspect.signature(theirs).parameters
    core = {"func", "dimensions", "n_calls", "x0", "y0", "random_state", "verbose", "callback"}
    core |= {"base_estimator", "n_random_starts", "model_queue_size", "space_constraint"}
    assert set(known) - set(found) == core | left_out
    assert set(found) - set(known) == {"problem", "strategy", "native_space"}
    for name in set(found) & set(known):
        assert found[name].default == known[name].default, name
    native = inspect.signature(skopt.Optimizer.ask).parameters["strategy"].default
    assert found["strategy"].default == native


@pytest.mark.parametrize(
    ("ours", "theirs", "left_out", "added"),
    [
        (Sobol, skopt.sampler.Sobol, {"skip"}, set()),
        (Lhs, skopt.sampler.Lhs, set(), {"n_samples"}),
    ],
)
def test_samplers_have_the_librarys_names_and_defaults(ours, theirs, left_out, added):
    found = inspect.signature(ours).parameters
    known = inspect.signature(theirs).parameters
    assert set(known) - set(found) == left_out
    assert set(found) - set(known) == {"problem", "native_space"} | added
    assert all(found[n].default == known[n].default for n in set(found) & set(known))


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        (Gp, {"n_initial_points": 0}),
        (Gp, {"n_initial_points": 2.0}),
        (Gp, {"acq_func": "MES"}),
        (Gp, {"acq_func": "EIps"}),
        (Gp, {"acq_func": None}),
        (Gp, {"acq_optimizer": "adam"}),
        (Gp, {"noise": -1}),
        (Gp, {"noise": "loud"}),
        (Gp, {"noise": True}),
        (Gp, {"kappa": "big"}),
        (Gp, {"xi": math.nan}),
        (Gp, {"n_restarts_optimizer": 0}),
        (Gp, {"strategy": "cl_median"}),
        (Gp, {"native_space": 1}),
        (Forest, {"n_points": 0}),
        (Forest, {"n_points": True}),
        (ExtraTrees, {"n_jobs": 0}),
        (ExtraTrees, {"n_jobs": -2}),
        (Gbrt, {"initial_point_generator": "lsh"}),
        (Random, {"native_space": "yes"}),
        (Sobol, {"randomize": 1}),
        (Lhs, {"n_samples": 0}),
        (Lhs, {"lhs_type": "classical"}),
        (Lhs, {"criterion": "minimax"}),
        (Lhs, {"iterations": 1.5}),
    ],
    ids=str,
)
def test_wrong_options_are_refused_at_once(kit, backend, options):
    with pytest.raises((TypeError, ValueError), match=next(iter(options))):
        kit.thin(backend(Problem(LINE), **options))


def test_lbfgs_needs_gradients():
    space = Space(a=Categorical([0, 1, 2]), b=Categorical([0, 1]))
    with pytest.raises(ValueError, match="sampling"):
        Gp(Problem(space), acq_optimizer="lbfgs")


@pytest.mark.parametrize("name", ["sobol", "grid"])
def test_designs_with_too_many_parameters_are_refused(name):
    space = Space({f"x{i}": Float(0, 1) for i in range(41)})
    with pytest.raises(ValueError, match="at most"):
        ExtraTrees(Problem(space), initial_point_generator=name)
    with pytest.raises(UnsupportedProblem, match="at most 40"):
        Sobol(Problem(space))
    assert len(Sobol(Problem(Space({f"x{i}": Float(0, 1) for i in range(40)}))).ask(3)) == 3


# -- pending trials and batches -------------------------------------------------------------


@pytest.mark.parametrize("backend", MODELS)
def test_many_pending_points_differ(kit, backend):
    optimizer = kit.thin(backend(Problem(LINE, 1, 2), **SMALL))
    kit.run(optimizer, 6, bowl)
    points = [s.params for s in (*optimizer.ask(1), *optimizer.ask(3), *optimizer.ask(2))]
    assert len({tuple(p.values()) for p in points}) == 6


@pytest.mark.parametrize("backend", [Gp, ExtraTrees])
def test_pending_initial_points_are_those_of_one_after_the_other(kit, backend):
    """One worker or five: the same initial points, and then models with lies."""
    options = {**SMALL, "initial_point_generator": "halton"}
    sequential = kit.run(kit.thin(backend(Problem(LINE, 1, 3), **options)), 5, bowl)
    optimizer = kit.thin(backend(Problem(LINE, 1, 3), **options))
    suggestions = [optimizer.ask(1)[0] for _ in range(5)]
    assert [s.params for s in suggestions] == sequential
    optimizer.tell([kit.told(s, bowl(s.params)) for s in suggestions[:2]])
    assert optimizer._optimizer.models == []
    optimizer.ask(1)
    assert optimizer._news is False  # a model with three lies was fitted


@pytest.mark.parametrize("backend", MODELS)
def test_a_small_space_never_repeats_what_is_pending(kit, backend):
    space = Space(a=Int(0, 2), b=Categorical([0, 1, 2]))
    optimizer = kit.thin(backend(Problem(space, 1, 0), **SMALL))
    kit.run(optimizer, 6, lambda p: float(p["a"] + p["b"]))
    first = optimizer.ask(4)
    pending = [*first, *optimizer.ask(20)]
    assert len({tuple(s.params.values()) for s in pending}) == len(pending) == 9
    before = optimizer.state()
    assert optimizer.ask(1) == []
    assert optimizer.state() == before
    optimizer.tell([kit.told(pending[3], 0.5)])
    [again] = optimizer.ask(2)
    assert again.params == pending[3].params


@pytest.mark.parametrize("backend", MODELS)
def test_a_discrete_space_is_not_searched_in_circles(kit, backend):
    """Numbers that mean the same point count as the same."""
    space = Space(a=Int(0, 9), b=Int(0, 9))
    optimizer = kit.thin(backend(Problem(space, 1, 0), **SMALL))
    points = kit.run(optimizer, 25, lambda p: float((p["a"] - 3) ** 2 + (p["b"] - 9) ** 2))
    assert len({tuple(p.values()) for p in points}) >= 20


def test_lost_points_do_not_stop_the_search(kit):
    optimizer = ExtraTrees(Problem(LINE, 1, 1), **SMALL)
    optimizer.ask(3)
    losses = [bowl(point) for point in kit.run(optimizer, 30, bowl)]
    assert sum(losses[-10:]) < 0.6 * sum(losses[:10])


# -- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", MODELS)
def test_all_fail(kit, backend):
    optimizer = kit.thin(backend(Problem(LINE, 1, 0), initial_point_generator="lhs", **SMALL))
    points = [
        s.params
        for _ in range(10)
        for s in optimizer.ask(2)
        if optimizer.tell([kit.told(s, None)]) is None
    ]
    assert len({tuple(p.values()) for p in points}) == 20
    assert optimizer._optimizer.models == []


@pytest.mark.parametrize("backend", MODELS)
def test_the_first_twenty_fail(kit, backend):
    early = late = 0.0
    for seed in range(3):
        optimizer = backend(Problem(LINE, 1, seed), **SMALL)
        for _ in range(20):
            [s] = optimizer.ask(1)
            optimizer.tell([kit.told(s, None)])
        losses = [bowl(point) for point in kit.run(optimizer, 15, bowl)]
        early, late = early + sum(losses[:5]), late + sum(losses[-5:])
    assert late < 0.8 * early


@pytest.mark.parametrize("backend", MODELS)
def test_failing_regions_are_avoided(kit, backend):
    """Half of the space fails, and would be the better half."""
    optimizer = kit.thin(backend(Problem(LINE, 1, 1), **{**SMALL, "n_initial_points": 10}))
    failed = 0
    for number in range(30):
        [s] = optimizer.ask(1)
        fails = s.params["x"] > 0.5
        failed += fails and number >= 15
        optimizer.tell([kit.told(s, None if fails else 1.0 - s.params["x"])])
    assert failed <= 7


def test_a_failed_trial_counts_as_the_worst_known():
    record = Record()
    for i, value in enumerate((None, 3.0, 1.0, None)):
        state = TrialState.FAILED if value is None else TrialState.COMPLETE
        losses = None if value is None else (value,)
        assert record.add([i], (i,), Observation({}, losses, 0, state))
        assert record.informed == (i > 0)
    assert record.losses() == [3.0, 3.0, 1.0, 3.0]
    assert record.counted == 4


def test_a_pruned_trial_counts_by_its_last_report():
    def losses(*reports, complete=(1.0, 2.0, 6.0)):
        record = Record()
        for i, value in enumerate(complete):
            record.add([i], (i,), Observation({}, (value,), 0))
        for i, last in enumerate(reports):
            seen = ((0, 50.0), (1, last)) if last is not None else ()
            record.add([i], (i,), Observation({}, None, 0, TrialState.PRUNED, seen))
        return record.losses()[len(complete) :]

    assert losses(4.0, 0.5, None) == [4.0, 2.0, 6.0]
    assert losses(9.0, None) == [9.0, 9.0]
    assert losses(4.0, 0.5, complete=()) == [4.0, 0.5]


def test_the_model_takes_few_infeasible_points():
    """Each costs a fit, and a study may draw thousands in a row."""
    record = Record()
    infeasible = Observation({}, None, 0, TrialState.FAILED, infeasible=True)
    added = [record.add([i], (i,), infeasible) for i in range(50)]
    assert added == [True] * SPARE + [False] * (50 - SPARE)
    assert (len(record.points), len(record.keys), record.counted) == (SPARE, 50, 0)
    record.add([50], (50,), Observation({}, (1.0,), 0))
    assert record.add([51], (51,), infeasible)
    assert not record.add([52], (52,), infeasible)


@pytest.mark.parametrize("backend", [Gp, ExtraTrees])
def test_a_tight_constraint(kit, backend):
    """A twentieth of the space; a thousand points in a row may be forbidden, in short time."""
    optimizer = kit.thin(backend(Problem(LINE, 1, 0), **SMALL))
    good, asked = [], 0
    while len(good) < 25:
        [s] = optimizer.ask(1)
        asked += 1
        assert asked < 2000
        if s.params["x"] + s.params["y"] <= 0.3:
            good.append(s.params)
            optimizer.tell([kit.told(s, -s.params["x"])])
        else:
            optimizer.tell([kit.told(s, None, infeasible=True)])
    assert max(p["x"] for p in good) > 0.2
    for _ in range(1000):
        [s] = optimizer.ask(1)
        optimizer.tell([kit.told(s, None, infeasible=True)])
    assert len(optimizer._record.points) <= 2 * 25 + SPARE


@pytest.mark.parametrize("backend", MODELS)
@pytest.mark.parametrize("losses", ["constant", "huge", "tiny", "one_huge"])
def test_extreme_losses(kit, backend, losses):
    value = {
        "constant": lambda p: 0.25,
        "huge": lambda p: 1.7e308 if p["x"] > 0.5 else -1.7e308,
        "tiny": lambda p: bowl(p) * 1e-320,
        "one_huge": lambda p: 1e308 if p["x"] > 0.9 else bowl(p),
    }[losses]
    optimizer = kit.thin(backend(Problem(LINE, 1, 0), **SMALL))
    points = kit.run(optimizer, 9, value)
    points += [s.params for s in optimizer.ask(2)]
    assert len({tuple(p.values()) for p in points}) == 11
    assert all(abs(y) <= LARGEST for y in optimizer._record.losses())


@pytest.mark.parametrize("noise", [0.0, 1e-10])
def test_a_noiseless_process_takes_repeated_points(kit, noise):
    optimizer = kit.thin(Gp(Problem(LINE, 1, 0), noise=noise, **SMALL))
    optimizer.tell([foreign({"x": 0.5, "y": 0.5}, losses=(float(i),)) for i in range(8)])
    points = kit.run(optimizer, 5, bowl)
    assert len({tuple(p.values()) for p in points}) == 5


# -- foreign points -------------------------------------------------------------------------


@pytest.mark.parametrize("backend", MODELS)
def test_foreign_points_change_the_proposals(kit, backend):
    def spread(*history):
        points = []
        for seed in range(4):
            optimizer = backend(Problem(LINE, 1, seed), **SMALL)
            optimizer.tell(history)
            points += kit.run(optimizer, 6, bowl)
        return sum(map(bowl, points))

    near = [foreign({"x": 0.8 + i / 100, "y": 0.3 - i / 100}) for i in range(-4, 5)]
    far = [foreign({"x": i / 11, "y": (i * 5 % 11) / 11}) for i in range(11)]
    assert spread(*near, *far) < 0.8 * spread()


@pytest.mark.parametrize("backend", [Gp, ExtraTrees])
def test_foreign_points_at_the_bounds(kit, backend):
    """The library refuses what is one ulp outside."""
    optimizer = kit.thin(backend(Problem(kit.MIXED, 1, 1), **SMALL))
    points = [kit.MIXED.decode([u] * len(kit.MIXED)) for u in (0.0, 1.0, 0.3, 0.7, 1 / 3, 0.999)]
    optimizer.tell([Observation(p, (kit.loss(p),)) for p in points])
    assert len(kit.run(optimizer, 3)) == 3


def test_foreign_points_use_up_the_initial_ones(kit):
    """As in the library: its next initial point is that of their number."""
    options = {**SMALL, "initial_point_generator": "halton"}
    points = kit.run(kit.thin(ExtraTrees(Problem(LINE, 1, 1), **options)), 5, bowl)
    warm = kit.thin(ExtraTrees(Problem(LINE, 1, 1), **options))
    warm.tell([foreign({"x": 0.1, "y": 0.2}), foreign({"x": 0.2, "y": 0.1})])
    assert kit.run(warm, 3, bowl) == points[2:]


def test_foreign_points_are_checked():
    with pytest.raises(SpaceError, match="outside"):
        Gp(Problem(LINE)).tell([foreign({"x": 1.5, "y": 0.5})])


# -- what is left alone ---------------------------------------------------------------------


@pytest.mark.parametrize("backend", MODELS + SAMPLERS)
def test_seeds_and_the_global_generators(kit, backend):
    options = SMALL if backend in MODELS else {}

    def points(seed):
        return kit.run(kit.thin(backend(Problem(kit.MIXED, 1, seed), **options)), 9)

    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()
    first = points(1)
    assert random.getstate() == before[0]
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), before[1], strict=True))
    np.random.seed(2)
    random.seed(2)
    assert points(1) == first != points(2)


def test_two_searches_in_two_threads(kit):
    alone = kit.run(kit.thin(Gp(Problem(LINE, 1, 0), **SMALL)), 10, bowl)
    filters = list(warnings.filters)
    found = [None, None]

    def work(i):
        found[i] = kit.run(kit.thin(Gp(Problem(LINE, 1, 0), **SMALL)), 10, bowl)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone, alone]
    assert warnings.filters == filters


def test_nothing_is_printed(kit, capfd):
    kit.run(kit.thin(Gbrt(Problem(LINE, 1, 0), **SMALL)), 8, lambda p: 1.0)
    assert capfd.readouterr() == ("", "")


def test_the_library_is_not_changed(kit):
    """The repair of the boosted trees is in a subclass."""
    module = sys.modules["skopt.learning.gbrt"]
    kit.run(kit.thin(Gbrt(Problem(LINE, 1, 0), **SMALL)), 7, bowl)
    assert module.np is np
    with pytest.raises(ValueError, match="regressor"):
        skopt.Optimizer([(0.0, 1.0)], "GBRT")


def test_results_that_come_together_are_one_fit(kit, monkeypatch):
    fits = []
    fit = skopt.learning.ExtraTreesRegressor.fit
    monkeypatch.setattr(
        skopt.learning.ExtraTreesRegressor, "fit", lambda *a: fits.append(1) or fit(*a)
    )
    optimizer = kit.thin(ExtraTrees(Problem(LINE, 1, 0), **SMALL))
    suggestions = optimizer.ask(12)
    for s in suggestions:
        optimizer.tell([kit.told(s, bowl(s.params))])
    assert fits == []
    optimizer.ask(1)
    assert fits == [1]


def test_past_models_are_not_kept(kit):
    optimizer = kit.thin(ExtraTrees(Problem(LINE, 1, 0), **SMALL))
    kit.run(optimizer, 10, bowl)
    assert len(optimizer._optimizer.models) == 1


def test_the_hook_module_does_not_import_the_library():
    code = (
        "import sys, hpo_bridge_skopt as m; m.hpo_register_backends(); "
        "assert not {'skopt', 'sklearn', 'scipy', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_import_does_not_warn():
    code = "import hpo_bridge_skopt.models, hpo_bridge_skopt.samplers"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_specs_name_what_exists():
    specs = hpo_bridge_skopt.hpo_register_backends()
    for spec in specs:
        module, _, name = spec.factory.partition(":")
        assert callable(getattr(import_module(module), name))
        assert spec.summary
        assert spec.suits
        assert spec.limits
        assert spec.url
    ranks = {spec.name: spec.rank for spec in specs if spec.technique == "bayesian"}
    assert ranks == {
        "skopt.gp": 70,
        "skopt.extra_trees": 60,
        "skopt.forest": 50,
        "skopt.gbrt": 40,
    }
    assert [s.name for s in specs if s.technique == "random"] == [
        "skopt.random",
        "skopt.sobol",
        "skopt.lhs",
    ]

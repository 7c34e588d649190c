"""With the same seed and options: what the library's own loops propose, to the last bit."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import skopt
import skopt.learning.gbrt
import skopt.optimizer.optimizer
import skopt.utils
from hpo_bridge_skopt.models import ExtraTrees, Forest, Gbrt, Gp
from hpo_bridge_skopt.samplers import Lhs, Random, Sobol
from skopt.space import Categorical, Integer, Real

KINDS = ["sgd", "adam", "rmsprop"]


def rounded(number, low, high):
    return min(max(math.floor(number + 0.5), low), high)


class Written:
    """``kit.MIXED`` as a user of the library would write it, by hand."""

    dimensions = (
        Real(-2.0, 3.0),
        Real(1e-4, 1e-1, "log-uniform"),
        Integer(0, 20),
        Integer(1, 300, "log-uniform"),
        Integer(2, 9),
        Integer(0, 7),
        Categorical(KINDS),
        Categorical(["s", "m", "l", "xl"]),
    )

    @staticmethod
    def decode(x):
        z, lr, step, units, depth, batch, kind, size = x
        return {
            "z": z,
            "lr": lr,
            "step": round(-1.0 + 0.1 * step, 10),
            "units": int(units),
            "depth": int(depth),
            "batch": 16 + 16 * int(batch),
            "kind": KINDS.index(kind),
            "size": ["s", "m", "l", "xl"].index(size),
            "one": 0,
            "fixed": 0.5,
        }


class Unbiased(Written):
    """The dimensions that give every value its weight under a Gaussian process."""

    dimensions = (
        Real(-2.0, 3.0),
        Real(1e-4, 1e-1, "log-uniform"),
        Real(-0.5, 20.5),
        Real(0.5, 300.5, "log-uniform"),
        Real(1.5, 9.5),
        Real(-0.5, 7.5),
        Categorical(KINDS),
        Real(-0.5, 3.5),
    )

    @classmethod
    def decode(cls, x):
        ends = {2: (0, 20), 3: (1, 300), 4: (2, 9), 5: (0, 7)}
        y = [rounded(v, *ends[i]) if i in ends else v for i, v in enumerate(x)]
        y[7] = ["s", "m", "l", "xl"][rounded(x[7], 0, 3)]
        return Written.decode(y)


class UnbiasedTrees(Written):
    """The same for trees, which leave an ``Integer`` alone unless it is log-uniform."""

    dimensions = (
        *Written.dimensions[:3],
        Real(0.5, 300.5, "log-uniform"),
        *Written.dimensions[4:7],
        Integer(0, 3),
    )

    @classmethod
    def decode(cls, x):
        sizes = ["s", "m", "l", "xl"]
        return Written.decode([*x[:3], rounded(x[3], 1, 300), *x[4:7], sizes[int(x[7])]])


def fresh(written):
    """Dimensions of one's own: the library changes those it is given."""
    made = []
    for d in written.dimensions:
        if isinstance(d, Categorical):
            made.append(Categorical(d.categories))
        else:
            made.append(type(d)(d.low, d.high, d.prior))
    return made


@pytest.fixture
def mended(monkeypatch):
    """The library with its two breaks mended in place, which the adapter may not do."""

    class Numpy:
        in1d = staticmethod(np.isin)

        def __getattr__(self, name):
            return getattr(np, name)

    monkeypatch.setattr(skopt.learning.gbrt, "np", Numpy())
    for module in (skopt.optimizer.optimizer, skopt.utils):
        monkeypatch.setattr(module, "is_regressor", lambda found: True)


# Each proposal of a model depends on all that was told and drawn before, so some of them do.
GP_OPTIONS = [
    ({"n_initial_points": 6}, 16, 0, False),
    ({"n_initial_points": 52}, 56, 4, True),
    ({"acq_func": "EI", "noise": 1e-6, "initial_point_generator": "lhs"}, 15, 1, True),
    ({"acq_func": "LCB", "acq_optimizer": "sampling", "n_initial_points": 50}, 54, 2, True),
    ({"acq_func": "LCB", "kappa": 3.0, "n_initial_points": 22}, 26, 2, False),
    (
        {"acq_func": "PI", "xi": 0.1, "n_restarts_optimizer": 2, "n_initial_points": 20},
        24,
        3,
        False,
    ),
]


@pytest.mark.parametrize(("options", "n", "seed", "native_space"), GP_OPTIONS, ids=str)
def test_gp(kit, native_space, options, n, seed):
    written = Written if native_space else Unbiased
    options = {"n_points": 300, **options}
    expected = kit.natively(
        skopt.gp_minimize, n, fresh(written), written.decode, random_state=seed, **options
    )
    problem = kit.Problem(kit.MIXED, 1, seed)
    assert kit.run(Gp(problem, native_space=native_space, **options), n) == expected


TREE_OPTIONS = [
    ({}, 0, False),
    ({"n_initial_points": 56}, 0, True),
    ({"acq_func": "LCB", "kappa": "inf", "n_initial_points": 56}, 1, True),
    ({"acq_func": "gp_hedge", "n_initial_points": 56}, 2, False),
]


@pytest.mark.parametrize(("backend", "name"), [(Forest, "RF"), (ExtraTrees, "ET")])
@pytest.mark.parametrize(("options", "seed", "native_space"), TREE_OPTIONS, ids=str)
def test_trees(kit, backend, name, native_space, options, seed):
    written = Written if native_space else UnbiasedTrees
    options = {"n_initial_points": 52, "n_points": 300, **options}
    expected = kit.natively(
        skopt.forest_minimize,
        60,
        fresh(written),
        written.decode,
        base_estimator=name,
        random_state=seed,
        **options,
    )
    problem = kit.Problem(kit.MIXED, 1, seed)
    assert kit.run(backend(problem, native_space=native_space, **options), 60) == expected


@pytest.mark.parametrize(
    ("options", "seed", "native_space"),
    [({}, 0, False), ({"acq_func": "EI", "xi": 1, "n_initial_points": 56}, 5, True)],
    ids=str,
)
def test_gbrt(kit, mended, native_space, options, seed):
    written = Written if native_space else UnbiasedTrees
    options = {"n_initial_points": 52, "n_points": 300, **options}
    expected = kit.natively(
        skopt.gbrt_minimize, 60, fresh(written), written.decode, random_state=seed, **options
    )
    problem = kit.Problem(kit.MIXED, 1, seed)
    assert kit.run(Gbrt(problem, native_space=native_space, **options), 60) == expected


@pytest.mark.parametrize("native_space", [True, False])
def test_random(kit, mended, native_space):
    written = Written if native_space else UnbiasedTrees
    expected = kit.natively(
        skopt.dummy_minimize, 60, fresh(written), written.decode, random_state=4
    )
    problem = kit.Problem(kit.MIXED, 1, 4)
    assert kit.run(Random(problem, native_space=native_space), 60) == expected


@pytest.mark.parametrize("generator", ["sobol", "halton", "hammersly", "lhs", "grid"])
@pytest.mark.parametrize("backend", [Gp, ExtraTrees])
def test_initial_points(kit, backend, generator):
    """Those of the library's ``Optimizer``, in its order, then a point of the model."""
    options = {"n_initial_points": 8, "initial_point_generator": generator}
    expected = kit.natively(
        skopt.gp_minimize if backend is Gp else skopt.forest_minimize,
        9,
        fresh(Written),
        Written.decode,
        random_state=7,
        n_points=100,
        **options,
    )
    problem = kit.Problem(kit.MIXED, 1, 7)
    optimizer = backend(problem, native_space=True, n_points=100, **options)
    assert kit.run(optimizer, 9) == expected


def test_sobol(kit):
    native = skopt.sampler.Sobol().generate(fresh(Written), 64, random_state=3)
    points = Sobol(kit.Problem(kit.MIXED, 1, 3), native_space=True).ask(60)
    assert [p.params for p in points] == [Written.decode(x) for x in native[:60]]
    unit = skopt.sampler.Sobol().generate([(0.0, 1.0)] * 8, 64, random_state=3)
    points = [p for _ in range(20) for p in Sobol(kit.Problem(kit.MIXED, 1, 3)).ask(60)][:60]
    assert [p.params["depth"] for p in points] == [2 + int(8 * u[4]) for u in unit[:60]]
    assert [p.params["kind"] for p in points] == [int(3 * u[6]) for u in unit[:60]]


@pytest.mark.parametrize("options", [{}, {"criterion": "ratio", "lhs_type": "centered"}], ids=str)
def test_lhs(kit, options):
    options = {"iterations": 30, **options}
    generator = np.random.RandomState(3)
    sampler = skopt.sampler.Lhs(**options)
    native = [x for _ in range(3) for x in sampler.generate(fresh(Written), 20, generator)]
    problem = kit.Problem(kit.MIXED, 1, 3)
    optimizer = Lhs(problem, native_space=True, n_samples=20, **options)
    assert kit.run(optimizer, 60) == [Written.decode(x) for x in native]


@pytest.mark.parametrize(
    ("backend", "build", "options"),
    [
        (Gp, {"base_estimator": "GP", "acq_func": "gp_hedge"}, {}),
        (Gp, {"base_estimator": "GP", "acq_func": "EI"}, {"acq_func": "EI", "strategy": "cl_max"}),
        (ExtraTrees, {"base_estimator": "ET", "acq_func": "EI"}, {"strategy": "cl_mean"}),
        (
            Forest,
            {"base_estimator": "RF", "acq_func": "EI", "initial_point_generator": "sobol"},
            {"initial_point_generator": "sobol"},
        ),
    ],
    ids=str,
)
def test_batches(kit, backend, build, options):
    """``ask(4)`` with nothing pending is the library's ``ask(n_points=4)``, also at first."""
    points = {"n_points": 200, "n_restarts_optimizer": 5, "n_jobs": 1}
    ours = backend(
        kit.Problem(kit.MIXED, 1, 8),
        native_space=True,
        n_initial_points=10,
        n_points=200,
        **options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        native = skopt.Optimizer(
            fresh(Written),
            n_initial_points=10,
            random_state=8,
            acq_optimizer_kwargs=points,
            acq_func_kwargs={"xi": 0.01, "kappa": 1.96},
            **build,
        )
        for size in (4, 4, 4, 1, 3):
            strategy = options.get("strategy", "cl_min")
            xs = native.ask(size, strategy) if size > 1 else [native.ask()]
            found = ours.ask(size)
            assert [s.params for s in found] == [Written.decode(x) for x in xs]
            losses = [kit.loss(s.params) for s in found]
            native.tell(xs, losses)
            ours.tell([kit.told(s, v) for s, v in zip(found, losses, strict=True)])


def test_the_library_is_broken_where_it_is_repaired():
    """If this fails the library was mended: drop the repairs."""
    with pytest.raises(ValueError, match="regressor"):
        skopt.Optimizer([(0.0, 1.0)], "GBRT")
    with pytest.raises(AttributeError, match="__sklearn_tags__"):
        skopt.Optimizer([(0.0, 1.0)], "DUMMY")
    assert not hasattr(np, "in1d")

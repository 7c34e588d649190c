"""With the same seed and options: what ``fmin`` proposes, to the last bit."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from hpo_bridge_hyperopt.algorithms import Anneal, Random, Tpe
from hpo_bridge_hyperopt.posterior import suggest_by_one_graph
from hyperopt import JOB_STATE_DONE, Domain, Trials, anneal, hp, rand, tpe
from hyperopt.pyll import rec_eval

from hpo_bridge.contracts.optimizer import Observation
from hpo_bridge.space import Categorical, Float, Space

TPE = [
    # space, native_space, options
    ("flat", True, {}),
    ("flat", False, {"n_startup_jobs": 5, "n_EI_candidates": 7}),
    ("nested", True, {}),
    ("nested", False, {}),
    ("nested", True, {"gamma": 0.7, "prior_weight": 0.4, "n_startup_jobs": 10}),
    ("nested", True, {"n_startup_jobs": 0}),
]
ANNEAL_OPTIONS = [{}, {"avg_best_idx": 1.0}, {"avg_best_idx": 4.5, "shrink_coef": 0.02}]
SPACES = ["flat", "nested"]


@pytest.mark.parametrize("native_space", [True, False])
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("seed", [0, 7])
def test_random(kit, space, seed, native_space):
    expected = kit.native(space, rand.suggest, seed, 80, native_space=native_space)
    optimizer = Random(kit.Problem(kit.SPACES[space], 1, seed), native_space=native_space)
    assert kit.bridged(optimizer, space, 80) == expected


@pytest.mark.parametrize(("space", "native_space", "options"), TPE, ids=json.dumps)
def test_tpe(kit, space, native_space, options):
    algo = partial(tpe.suggest, verbose=False, **options)
    expected = kit.native(space, algo, 3, 80, native_space=native_space)
    problem = kit.Problem(kit.SPACES[space], 1, 3)
    optimizer = Tpe(problem, native_space=native_space, **options)
    assert kit.bridged(optimizer, space, 80) == expected


def test_the_graph_of_the_model_is_built_once_and_hyperopt_left_alone(kit, monkeypatch):
    before, built = tpe.build_posterior_wrapper, []
    monkeypatch.setattr(
        tpe, "build_posterior_wrapper", lambda *args: built.append(1) or before(*args)
    )
    expected = kit.native("nested", partial(tpe.suggest, verbose=False), 1, 30)
    assert len(built) == 30
    optimizer = Tpe(kit.Problem(kit.NESTED, 1, 1), native_space=True)
    assert kit.bridged(optimizer, "nested", 30) == expected
    assert len(built) == 31


def test_a_hyperopt_that_builds_its_graph_elsewhere_is_used_as_it_is(kit, monkeypatch):
    def suggest(*args, **options):
        return whole(*args, **options)

    whole = tpe.suggest
    monkeypatch.setattr(tpe, "suggest", suggest)
    assert suggest_by_one_graph() is suggest


@pytest.mark.parametrize("options", ANNEAL_OPTIONS, ids=json.dumps)
@pytest.mark.parametrize("native_space", [True, False])
@pytest.mark.parametrize(("space", "seed"), [("flat", 0), ("nested", 7)])
def test_anneal(kit, space, seed, native_space, options):
    algo = partial(anneal.suggest, **options)
    expected = kit.native(space, algo, seed, 120, native_space=native_space)
    problem = kit.Problem(kit.SPACES[space], 1, seed)
    optimizer = Anneal(problem, native_space=native_space, **options)
    assert kit.bridged(optimizer, space, 120) == expected


@pytest.mark.parametrize(
    ("build", "suggest"),
    [(Tpe, partial(tpe.suggest, verbose=False)), (Anneal, anneal.suggest)],
    ids=["tpe", "anneal"],
)
@pytest.mark.parametrize("space", SPACES)
def test_batches_told_out_of_order(kit, build, suggest, space):
    """Against Hyperopt's own calls, four trials at a time, told backwards, some never."""
    tree, _ = kit.written(space, True)
    domain, trials, rstate = Domain(None, tree), Trials(), np.random.default_rng(6)
    optimizer = build(kit.Problem(kit.SPACES[space], 1, 6), native_space=True)
    for batch in range(12):
        points, docs = optimizer.ask(4), []
        for point in points:
            ids = trials.new_trial_ids(1)
            trials.refresh()
            trials.insert_trial_docs(suggest(ids, domain, trials, rstate.integers(2**31 - 1)))
            trials.refresh()
            docs.append(trials.trials[-1])
            vals = {k: v[0] for k, v in docs[-1]["misc"]["vals"].items() if v}
            assert optimizer._table.vals(point.params) == pytest.approx(vals, rel=1e-15)
            assert point.token == docs[-1]["tid"]
        seen = []
        for number, (doc, point) in enumerate(zip(docs, points, strict=True)):
            loss = kit.loss_of(number + batch, point.params)
            doc["state"] = JOB_STATE_DONE
            doc["result"] = {"status": "fail"} if loss is None else {"status": "ok", "loss": loss}
            seen.append(kit.told(point, loss))
        if batch == 5:  # lost
            docs[2].update(state=0, result={"status": "new"})
            del seen[2]
        if batch % 2:
            optimizer.tell(seen[::-1])
        else:
            for one in seen[::-1]:
                optimizer.tell([one])


def test_the_order_of_the_parameters_does_not_matter(kit):
    def points(*names):
        space = Space({name: Float(0, 1) for name in names})
        optimizer, found = Tpe(kit.Problem(space, 1, 0), n_startup_jobs=5), []
        for _ in range(15):
            [point] = optimizer.ask(1)
            found.append(dict(sorted(point.params.items())))
            optimizer.tell([kit.told(point, point.params["a"])])
        return found

    assert points("a", "b", "c") == points("c", "a", "b")


def test_choices_of_any_kind_reach_hyperopt_as_indices(kit):
    """Hyperopt itself gives a list back as a tuple."""
    choices = [[1, 2], "sgd", None, True]
    tree = {"kind": hp.choice("kind", choices), "x": hp.uniform("x", 0, 1)}
    domain, rstate = Domain(None, tree), np.random.default_rng(4)
    space = Space(kind=Categorical(choices), x=Float(0, 1))
    for point in Random(kit.Problem(space.indexed(), 1, 4)).ask(30):
        [doc] = rand.suggest([0], domain, Trials(), rstate.integers(2**31 - 1))
        found = rec_eval(
            domain.expr,
            memo=domain.memo_from_config({k: v[0] for k, v in doc["misc"]["vals"].items()}),
        )
        expected = found["kind"]
        mine = space["kind"].grid(point.params["kind"])
        assert (list(expected) if isinstance(expected, tuple) else expected) == mine
        assert not isinstance(expected, list)


def test_trials_that_raised_are_forgotten_by_fmin_and_avoided_here(kit):
    """``catch_eval_exceptions`` takes them out of the record; a status ``fail`` stays."""
    trials, points = Trials(), []

    def objective(point):
        points.append(point)
        raise ArithmeticError

    trials.fmin(
        objective,
        {"x": hp.uniform("x", 0, 1)},
        algo=rand.suggest,
        max_evals=1,
        rstate=np.random.default_rng(0),
        catch_eval_exceptions=True,
        return_argmin=False,
        show_progressbar=False,
    )
    assert points
    assert trials.trials == []
    optimizer = Tpe(kit.Problem(Space(x=Float(0, 1))))
    [point] = optimizer.ask(1)
    optimizer.tell([Observation(point.params, None, point.token)])
    assert [doc["result"] for doc in optimizer._record] == [{"status": "fail"}]

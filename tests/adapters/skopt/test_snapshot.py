"""A search that is taken up from a snapshot goes on as if nothing had happened."""

from __future__ import annotations

import json
import time

import pytest
from hpo_bridge_skopt.models import ExtraTrees, Forest, Gbrt, Gp
from hpo_bridge_skopt.samplers import Lhs, Random, Sobol

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError
from hpo_bridge.space import Float, Space

CASES = [
    (Gp, {}),
    (Gp, {"acq_func": "EI", "initial_point_generator": "lhs"}),
    (Forest, {"strategy": "cl_mean"}),
    (ExtraTrees, {"acq_func": "gp_hedge", "initial_point_generator": "sobol"}),
    (Gbrt, {}),
]
SAMPLERS = [
    (Random, {}),
    (Sobol, {}),
    (Lhs, {"n_samples": 7, "iterations": 20}),
    (Random, {"native_space": True}),
    (Sobol, {"native_space": True}),
    (Lhs, {"native_space": True, "n_samples": 7, "iterations": 20}),
]


class Machine:
    """Up to four trials pending, told in odd orders; some fail, are pruned, lost, foreign."""

    def __init__(self, kit, build):
        self.kit, self.build = kit, build
        self.optimizer = build()
        self.pending, self.told, self.points = [], [], []

    def restart(self):
        state = json.loads(json.dumps(self.optimizer.state(), allow_nan=False))
        self.optimizer = self.build()
        self.optimizer.restore(state, iter(self.told))
        assert json.loads(json.dumps(self.optimizer.state())) == state

    def ask(self, turn):
        for suggestion in self.optimizer.ask(1 + turn % 2):
            self.points.append(suggestion.params)
            token = json.loads(json.dumps(suggestion.token))
            suggestion = type(suggestion)(self.kit.MIXED.check(suggestion.params), token)
            self.pending.append((len(self.points) - 1, suggestion))

    def tell(self, turn):
        while len(self.pending) > turn % 4:
            number, suggestion = self.pending.pop((turn * 7) % len(self.pending))
            value = self.kit.loss(suggestion.params)
            if number == 11:
                continue  # lost: never told
            if number % 13 == 6:
                seen = self.kit.told(suggestion, None, infeasible=True)
            elif number % 7 == 3:
                seen = self.kit.told(suggestion, None)
            elif number % 5 == 4:
                reports = ((0, value + 1.0), (1, value))
                seen = self.kit.told(suggestion, None, state=TrialState.PRUNED, reports=reports)
            else:
                seen = self.kit.told(suggestion, value)
            self.told.append(seen)
            self.optimizer.tell([seen])
        if turn % 6 == 5:
            space = self.kit.MIXED
            point = space.decode([(turn * 0.37 + 0.1 * i) % 1 for i in range(len(space))])
            self.told.append(Observation(point, (self.kit.loss(point),)))
            self.optimizer.tell(self.told[-1:])

    def run(self, turns, *cuts):
        """Restarts after the ask of each of the cuts, or the tell where it is negative."""
        for turn in range(turns):
            self.ask(turn)
            if turn in cuts:
                self.restart()
            self.tell(turn)
            if -turn in cuts:
                self.restart()
        return self.points


@pytest.mark.parametrize(("backend", "options"), CASES, ids=str)
def test_models_go_on(kit, backend, options):
    def build():
        problem = Problem(kit.MIXED, 1, 5)
        return kit.thin(backend(problem, n_initial_points=6, n_points=60, **options))

    whole = Machine(kit, build).run(14)
    assert Machine(kit, build).run(14, *range(-13, 14)) == whole
    assert Machine(kit, build).run(14, 8) == whole


@pytest.mark.parametrize("backend", [Gp, ExtraTrees])
def test_one_after_the_other(kit, backend):
    """With a model that is up to date, and with one that is not."""

    def build():
        return kit.thin(backend(Problem(kit.MIXED, 1, 5), n_initial_points=4, n_points=60))

    whole = kit.run(build(), 12)
    optimizer, told, points = build(), [], []
    for number in range(12):
        [s] = optimizer.ask(1)
        points.append(s.params)
        for after in range(2):
            if number % 3 == after:
                state = json.loads(json.dumps(optimizer.state()))
                optimizer = build()
                optimizer.restore(state, told)
            if not after:
                told.append(kit.told(s, kit.loss(s.params)))
                optimizer.tell(told[-1:])
    assert points == whole


@pytest.mark.parametrize("backend", [Gp, ExtraTrees, Gbrt])
def test_three_hundred_trials_are_restored_without_a_model(kit, backend, monkeypatch):
    import skopt.optimizer.optimizer as library

    def build():
        return backend(Problem(kit.MIXED, 1, 5), n_initial_points=301, n_points=50)

    optimizer = build()
    told = [kit.told(s, kit.loss(s.params)) for s in optimizer.ask(300)]
    optimizer.tell(told)
    state = json.loads(json.dumps(optimizer.state()))
    assert len(json.dumps(state)) < 20_000
    fits = []
    clone = library.clone
    monkeypatch.setattr(library, "clone", lambda found: fits.append(1) or clone(found))
    start = time.process_time()
    again = build()
    again._n_initial = 300
    again.restore(state, told)
    assert time.process_time() - start < 1.0
    assert fits == []
    again.ask(1)
    assert fits == [1]


@pytest.mark.parametrize(("backend", "options"), SAMPLERS, ids=str)
def test_samplers_go_on(kit, backend, options):
    def build():
        return backend(Problem(kit.MIXED, 1, 3), **options)

    def unread():
        raise AssertionError
        yield

    whole = [s.params for s in build().ask(40)]
    for cut in (0, 1, 7, 16, 33):
        first = build()
        given = [s.params for s in first.ask(cut)]
        state = json.loads(json.dumps(first.state(), allow_nan=False))
        second = build()
        second.restore(state, unread())
        assert second.state() == state
        for n in (3, 40 - cut - 3):
            given += [s.params for s in second.ask(n)]
        assert given == whole, cut


def test_a_state_changes_nothing(kit):
    optimizer = kit.thin(Gp(Problem(kit.MIXED, 1, 5), n_initial_points=4, n_points=60))
    points = []
    for _ in range(8):
        optimizer.state()
        [s] = optimizer.ask(1)
        points.append(s.params)
        assert optimizer.state() == optimizer.state()
        optimizer.tell([kit.told(s, kit.loss(s.params))])
    fresh = kit.thin(Gp(Problem(kit.MIXED, 1, 5), n_initial_points=4, n_points=60))
    assert kit.run(fresh, 8) == points


def test_a_snapshot_of_other_observations_is_refused(kit):
    optimizer = Gp(Problem(kit.LINE), **kit.FAST)
    kit.run(optimizer, 3)
    with pytest.raises(BackendError, match="does not belong"):
        Gp(Problem(kit.LINE), **kit.FAST).restore(optimizer.state(), [])
    with pytest.raises(BackendError, match="another backend"):
        Sobol(Problem(Space(x=Float(0, 1)))).restore({"told": 3}, [])

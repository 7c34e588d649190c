"""A study that is taken up from a snapshot goes on as if nothing had happened."""

from __future__ import annotations

import json
import time

import pytest

from hpo_bridge.contracts.optimizer import Observation
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError


def outcome(kit, number, suggestion, n_objectives):
    """Complete, failed, pruned with and without a report, infeasible."""
    value = kit.loss(suggestion.params)
    kinds = {2: TrialState.FAILED, 5: TrialState.PRUNED, 8: TrialState.PRUNED}
    state = kinds.get(number % 11, TrialState.COMPLETE)
    infeasible = number % 13 == 6
    if infeasible:
        state = TrialState.FAILED
    losses = None
    if state is TrialState.COMPLETE:
        losses = tuple((value * (i + 1.5)) % 13.0 for i in range(n_objectives))
    reports = ((1 + number % 4, value),) if number % 11 == 5 else ()
    return Observation(
        suggestion.params, losses, suggestion.token, state, reports, infeasible=infeasible
    )


def drive(optimizer, kit, space, turns, *, n_objectives=1, cut=None, build=None):
    """Up to five trials pending, told in odd orders, foreign ones in between."""
    pending, told, points = [], [], []
    for turn in range(turns):
        for suggestion in optimizer.ask(1 + turn % 3):
            points.append((dict(suggestion.params), suggestion.token))
            pending.append((len(points), suggestion))
        if turn == cut:  # with trials pending
            before = json.dumps(optimizer.state(), allow_nan=False)
            assert json.dumps(optimizer.state()) == before
            optimizer = build()
            optimizer.restore(json.loads(before), iter(told))
            assert json.dumps(optimizer.state()) == before
        while len(pending) > turn % 6:
            number, suggestion = pending.pop((turn * 7) % len(pending))
            told.append(outcome(kit, number, suggestion, n_objectives))
            optimizer.tell(told[-1:])
        if turn % 9 == 5:
            point = space.decode([(turn * 0.37 + 0.1 * i) % 1 for i in range(len(space))])
            losses = tuple((kit.loss(point) * (i + 1.5)) % 13.0 for i in range(n_objectives))
            told.append(Observation(point, losses))
            optimizer.tell(told[-1:])
    return points


@pytest.mark.parametrize("space", ["MIXED", "CUBE", "SMALL"])
@pytest.mark.parametrize("reevaluate", [False, True])
def test_it_goes_on_from_every_cut(kit, factory, space, reevaluate):
    space = getattr(kit, space)
    n_objectives = 2 if factory is kit.BACKENDS["nsga2"] else 1

    def build():
        return factory(kit.Problem(space, n_objectives, 5), reevaluate=reevaluate)

    whole = drive(build(), kit, space, 60, n_objectives=n_objectives)
    for cut in (0, 3, 7, 12, 19, 20, 31, 45, 58):
        found = drive(build(), kit, space, 60, n_objectives=n_objectives, cut=cut, build=build)
        assert found == whole, cut


def test_before_the_first_ask(kit, factory):
    point = kit.MIXED.decode([0.3] * len(kit.MIXED))
    foreign = [Observation(point, (0.5,))]
    whole = factory(kit.Problem(kit.MIXED, 1, 1))
    whole.tell(foreign)
    again = factory(kit.Problem(kit.MIXED, 1, 1))
    again.restore(json.loads(json.dumps(whole.state())), foreign)
    assert kit.bridged(again, 30) == kit.bridged(whole, 30)


def test_covariances_go_on_to_the_last_bit(kit):
    """Whatever the layout in memory of the matrices of twenty parameters."""
    from hpo_bridge.space import Float, Space

    space = Space({f"x{i}": Float(-1, 1) for i in range(20)})
    whole = kit.BACKENDS["cmaes"](kit.Problem(space, 1, 3))
    told = []
    for number in range(300):
        [s] = whole.ask(1)
        told.append(Observation(s.params, (kit.loss(s.params),), s.token))
        whole.tell(told[-1:])
        if number % 25 == 24:
            again = kit.BACKENDS["cmaes"](kit.Problem(space, 1, 3))
            again.restore(json.loads(json.dumps(whole.state())), told)
            whole = again
    straight = kit.BACKENDS["cmaes"](kit.Problem(space, 1, 3))
    for seen in told:
        [s] = straight.ask(1)
        assert s.params == seen.params
        straight.tell([seen])


def test_300_trials_are_restored_at_once(kit, factory):
    optimizer = factory(kit.Problem(kit.MIXED, 1, 0))
    told = []
    for _ in range(300):
        [s] = optimizer.ask(1)
        told.append(Observation(s.params, (kit.loss(s.params),), s.token))
        optimizer.tell(told[-1:])
    state = json.dumps(optimizer.state(), allow_nan=False)
    assert len(state) < 40_000
    again = factory(kit.Problem(kit.MIXED, 1, 0))
    start = time.process_time()
    again.restore(json.loads(state), told)
    assert time.process_time() - start < 0.5
    assert kit.bridged(again, 20) == kit.bridged(optimizer, 20)


def test_other_observations_are_refused(kit, factory):
    optimizer = factory(kit.Problem(kit.CUBE))
    kit.bridged(optimizer, 5)
    with pytest.raises(BackendError, match="does not belong"):
        factory(kit.Problem(kit.CUBE)).restore(optimizer.state(), [])

"""A study that is taken up from a snapshot goes on as if nothing had happened."""

from __future__ import annotations

import json
import time

import pytest
from hpo_bridge_hyperopt.algorithms import Anneal, Random, Tpe

from hpo_bridge.contracts.optimizer import Observation
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError
from hpo_bridge.space import Float, Int, Space

BUILDS = {
    "tpe": lambda problem: Tpe(problem, n_startup_jobs=8, n_EI_candidates=6),
    "native tpe": lambda problem: Tpe(
        problem, n_startup_jobs=8, n_EI_candidates=6, native_space=True
    ),
    "anneal": Anneal,
}


def outcome(number, suggestion, params):
    """Some trials complete, some fail, some are pruned, some infeasible."""
    loss = sum((i + 1) * (float(params[k]) - 0.3) ** 2 for i, k in enumerate(sorted(params))) % 97
    token = suggestion.token
    if number % 13 == 6:
        return Observation(params, None, token, TrialState.FAILED, infeasible=True)
    if number % 7 == 3:
        return Observation(params, None, token, TrialState.FAILED)
    if number % 5 == 4:
        reports = ((1, loss + 1), (2, loss)) if number % 2 else ()
        return Observation(params, None, token, TrialState.PRUNED, reports)
    return Observation(params, (loss,), token)


def drive(optimizer, space, turns, *, cut=None, build=None):
    """Up to four trials pending, told in odd orders; cut and taken up after turn ``cut``.

    One trial is lost, some are foreign.
    """
    pending, told, points = [], [], []
    for turn in range(turns):
        for suggestion in optimizer.ask(1 + turn % 2):
            points.append(suggestion.params)
            pending.append((len(points) - 1, suggestion))
        while len(pending) > 1 + turn % 4:
            number, suggestion = pending.pop((turn * 7) % len(pending))
            if number == 11:
                continue  # lost: never told
            told.append(outcome(number, suggestion, space.check(suggestion.params)))
            optimizer.tell(told[-1:])
        if turn % 9 == 5:
            point = space.decode([(turn * 0.37 + 0.1 * i) % 1 for i in range(len(space))])
            state = [TrialState.COMPLETE, TrialState.FAILED][turn % 2]
            losses = (float(turn),) if state is TrialState.COMPLETE else None
            told.append(Observation(point, losses, None, state))
            optimizer.tell(told[-1:])
        if turn == cut:
            state = json.loads(json.dumps(optimizer.state(), allow_nan=False))
            optimizer = build()
            optimizer.restore(state, iter(told))
            assert optimizer.state() == state
    return points


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("space", ["flat", "nested"])
def test_goes_on(kit, name, space):
    space = kit.SPACES[space]

    def build():
        return BUILDS[name](kit.Problem(space, 1, 5))

    whole = drive(build(), space, 26)
    for cut in (3, 14, 23):
        assert drive(build(), space, 26, cut=cut, build=build) == whole, cut


def test_random_goes_on_without_history(kit):
    whole = [s.params for s in Random(kit.Problem(kit.NESTED, 1, 3)).ask(30)]
    first, second = (Random(kit.Problem(kit.NESTED, 1, 3)) for _ in range(2))
    first.ask(13)

    def history():
        raise AssertionError
        yield

    second.restore(json.loads(json.dumps(first.state())), history())
    assert [s.params for s in second.ask(17)] == whole[13:]


def test_the_newest_infeasible_points_are_remembered(kit, monkeypatch):
    """In the order in which they were told, which is not that of their ids."""
    from hpo_bridge_hyperopt import algorithms

    monkeypatch.setattr(algorithms, "INFEASIBLE", 5)
    space = Space(x=Float(0, 1), n=Int(0, 9))

    def build():
        return Tpe(kit.Problem(space, 1, 1), n_startup_jobs=3)

    optimizer, told = build(), []
    for _ in range(6):
        for point in reversed(optimizer.ask(3)):
            infeasible = point.token % 4 != 0
            losses = None if infeasible else (point.params["x"],)
            state = TrialState.FAILED if infeasible else TrialState.COMPLETE
            told.append(
                Observation(point.params, losses, point.token, state, infeasible=infeasible)
            )
            optimizer.tell(told[-1:])
    assert len(optimizer._record) == 5 + 5
    again = build()
    again.restore(optimizer.state(), told)
    assert list(again._record) == list(optimizer._record)
    assert [s.params for s in again.ask(3)] == [s.params for s in optimizer.ask(3)]


def test_three_hundred_trials_are_there_at_once_and_the_state_is_small(kit):
    for build in (Tpe, Anneal):
        optimizer, told = build(kit.Problem(kit.FLAT)), []
        points = [s for s in Random(kit.Problem(kit.FLAT)).ask(300)]
        for number, point in enumerate(points):
            told.append(Observation(point.params, (float(number),), None))
        optimizer.tell(told)
        optimizer.ask(4)
        state = optimizer.state()
        assert len(json.dumps(state)) < 3000
        begin = time.process_time()
        build(kit.Problem(kit.FLAT)).restore(state, told)
        assert time.process_time() - begin < 1.0


def test_a_snapshot_of_other_observations_is_refused(kit):
    optimizer = Tpe(kit.Problem(kit.FLAT))
    kit.bridged(optimizer, "flat", 5)
    with pytest.raises(BackendError, match="does not belong"):
        Tpe(kit.Problem(kit.FLAT)).restore(optimizer.state(), [])


def test_state_changes_nothing(kit):
    one, other = (Anneal(kit.Problem(kit.NESTED, 1, 2)) for _ in range(2))
    for number in range(20):
        [a], [b] = one.ask(1), other.ask(1)
        assert a == b
        one.state()
        seen = outcome(number, a, kit.NESTED.check(a.params))
        one.tell([seen])
        one.state()
        other.tell([seen])

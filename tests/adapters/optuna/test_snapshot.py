"""A study that is taken up from a snapshot goes on as if nothing had happened."""

from __future__ import annotations

import json

import pytest
from hpo_bridge_optuna.independent import Random
from hpo_bridge_optuna.tpe import Tpe

from hpo_bridge.contracts.optimizer import Observation
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError
from hpo_bridge.space import Float, Space

TPE_OPTIONS = [{}, {"multivariate": False, "constant_liar": False}, {"group": True}]


def drive(optimizer, kit, space, turns, *, n_objectives=1, cut=None, build=None):
    """Up to four trials pending, told in odd orders; cut and taken up after turn ``cut``.

    Some trials fail, some are pruned, some infeasible, one is lost, some are foreign.
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
            params = space.check(suggestion.params)
            if number % 13 == 6:
                state = TrialState.FAILED
                seen = Observation(params, None, suggestion.token, state, infeasible=True)
            else:
                result = kit.outcome(number, params, n_objectives)
                seen = result.observation(type(suggestion)(params, suggestion.token))
            told.append(seen)
            optimizer.tell([seen])
        if turn % 9 == 5:
            point = space.decode([(turn * 0.37 + 0.1 * i) % 1 for i in range(len(space))])
            result = kit.outcome(turn, point, n_objectives)
            told.append(Observation(point, result.losses, None, result.state, result.reports))
            optimizer.tell(told[-1:])
        if turn == cut:
            state = json.loads(json.dumps(optimizer.state()))
            optimizer = build()
            optimizer.restore(state, iter(told))
    return points


@pytest.mark.parametrize("options", TPE_OPTIONS, ids=json.dumps)
@pytest.mark.parametrize("space", ["flat", "nested"])
def test_tpe_goes_on(kit, space, options):
    space = kit.SPACES[space]

    def build():
        return Tpe(kit.Problem(space, 1, 5), **options)

    whole = drive(build(), kit, space, 38)
    for cut in (3, 14, 23, 35):
        assert drive(build(), kit, space, 38, cut=cut, build=build) == whole, cut


def test_tpe_goes_on_with_several_objectives(kit):
    def build():
        return Tpe(kit.Problem(kit.NESTED, 2, 5))

    whole = drive(build(), kit, kit.NESTED, 30, n_objectives=2)
    for cut in (8, 21):
        found = drive(build(), kit, kit.NESTED, 30, n_objectives=2, cut=cut, build=build)
        assert found == whole


def test_stepped_floats_go_on_to_the_last_bit(kit):
    """Optuna has -0.3999999999999999 where the record has -0.4."""
    space = Space({f"p{i}": Float(-1.3, 2.0, step=(0.1, 0.3)[i % 2]) for i in range(4)})
    optimizer = Tpe(kit.Problem(space, 1, 2))
    differ = 0
    for _ in range(60):
        [point] = optimizer.ask(1)
        params = space.check(point.params)
        differ += params != point.params
        assert optimizer._table.stored(params) == point.params
        optimizer.tell([kit.outcome(0, params, rough=False).observation(point)])
    assert differ > 20


@pytest.mark.parametrize("space", ["flat", "nested"])
def test_random_goes_on(kit, space):
    space = kit.SPACES[space]
    whole = [s.params for s in Random(kit.Problem(space, 1, 3)).ask(30)]
    first = Random(kit.Problem(space, 1, 3))
    first.ask(13)
    state = json.loads(json.dumps(first.state()))
    second = Random(kit.Problem(space, 1, 3))
    second.restore(state, iter(()))
    assert [s.params for s in second.ask(17)] == whole[13:]


def test_random_reads_no_history(kit):
    optimizer = Random(kit.Problem(kit.FLAT))
    state = optimizer.state()

    def history():
        raise AssertionError
        yield

    optimizer.restore(state, history())


def test_a_snapshot_of_other_observations_is_refused(kit):
    optimizer = Tpe(kit.Problem(kit.FLAT))
    kit.bridged(optimizer, kit.FLAT, 5)
    with pytest.raises(BackendError, match="does not belong"):
        Tpe(kit.Problem(kit.FLAT)).restore(optimizer.state(), [])


def test_no_snapshot_where_optuna_hides_its_generators(kit, monkeypatch):
    tpe = Tpe(kit.Problem(kit.FLAT))
    monkeypatch.delattr(tpe._sampler, "_random_sampler")
    assert tpe.state() is None
    tpe = Tpe(kit.Problem(kit.FLAT))
    monkeypatch.delattr(tpe._sampler, "_group_decomposed_search_space")
    assert tpe.state() is None
    random = Random(kit.Problem(kit.FLAT))
    monkeypatch.delattr(random._sampler, "_rng")
    assert random.state() is None
    with pytest.raises(BackendError, match="elsewhere"):
        random.restore([], [])


def test_the_state_stays_small(kit):
    optimizer = Tpe(kit.Problem(kit.FLAT))
    kit.bridged(optimizer, kit.FLAT, 40)
    optimizer.ask(4)
    assert len(json.dumps(optimizer.state())) < 20_000


def test_infeasible_points_stay_infeasible(kit):
    """They come after pruned ones without a report where the good ones are picked."""

    def build():
        return Tpe(kit.Problem(kit.FLAT, 1, 4))

    whole, told = build(), []
    for number in range(13):
        [point] = whole.ask(1)
        state = TrialState.FAILED if number < 12 else TrialState.PRUNED
        seen = Observation(point.params, None, point.token, state, infeasible=number < 12)
        told.append(seen)
        whole.tell([seen])
    again = build()
    again.restore(json.loads(json.dumps(whole.state())), told)
    assert [s.params for s in again.ask(3)] == [s.params for s in whole.ask(3)]

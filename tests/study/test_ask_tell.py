"""A study by hand: ask, tell, report, prune, enqueue, and what can be read."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from hpo_bridge import (
    Categorical,
    Constant,
    Float,
    HpoBridgeError,
    Int,
    Space,
    SpaceError,
    Study,
    TrialState,
)
from hpo_bridge.contracts.record import Outcome, TrialRecord
from hpo_bridge.contracts.trial import trial_seed
from hpo_bridge.errors import BackendError, NoCompleteTrial
from hpo_bridge.store.codec import load_event, to_plain, trial_of

Make = Callable[..., Study]


def test_ask_and_tell(study: Make) -> None:
    s = study()
    trial = s.ask()
    assert dict(trial) == trial.params == dict(**trial)
    assert [type(trial[name]) for name in ("x", "n")] == [float, int]
    (running,) = s.trials
    assert (running.state, running.attempts, running.finished) == (TrialState.RUNNING, 1, None)
    assert s.tell(trial, 0.5) is TrialState.COMPLETE
    (record,) = s.trials
    assert (record.value, record.values, record.backend) == (0.5, {"value": 0.5}, "core.random")
    assert record.params == trial.params
    assert record.started is not None
    assert record.finished is not None
    assert record.started <= record.finished
    with pytest.raises(HpoBridgeError, match="trial 0 is not running"):
        s.tell(trial, 0.5)
    with pytest.raises(HpoBridgeError, match="trial 9 is not running"):
        s.tell(9, 0.5)
    with pytest.raises(HpoBridgeError, match="trial 0 is not running"):
        trial.report(1.0, 0)
    with pytest.raises(KeyError, match="'lr' is not active in this trial; active: x, n, c"):
        trial["lr"]


def test_results_in_any_order(study: Make) -> None:
    s = study()
    trials = [s.ask() for _ in range(5)]
    assert [t.number for t in trials] == [0, 1, 2, 3, 4]
    for trial in reversed(trials):
        s.tell(trial.number, float(trial.number))
    assert [t.value for t in s.trials] == [0, 1, 2, 3, 4]
    assert s.counts[TrialState.COMPLETE] == 5
    assert s.best.number == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0), (np.float32(0.5), 0.5), (np.int64(3), 3.0), (torch.tensor(0.25), 0.25),
        (torch.tensor(2), 2.0), (torch.tensor(0.5, requires_grad=True), 0.5), (np.array(1.5), 1.5),
        ({"value": 2}, 2.0), ({"value": np.float64(2)}, 2.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by_hand", [True, False])
def test_numbers_of_all_kinds(study: Make, value: Any, expected: float, by_hand: bool) -> None:
    s = study()
    if by_hand:
        s.tell(s.ask(), value)
    else:
        s.optimize(lambda trial: value, trials=1)
    (record,) = s.trials
    assert record.value == expected
    assert type(record.value) is float


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (None, "None"), ("1", "'1'"),
        (True, "True"), (np.True_, "True"), (torch.tensor(True), "True"), ([1.0], r"\[1.0\]"),
        (torch.ones(2), "tensor"), (np.ones(2), "array"), (10**400, "inf"), (1j, "1j"),
        (torch.tensor(math.nan), "nan"), ({"loss": 1.0}, "loss"), ({}, "nothing|{}"),
        ({"value": math.nan}, "nan"), ({"value": None}, "None"), ({"value": 1, "x": 2}, "x"),
        (object(), "object"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by_hand", [True, False])
def test_no_results(study: Make, value: Any, reason: str, by_hand: bool) -> None:
    s = study()
    if by_hand:
        assert s.tell(s.ask(), value) is TrialState.FAILED
    else:
        s.optimize(lambda trial: value, trials=1, retries=2)
    (record,) = s.trials
    assert (record.state, record.values, record.attempts) == (TrialState.FAILED, None, 1)
    assert record.error is not None
    assert "expected" in record.error

    assert re.search(reason, record.error), record.error
    assert "\n" not in record.error
    with pytest.raises(NoCompleteTrial, match="has no complete trial"):
        _ = s.best
    s.tell(s.ask(), 1.0)
    assert s.best.number == 1


def test_told_states(study: Make) -> None:
    s = study()
    assert s.tell(s.ask(), state="PRUNED") is TrialState.PRUNED
    assert s.tell(s.ask(), state=TrialState.FAILED, error="no luck") is TrialState.FAILED
    trial = s.ask()
    for state in ("RUNNING", TrialState.WAITING, "done", None, "complete"):
        with pytest.raises(HpoBridgeError, match="expected one of COMPLETE, PRUNED, FAILED"):
            s.tell(trial, 1.0, state=state)
    assert [t.error for t in s.trials] == [None, "no luck", None]
    assert s.counts == {
        TrialState.WAITING: 0, TrialState.RUNNING: 1, TrialState.COMPLETE: 0,
        TrialState.PRUNED: 1, TrialState.FAILED: 1,
    }  # fmt: skip


def test_gradients(study: Make, made: list[Any]) -> None:
    s = study(backend={"name": "fake.script", "options": {"points": [{"x": 0.5, "n": 1, "c": 0}]}})
    s.tell(s.ask(), 1.0, gradients={"x": np.float32(0.5)})
    s.tell(s.ask(), 1.0, gradients={"x": math.nan})
    s.tell(s.ask(), 1.0, gradients={"x": "steep"})
    s.ask()
    assert [o.gradients for o in made[-1].told] == [{"x": 0.5}, None, None]
    assert [t.error for t in s.trials][1:3] == [
        "the gradient of x is nan, expected a finite number",
        "the gradient of x: expected a number, found 'steep'",
    ]  # fmt: skip


def test_maximize(study: Make, made: list[Any]) -> None:
    s = study(
        direction="maximize",
        backend={"name": "fake.script", "options": {"points": [{"x": 0.5, "n": 1, "c": 0}]}},
    )
    for value in (1.0, 3.0, 2.0, 3.0):
        trial = s.ask()
        trial.report(value / 2, step=1)
        s.tell(trial, value)
    s.ask()
    assert (s.best.number, s.best.value) == (1, 3.0)
    assert [t.number for t in s.front] == [1, 3]
    assert [o.losses for o in made[-1].told] == [(-1.0,), (-3.0,), (-2.0,), (-3.0,)]
    assert made[-1].told[0].reports == ((1, -0.5),)
    assert s.trials[0].reports == ((1, 0.5),)


@pytest.mark.parametrize("seed", range(4))
def test_the_front_is_what_brute_force_finds(study: Make, seed: int) -> None:
    s = study(directions={"a": "minimize", "b": "maximize", "c": "minimize"})
    rng = random.Random(seed)
    for _ in range(60):
        values = {n: rng.randint(0, 3) + 0.5 * (seed > 1) * rng.random() for n in "cab"}
        s.tell(s.ask(), values if rng.random() < 0.9 else {**values, "a": math.nan})
    done = [t for t in s.trials if t.values]

    def losses(t: TrialRecord) -> tuple[float, ...]:
        assert t.values is not None
        return t.values["a"], -t.values["b"], t.values["c"]

    def beaten(t: TrialRecord) -> bool:
        return any(
            losses(o) != losses(t)
            and all(x <= y for x, y in zip(losses(o), losses(t), strict=True))
            for o in done
        )

    assert s.front == [t for t in done if not beaten(t)]
    with pytest.raises(HpoBridgeError, match="see front"):
        _ = s.best
    with pytest.raises(HpoBridgeError, match="several values"):
        _ = done[0].value
    assert list(done[0].values or {}) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "result", [1.0, {"a": 1.0}, {"a": 1.0, "b": math.nan}, {"a": 1, "b": 2, "c": 3}, None, (1, 2)]
)
def test_several_objectives_need_all_their_values(study: Make, result: Any) -> None:
    s = study(directions={"a": "minimize", "b": "maximize"})
    s.optimize(lambda trial: result, trials=1)
    assert s.trials[0].state is TrialState.FAILED
    assert s.front == []


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"direction": "minimise"}, "did you mean 'minimize'"),
        ({"direction": 3}, "expected minimize or maximize"),
        ({"directions": {}}, "found none"), ({"directions": ["a"]}, "expected a mapping"),
        ({"directions": {1: "minimize"}}, "expected a string"),
        ({"directions": {"a": "up"}}, "expected minimize or maximize"),
        ({"seed": -1}, "expected an integer from 0"), ({"seed": 2**31}, "expected an integer"),
        ({"seed": True}, "expected an integer"), ({"seed": 0.5}, "expected an integer"),
        ({"backend": "core.randm"}, "did you mean 'core.random'"),
        ({"backend": {"nam": "core.random"}}, "expected a name"),
        ({"backend": {"name": "core.random", "option": {}}}, "option: unknown option of backend"),
        ({"backend": 5}, "expected a name"),
        ({"backend": {"name": "core.random", "options": {"sed": 1}}}, "sed: unknown option"),
        ({"backend": "core.grid"}, "parameter 'x': is continuous"),
        ({"pruner": "nothing"}, "expected one of"),
        ({"pruner": "fake", "directions": {"a": "minimize", "b": "minimize"}}, "cannot be pruned"),
        ({"backend": "fake.snapshots", "directions": {"a": "minimize", "b": "minimize"}},
         "takes one objective, the study has 2"),
    ],
)  # fmt: skip
def test_wrong_studies_create_nothing(
    study: Make, url: str, tmp_path: Any, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(HpoBridgeError, match=match) as caught:
        study(store=url, **options)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_each_trial_has_its_own_seed(study: Make) -> None:
    s, other = study(seed=7), study(seed=8, name="other")
    seeds = [s.ask().seed for _ in range(50)]
    assert seeds == [trial_seed(7, n) for n in range(50)]
    assert len({*seeds, *(other.ask().seed for _ in range(50))}) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
    found: list[int] = []
    s2 = study(seed=7, name="again")
    s2.optimize(lambda trial: found.append(trial.seed) or 0.0, trials=50)
    assert found == seeds


def test_a_drawn_seed_is_kept(study: Make, url: str) -> None:
    s = study(seed=None, store=url)
    first = s.ask().params
    s.close()
    again = study(seed=None, store=url)
    assert again.seed == s.seed
    assert study(seed=None, name="x").seed != study(seed=None, name="y").seed
    assert again.trials[0].params == first


# -- reports and pruning ------------------------------------------------------------------


def test_reports(study: Make) -> None:
    s = study()
    trial = s.ask()
    for step, value in [(0, 3.0), (2, np.float32(2.5)), (2, 9.0), (1, 8.0), (3, math.nan),
                        (4, math.inf), (np.int64(5), torch.tensor(1.5))]:  # fmt: skip
        trial.report(value, step)  # type: ignore[arg-type]
    assert s.trials[0].reports == ((0, 3.0), (2, 2.5), (1, 8.0), (5, 1.5))
    assert trial.should_prune() is False
    for wrong in (1.5, "1", None, True, np.float64(2), torch.tensor(1.5)):
        with pytest.raises(TypeError, match="step must be an integer"):
            trial.report(1.0, wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must not be negative"):
        trial.report(1.0, -1)
    for wrong in ("1", None, True, [1], torch.ones(2)):
        with pytest.raises(TypeError, match="expected a number"):
            trial.report(wrong, 9)  # type: ignore[arg-type]
    s.tell(trial, 1.0)
    assert len(s.trials[0].reports) == 4


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_pruning(study: Make, made: list[Any], direction: str) -> None:
    s = study(pruner="fake", direction=direction)
    sign = 1 if direction == "minimize" else -1
    pruner = made[-1]
    trial = s.ask()
    pruner = made[-1]
    assert not trial.should_prune()
    trial.report(sign * 4.0, 0)
    assert not trial.should_prune()
    trial.report(sign * 6.0, 1)
    assert trial.should_prune()
    trial.report(sign * 3.0, 2)
    assert not trial.should_prune()
    trial.report(math.nan, 3)
    assert trial.should_prune()
    s.tell(trial, state="PRUNED")
    other = s.ask()
    s.tell(other, sign * 2.0)
    s.tell(s.ask(), math.nan)
    assert pruner.ended == [
        (0, "PRUNED", None, [(0, 4.0), (1, 6.0), (2, 3.0)]), (1, "COMPLETE", 2.0, []),
        (2, "FAILED", None, []),
    ]  # fmt: skip


def test_without_a_pruner_nothing_is_pruned(study: Make) -> None:
    trial = study().ask()
    trial.report(math.nan, 0)
    assert trial.should_prune() is False


# -- enqueue ------------------------------------------------------------------------------


def test_enqueued_points_come_first(study: Make) -> None:
    s = study(Space(x=Float(0, 1), o=Categorical(["s", "t"]), m=Int(0, 9, when={"o": "s"}), k=3))
    assert s.enqueue({"x": np.float64(0.25), "o": "s", "m": 4}) == 0
    assert s.enqueue({"o": "t", "x": 0.5, "k": 3}) == 1
    assert [t.state for t in s.trials] == [TrialState.WAITING] * 2
    first, second, third = s.ask(), s.ask(), s.ask()
    assert first.params == {"x": 0.25, "o": "s", "m": 4, "k": 3}
    assert second.params == {"x": 0.5, "o": "t", "k": 3}
    assert [t.backend for t in s.trials] == [None, None, "core.random"]
    assert third.number == 2
    for wrong in ({}, {"x": 2.0, "o": "t"}, {"x": 0.5, "o": "t", "m": 1}, {"x": 0.5, "o": "u"},
                  {"x": 0.5, "o": "t", "k": 4}, [0.5], None):  # fmt: skip
        with pytest.raises(SpaceError):
            s.enqueue(wrong)  # type: ignore[arg-type]
    assert len(s.trials) == 3


def test_enqueued_points_must_be_feasible(study: Make) -> None:
    s = study(Space(a=Int(0, 9), b=Int(0, 9), constraints=["a + b <= 9"]))
    with pytest.raises(SpaceError, match="violates the constraint"):
        s.enqueue({"a": 5, "b": 5})
    assert s.enqueue({"a": 5, "b": 4}) == 0


def test_the_proposals_do_not_depend_on_what_is_enqueued(study: Make) -> None:
    plain, queued = study(name="a"), study(name="b")
    for s in (plain, queued):
        for i in range(6):
            if s is queued and i in (0, 3):
                s.enqueue({"x": 0.1, "n": 1, "c": "a"})
                s.tell(s.ask(), 1.0)
            s.tell(s.ask(), 1.0)
    own = [t.params for t in queued.trials if t.backend]
    assert own == [t.params for t in plain.trials]


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_objectives_may_change_what_they_get(study: Make, url: str, where: str) -> None:
    s = study(
        Space(sizes=Categorical([[1], [2, 3]]), layers=Constant([1, 2]), x=Float(0, 1)),
        store=url if where == "sqlite" else None,
    )

    def objective(trial: Any) -> float:
        trial["sizes"].append(9)
        trial["layers"].clear()
        trial.params["x"] = "gone"
        return float(trial["x"])

    s.optimize(objective, trials=12)
    for record in s.trials:
        assert record.params["sizes"] in ([1], [2, 3])
        assert record.params["layers"] == [1, 2]
    s.close() if where == "sqlite" else None


# -- reading ------------------------------------------------------------------------------


def test_to_pandas(study: Make) -> None:
    s = study(Space(x=Float(0, 1), o=Categorical(["s", "t"]), m=Int(0, 9, when={"o": "s"}), k="v"))
    frame = s.to_pandas()
    assert (len(frame), "params.m" in frame) == (0, True)
    s.tell(s.ask(), 0.5)
    s.tell(s.ask(), math.nan)
    s.enqueue({"x": 0.5, "o": "t"})
    s.ask()
    s.enqueue({"x": 0.5, "o": "s", "m": 2})
    frame = s.to_pandas()
    assert list(frame.columns) == [
        "number", "state", "value", "standard_errors.value", "params.x", "params.o", "params.m",
        "params.k", "backend", "started", "finished", "seconds", "attempts", "error", "reports",
        "metrics", "estimate", "gradients", "changes",
    ]  # fmt: skip
    assert list(frame["state"]) == ["COMPLETE", "FAILED", "RUNNING", "WAITING"]
    assert frame["value"].iloc[0] == 0.5
    assert frame["value"].isna().tolist() == [False, True, True, True]
    assert frame["params.m"].isna().iloc[2]
    assert frame["params.m"].iloc[3] == 2
    assert str(frame["started"].dt.tz) == "UTC"
    assert frame["seconds"].iloc[0] >= 0
    assert frame["started"].isna().tolist() == [False, False, False, True]


def test_to_pandas_with_objectives_called_like_columns(study: Make) -> None:
    s = study(directions={"state": "minimize", "seconds": "minimize", "b": "maximize"})
    s.tell(s.ask(), {"state": 1.0, "seconds": 2.0, "b": 3.0})
    row = s.to_pandas().iloc[0]
    assert (row["state"], row["values.state"], row["values.seconds"], row["values.b"]) == (
        "COMPLETE", 1.0, 2.0, 3.0,
    )  # fmt: skip


def test_everything_kept_is_plain_json(study: Make) -> None:
    s = study()
    s.optimize(lambda trial: np.float32(trial["x"]), trials=5)
    for event in s.store.events("study"):
        data = json.loads(json.dumps(to_plain(event)))
        assert load_event(event.kind, event.time, trial_of(event), data, event.seq) == event
    start = "Study('study', backend='core.random', store='memory://', complete=5, best="
    assert repr(s).startswith(start)


# -- threads ------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_threads_may_ask_and_tell(study: Make, url: str, where: str) -> None:
    s = study(store=url if where == "sqlite" else None, pruner="fake")
    mistakes: list[BaseException] = []
    turn = itertools.count()

    def work() -> None:
        try:
            while next(turn) < 80:
                trial = s.ask()
                for step in range(3):
                    trial.report(trial.number, step)
                trial.should_prune()
                s.tell(trial, trial["x"])
        except BaseException as error:
            mistakes.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mistakes == []
    assert [t.number for t in s.trials] == list(range(80))
    assert all(t.value == t.params["x"] and len(t.reports) == 3 for t in s.trials)
    seqs = [event.seq for event in s.store.events("study")]
    assert seqs == list(range(1, len(seqs) + 1))
    alone = study(name="alone")
    alone.optimize(lambda trial: trial["x"], trials=80)
    assert [t.params for t in alone.trials] == [t.params for t in s.trials]


def test_an_outcome_of_a_runner_is_judged_too(study: Make) -> None:
    class Runner:
        def run(self, work: Any) -> None:
            for result in (1, True, 10**400, "1", {"value": 2}):
                trial = work.next()
                work.finish(trial.number, Outcome(TrialState.COMPLETE, result))

    s = study()
    Runner().run(s._drive())
    assert [t.value for t in s.trials] == [1.0, None, None, None, 2.0]


def test_a_backend_error_does_not_lose_what_is_there(study: Make) -> None:
    s = study(backend={"name": "fake.naughty", "options": {"mode": "raises"}})
    s.tell(s.ask(), 1.0)
    with pytest.raises(BackendError, match=r"fake\.naughty"):
        s.ask()
    assert [t.value for t in s.trials] == [1.0]

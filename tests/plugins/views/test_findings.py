"""Each rule of the findings, on studies where it must speak and on studies where it must not."""

import math
import random

import pytest
from hpo_bridge_views.findings import all_findings

import hpo_bridge as hpo
from hpo_bridge.contracts.record import Direction, TrialState
from hpo_bridge.contracts.study_history import SessionRecord

from .made_history import made_history, made_trial, random_points

SPACE = hpo.Space(
    lr=hpo.Float(1e-4, 1e-1, log=True),
    layers=hpo.Int(1, 8),
    optimizer=hpo.Categorical(["adam", "sgd"]),
    momentum=hpo.Float(0, 0.99, when={"optimizer": "sgd"}),
    width=hpo.Float(0, 1),
    pool="max",
)


def found(history, kind):
    """Return the findings of a kind."""
    return [finding for finding in all_findings(history) if finding.kind == kind]


def kinds(history):
    return [finding.kind for finding in all_findings(history)]


def measured(function, count=80, space=SPACE, **fields):
    points = random_points(space, count)
    return made_history(space, [(point, function(point)) for point in points], **fields)


def bowl(point):
    return (math.log10(point["lr"]) + 2.5) ** 2 + 0.1 * (point["layers"] - 4) ** 2


# -- the result ----------------------------------------------------------------------------


def test_the_result_comes_first_and_leaves_out_constants():
    (first, *_) = all_findings(measured(bowl))
    assert first.kind == "result"
    assert "pool" not in first.text
    assert first.evidence["value"] == min(bowl(p) for p in random_points(SPACE, 80))


def test_a_study_without_trials_says_so():
    assert kinds(made_history(SPACE, [])) == ["empty"]


def test_a_study_without_complete_trials_says_why():
    history = measured(lambda point: "ValueError: no file", count=5)
    (result,) = found(history, "no_result")
    assert "5 failed" in result.text
    assert "no file" in result.text


def test_several_objectives_have_a_front():
    directions = {"loss": Direction.MINIMIZE, "speed": Direction.MAXIMIZE}
    history = measured(
        lambda p: {"loss": p["width"], "speed": p["width"]}, directions=directions, count=10
    )
    (result,) = found(history, "result")
    assert len(result.evidence["front"]) == 10


@pytest.mark.parametrize(("error", "said"), [(0.5, True), (1e-9, False), (None, False)])
def test_a_best_value_within_its_error_of_others_is_uncertain(error, said):
    points = random_points(SPACE, 30)
    trials = [
        made_trial(n, p, bowl(p), standard_errors=error and {"value": error})
        for n, p in enumerate(points)
    ]
    assert bool(found(made_history(SPACE, trials), "uncertain")) is said


def test_equal_values_everywhere_are_said_to_be_flat():
    assert found(measured(lambda point: 1.0), "flat")
    assert not found(measured(bowl), "flat")


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_repeated_points_show_noise_or_are_duplicates(spread):
    rng, points = random.Random(0), random_points(SPACE, 20) * 2
    history = made_history(SPACE, [(p, bowl(p) + rng.gauss(0, spread)) for p in points])
    assert [k for k in kinds(history) if k in ("noise", "duplicates")] == [
        "noise" if spread else "duplicates"
    ]


def test_points_that_differ_are_neither_noise_nor_duplicates():
    assert not {"noise", "duplicates"} & set(kinds(measured(bowl)))


@pytest.mark.parametrize(("other", "said"), [("width", True), ("lr", False)])
def test_objectives_that_rank_alike_are_named(other, said):
    history = measured(
        lambda p: {"a": p["width"], "b": 2 * p[other]},
        directions={"a": Direction.MINIMIZE, "b": Direction.MINIMIZE},
    )
    assert bool(found(history, "objectives_agree")) is said


# -- the parameters ------------------------------------------------------------------------


def test_what_matters_and_what_does_not():
    history = measured(bowl)
    (important,) = found(history, "important")
    assert set(important.evidence["parameters"][:2]) == {"lr", "layers"}
    (inert,) = found(history, "inert")
    assert set(inert.evidence["parameters"]) == {"optimizer", "width"}


def test_a_parameter_with_a_small_effect_is_not_called_inert():
    history = measured(lambda p: bowl(p) + p["width"] + (p["optimizer"] == "adam"))
    inert = [name for each in found(history, "inert") for name in each.evidence["parameters"]]
    assert "width" not in inert
    assert "optimizer" not in inert


def test_few_trials_say_nothing_of_parameters():
    history = measured(bowl, count=12)
    assert found(history, "too_few")
    assert not {"important", "inert", "bound"} & set(kinds(history))


def test_noise_alone_is_unpredictable():
    rng = random.Random(1)
    assert found(measured(lambda point: rng.gauss(0, 1)), "unpredictable")
    assert not found(measured(bowl), "unpredictable")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda p: math.log10(p["lr"]), {("lr", "low")}),
        (lambda p: -math.log10(p["lr"]), {("lr", "high")}),
        (lambda p: -p["layers"], {("layers", "high")}),
        (lambda p: p["layers"] - 20 * p["width"], {("width", "high")}),
        (lambda p: p["layers"] + p["width"], set()),  # neither can be less
        (bowl, set()),
        (lambda p: (p["width"] - 0.93) ** 2, set()),
        (lambda p: p["optimizer"] == "adam", set()),
    ],
)
def test_a_best_value_at_a_bound_is_named(function, said):
    history = measured(function, count=200)
    bounds = found(history, "bound")
    assert {(each.evidence["parameter"], each.evidence["side"]) for each in bounds} == said


def test_a_wider_range_is_proposed_in_the_scale_of_the_parameter():
    (bound,) = found(measured(lambda p: math.log10(p["lr"]), count=200), "bound")
    assert bound.evidence["widen_to"] == pytest.approx(1e-5)


# -- failures ------------------------------------------------------------------------------


def test_failures_are_grouped_by_reason():
    history = measured(
        lambda p: bowl(p) if p["layers"] < 6 else f"MemoryError: {p['width']} GB (a.py:1 in f)"
    )
    (failures,) = found(history, "failures")
    assert len(failures.evidence["reasons"]) == 1
    assert not found(measured(bowl), "failures")


@pytest.mark.parametrize(
    ("fails", "region"),
    [
        (lambda p: p["layers"] >= 6, "layers from 6 up"),
        (lambda p: p["optimizer"] == "sgd", "optimizer = sgd"),
        (lambda p: p["width"] < 0.2, "width below"),
    ],
)
def test_the_region_that_fails_is_named(fails, region):
    history = measured(lambda p: None if fails(p) else bowl(p))
    (finding,) = found(history, "failing_region")
    assert region in finding.evidence["region"] or (
        finding.evidence["region"] == "momentum active" and "sgd" in region
    )


def test_failures_at_random_have_no_region():
    rng = random.Random(0)
    assert not found(measured(lambda p: None if rng.random() < 0.2 else bowl(p)), "failing_region")


# -- the search ----------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "said"), [(8, True), (30, False)])
def test_a_backend_in_its_startup_is_named(count, said):
    session = SessionRecord("optuna.tpe", 0.0, startup=10)
    points = random_points(SPACE, count)
    trials = [made_trial(n, p, bowl(p), backend="optuna.tpe") for n, p in enumerate(points)]
    history = made_history(SPACE, trials, sessions=(session,))
    assert bool(found(history, "startup")) is said


@pytest.mark.parametrize(("width", "said"), [(0.001, True), (0.5, False)])
def test_a_backend_that_does_not_move_is_stalled(width, said):
    space, rng = hpo.Space(x=hpo.Float(0, 1), y=hpo.Float(0, 1)), random.Random(0)
    points = random_points(space, 40)
    points += [{"x": 0.3 + width * rng.random(), "y": 0.4 + width * rng.random()}
               for _ in range(20)]  # fmt: skip
    history = made_history(space, [(p, p["x"]) for p in points])
    assert bool(found(history, "stalled")) is said


def test_whether_more_trials_look_worth_it():
    points = random_points(SPACE, 60)
    falling = made_history(SPACE, [(p, -float(n)) for n, p in enumerate(points)])
    ended = made_history(SPACE, [(p, abs(n - 12.0)) for n, p in enumerate(points)])
    few = made_history(SPACE, [(p, -float(n)) for n, p in enumerate(points[:20])])
    assert [k for k in kinds(falling) if k.startswith("budget")] == ["budget_worth"]
    assert [k for k in kinds(ended) if k.startswith("budget")] == ["budget_spent"]
    assert [k for k in kinds(few) if k.startswith("budget")] == []


def test_who_brought_the_improvement():
    points = random_points(SPACE, 40)
    trials = [
        made_trial(n, p, 40.0 - (n if n < 10 else 30 if n == 35 else 9),
                   backend="core.random" if n < 20 else "optuna.tpe")
        for n, p in enumerate(points)
    ]  # fmt: skip
    (handover,) = found(made_history(SPACE, trials), "handover")
    assert handover.evidence["best"] == "optuna.tpe"
    shares = {k: v["share_of_improvement"] for k, v in handover.evidence["backends"].items()}
    assert shares == {"core.random": pytest.approx(0.3), "optuna.tpe": pytest.approx(0.7)}
    assert not found(measured(bowl), "handover")


# -- the cost ------------------------------------------------------------------------------


def curves(early_tells):
    """Trials of nine steps, of which every third is pruned at the third step."""
    rng = random.Random(0)
    for number, point in enumerate(random_points(SPACE, 60)):
        final = bowl(point)
        reports = tuple((step, final if early_tells else rng.random()) for step in range(9))
        if number % 3 == 0:
            yield made_trial(number, point, None, state=TrialState.PRUNED, error=None,
                             reports=reports[:3])  # fmt: skip
        else:
            yield made_trial(number, point, final, reports=reports)


@pytest.mark.parametrize("early_tells", [True, False])
def test_pruning_saves_and_may_hurt(early_tells):
    history = made_history(SPACE, curves(early_tells))
    (pruning,) = found(history, "pruning")
    assert pruning.evidence["share"] == pytest.approx(20 * 6 / (60 * 9))
    assert bool(found(history, "pruning_doubtful")) is not early_tells
    assert not found(measured(bowl), "pruning")


@pytest.mark.parametrize(("seconds", "share"), [(10.0, None), (4.0, 0.6)])
def test_idle_workers(seconds, share):
    points = random_points(SPACE, 40)
    trials = [
        made_trial(n, p, bowl(p), started=10.0 * (n // 2), finished=10.0 * (n // 2) + seconds)
        for n, p in enumerate(points)
    ]
    idle = found(made_history(SPACE, trials, sessions=(SessionRecord("x", 0.0),)), "idle")
    assert [pytest.approx(each.evidence["share"], abs=0.02) for each in idle] == [
        share for share in [share] if share
    ]


def test_a_night_between_two_sessions_is_not_idle():
    points = random_points(SPACE, 40)
    trials = [
        made_trial(n, p, bowl(p), started=n + (n >= 20) * 9e4, finished=n + 1 + (n >= 20) * 9e4)
        for n, p in enumerate(points)
    ]
    sessions = (SessionRecord("x", 0.0), SessionRecord("x", 9e4))
    assert not found(made_history(SPACE, trials, sessions=sessions), "idle")


def test_lost_attempts_are_counted():
    assert found(measured(bowl, requeued={"lost": 3, "cut": 1}), "lost_attempts")
    assert not found(measured(bowl, requeued={"cut": 1}), "lost_attempts")


# -- whatever a study holds ----------------------------------------------------------------

MANY = hpo.Space({f"p{i}": hpo.Float(0, 1) for i in range(200)})


@pytest.mark.parametrize(
    "history",
    [
        made_history(SPACE, []),
        measured(bowl, count=1),
        measured(lambda p: None),
        measured(lambda p: 1e300 * p["width"]),
        measured(lambda p: -1.7e308 if p["width"] > 0.5 else 1.7e308),
        measured(lambda p: p["p3"], space=MANY, count=450),
        measured(lambda p: p["x"], space=hpo.Space(x=hpo.Float(0, 1))),
        measured(lambda p: 0.5, space=hpo.Space(x=hpo.Float(0, 1, shape=(3,)))),
        measured(lambda p: sum(p["x"]), space=hpo.Space(x=hpo.Float(0, 1, shape=(3,)))),
        measured(lambda p: len(p["<script>"]),
                 space=hpo.Space({"<script>": hpo.Categorical(["'\"", "</b>x", "$"])})),
        made_history(SPACE, [
            made_trial(n, p, None, state=TrialState.PRUNED, error=None,
                       reports=((0, math.nan), (1, math.inf)))
            for n, p in enumerate(random_points(SPACE, 30))
        ]),
    ],
)  # fmt: skip
def test_whatever_a_study_holds_is_no_error(history):
    assert all_findings(history)[0].text


def test_the_region_that_fails_is_named_among_very_many_trials():
    """All large regions are as good as impossible by chance there: no float tells them apart."""
    space = hpo.Space(x=hpo.Float(0, 1), y=hpo.Float(0, 1))
    history = measured(lambda p: None if p["x"] > 0.9 else p["y"], space=space, count=6000)
    (finding,) = found(history, "failing_region")
    assert finding.evidence["others_failed"] < 100

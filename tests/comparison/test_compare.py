"""Variants of a study on one problem: their runs, and the answer."""

from __future__ import annotations

import math

import pytest

import hpo_bridge as hpo
from hpo_bridge.analysis import compare
from hpo_bridge.contracts.trial import trial_seed
from hpo_bridge.errors import HpoBridgeError, InvalidOptions, StoreError, UnsupportedProblem

SPACE = hpo.Space(x=hpo.Float(-1, 1), y=hpo.Float(-1, 1))
TWO = ["core.random", "optuna.tpe"]


def bowl(trial):
    return trial["x"] ** 2 + trial["y"] ** 2


def hill(trial):
    return -bowl(trial)


def made(**settings):
    return hpo.Study(SPACE, **{"seed": 0, **settings})


def stable(found):
    """The figures without those of a clock."""
    figures = found.to_json()
    for row in figures["variants"]:
        del row["optimizer_seconds"]
    return figures


def test_a_better_one_is_found_and_the_study_itself_is_not_run():
    study = made()
    found = compare(study, bowl, TWO, seeds=8, trials=40)
    assert found.winners == ["optuna.tpe"]
    assert study.trials == []
    assert found.verdict[0] == "On this problem, after 40 trials, over 8 seeds:"
    assert found.verdict[1].startswith("- optuna.tpe is better than core.random in ")
    (pair,) = found.pairs
    assert pair.is_different
    assert pair.wins + pair.losses == 8
    assert pair.difference > 0
    tpe, random = found.to_json()["variants"]
    assert tpe["better_than_random"] > 0.8
    assert random["better_than_random"] is None
    assert tpe["best"][0] > tpe["best"][1] > tpe["best"][2] > 0
    assert found.study_file == 'backend: "optuna.tpe"'
    assert "optuna.tpe" in str(found)
    assert "<pre>" in found._repr_html_()


def test_a_run_proposes_what_the_study_of_its_seed_does():
    study = made()
    found = compare(study, bowl, TWO, seeds=2, trials=15)
    for label in TWO:
        for block in (1, 2):
            alone = hpo.Study(SPACE, backend=label, seed=trial_seed(0, -block))
            alone.optimize(bowl, trials=15)
            row = next(each for each in found.variants if each.label == label)
            run = list(study.store.trials(row.studies[block]))
            assert [t.params for t in run] == [t.params for t in alone.trials]
            assert [t.value for t in run] == [t.value for t in alone.trials]
            assert row.runs[block].losses == tuple(t.value for t in alone.trials)


def test_maximizing_is_the_same_with_the_other_sign():
    less = compare(made(), bowl, TWO, seeds=5, trials=20)
    more = compare(made(direction="maximize"), hill, TWO, seeds=5, trials=20)
    assert [row["label"] for row in more.to_json()["variants"]] == [
        row["label"] for row in less.to_json()["variants"]
    ]
    for row, other in zip(more.to_json()["variants"], less.to_json()["variants"], strict=True):
        assert row["best"] == [-best for best in other["best"]]
    assert [pair.wins for pair in more.pairs] == [pair.wins for pair in less.pairs]


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_are_shared_and_change_nothing(tmp_path, workers):
    alone = compare(made(), bowl, TWO, seeds=3, trials=8)
    study = made(store=f"sqlite:///{tmp_path}/s.db")
    shared = compare(study, bowl, TWO, seeds=3, trials=8, runner="processes", workers=workers)
    assert stable(shared) == stable(alone)
    assert compare(study, bowl, TWO, seeds=3, trials=8).pairs == alone.pairs  # nothing is run


def test_it_goes_on_with_more_seeds_and_more_variants(tmp_path):
    store, calls = f"sqlite:///{tmp_path}/s.db", []

    def counted(trial):
        calls.append(trial.number)
        return bowl(trial)

    compare(made(store=store), counted, TWO, seeds=2, trials=5)
    assert len(calls) == 20
    compare(made(store=store), counted, TWO, seeds=3, trials=5)
    assert len(calls) == 30
    compare(made(store=store), counted, [*TWO, "deap.ga"], seeds=3, trials=5)
    assert len(calls) == 45
    compare(made(store=store), counted, TWO, seeds=2, trials=7)  # a larger budget goes on
    assert len(calls) == 53


def test_settings_are_compared_by_labels():
    variants = {
        "plain": "core.random",
        "with options": {"name": "optuna.tpe", "n_startup_trials": 3},
        "in turn": {"backend": [{"name": "core.random", "trials": 4}, "optuna.tpe"]},
    }
    found = compare(made(), bowl, variants, seeds=2, trials=10)
    rows = {row["label"]: row for row in found.to_json()["variants"]}
    assert rows["in turn"]["backend"] == "core.random (4 trials), then optuna.tpe"
    assert set(rows) == set(variants)
    assert {each.label: each.lines for each in found.variants}["in turn"] == {
        "backend": [{"name": "core.random", "trials": 4}, "optuna.tpe"]
    }


def test_pruners_are_compared_and_pruned_trials_have_no_value(tmp_path):
    def curve(trial):
        for step in range(1, 10):
            trial.report(bowl(trial) + 1 / step, step)
            if trial.should_prune():
                raise hpo.TrialPruned
        return bowl(trial)

    variants = {"all": {"pruner": None}, "median": {"pruner": "median"}}
    study = made(store=f"sqlite:///{tmp_path}/s.db")
    found = compare(study, curve, variants, seeds=3, trials=15)
    median = next(each for each in found.variants if each.label == "median")
    assert any(None in run.losses for run in median.runs.values())
    whole = next(each for each in found.variants if each.label == "all")
    assert all(None not in run.losses for run in whole.runs.values())


def test_equal_points_are_evaluated_once_where_the_objective_is_deterministic():
    space, calls = hpo.Space(k=hpo.Int(1, 6)), []

    def counted(trial):
        calls.append(trial["k"])
        return trial["k"]

    study = hpo.Study(space, seed=0, duplicates="reuse")
    found = compare(study, counted, ["core.random", "core.grid"], seeds=4, trials=6)
    assert sorted(calls) == [1, 2, 3, 4, 5, 6]
    assert all(each.losses(label)[0] >= 1 for each in [found] for label in found.finalists)


def test_failed_trials_have_no_value_and_a_run_without_one_is_the_worst():
    def failing(trial):
        if trial["x"] < 0.9:
            raise ValueError("too small")
        return trial["x"]

    found = compare(made(), failing, TWO, seeds=2, trials=3)
    rows = found.to_json()["variants"]
    assert all(row["failed"] > 0 for row in rows)
    assert math.inf in found.losses("core.random") + found.losses("optuna.tpe")
    assert any("trials failed in its runs" in line for line in found.verdict)


def test_a_budget_of_time_counts_the_optimizer():
    found = compare(made(), bowl, TWO, seeds=2, seconds=0.3)
    for variant in found.variants:
        for run in variant.runs.values():
            assert run.clock[-1] > 0.1
            assert list(run.clock) == sorted(run.clock)
            assert 0 < run.optimizer_seconds <= run.clock[-1]
    assert "0.3 s of optimizer and trials" in found.verdict[0]


@pytest.mark.parametrize(
    ("backends", "more", "path"),
    [
        (["core.random"], {}, ("backends",)),
        ([], {}, ("backends",)),
        ("core.random", {}, ("backends",)),
        (["core.random", "core.random"], {}, ("backends",)),
        (["core.random", "optuna.tp"], {}, ("backends", "optuna.tp", "backend")),
        ({"a": "core.random", "b": {"pace": 3}}, {}, ("backends", "b", "pace")),
        ({"a": "core.random", "b": {"pruner": "ray.pbt"}}, {}, None),
        (TWO, {"seeds": 1}, ("seeds",)),
        (TWO, {"seconds": 3}, ()),
        (TWO, {"trials": 0}, ("trials",)),
        (TWO, {"trials": None}, ()),
        (TWO, {"race": "yes"}, ("race",)),
        (TWO, {"runner": "nowhere"}, ("runner",)),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(backends, more, path):
    study, calls = made(), []
    with pytest.raises(HpoBridgeError) as caught:
        compare(study, calls.append, backends, **{"seeds": 2, "trials": 3, **more})
    assert path is None or caught.value.path == path
    assert calls == []
    assert study.store.names() == ["study"]


def test_a_variant_that_refuses_the_space_is_named():
    space = hpo.Space(x=hpo.Float(0, 1), kind=hpo.Categorical(["a", "b"]))
    with pytest.raises(UnsupportedProblem) as caught:
        compare(hpo.Study(space), len, ["core.random", "torch.adam"], seeds=2, trials=3)
    assert caught.value.path == ("backends", "torch.adam", "kind")
    assert str(caught.value).startswith("backends.torch.adam: parameter 'kind': ")


def test_several_objectives_are_refused():
    study = hpo.Study(SPACE, directions={"a": "minimize", "b": "minimize"})
    with pytest.raises(HpoBridgeError, match="a comparison takes one"):
        compare(study, bowl, TWO, seeds=2, trials=3)


def test_a_label_keeps_its_settings(tmp_path):
    store = f"sqlite:///{tmp_path}/s.db"
    variants = {"a": "core.random", "b": {"name": "optuna.tpe", "n_startup_trials": 5}}
    compare(made(store=store), bowl, variants, seeds=2, trials=3)
    variants["b"]["n_startup_trials"] = 6
    with pytest.raises(StoreError, match="was run with other settings"):
        compare(made(store=store), bowl, variants, seeds=2, trials=3)
    with hpo.Study(SPACE, name="study.compare-c.1", store=store, seed=trial_seed(0, -1)) as other:
        other.optimize(bowl, trials=1)
    with pytest.raises(StoreError, match="is no run of a comparison"):
        compare(
            made(store=store), bowl, {"c": "core.random", "a": "core.random"}, seeds=2, trials=3
        )


def test_options_of_a_runner_are_checked():
    with pytest.raises(InvalidOptions):
        compare(made(), bowl, TWO, seeds=2, trials=3, workers=2)  # inline has none

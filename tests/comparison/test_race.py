"""A race: variants that are clearly behind get no further seeds."""

from __future__ import annotations

import pytest

import hpo_bridge as hpo
from hpo_bridge.analysis import compare
from hpo_bridge.analysis.comparison_text import sentences
from hpo_bridge.analysis.standings import FIRST_LOOK

SPACE = hpo.Space({f"x{i}": hpo.Float(-1, 1) for i in range(3)})
VARIANTS = ["optuna.tpe", "core.random", "optuna.random"]


def bowl(trial):
    return sum(trial[name] ** 2 for name in SPACE)


def raced(tmp_path, **more):
    told = []
    study = hpo.Study(SPACE, seed=1, store=f"sqlite:///{tmp_path}/s.db")
    found = compare(
        study, bowl, VARIANTS, seeds=10, trials=60, race=True, told=told.append, **more
    )
    return found, told, study


def test_the_clear_case_ends_early_and_says_so(tmp_path):
    found, told, study = raced(tmp_path)
    assert found.winners == ["optuna.tpe"]
    assert set(found.dropped) == {"core.random", "optuna.random"}
    assert FIRST_LOOK <= found.blocks < 10
    assert any(text.endswith("it is clearly behind") for text in told)
    assert any(text.startswith("optuna.tpe is clearly ahead") for text in told)
    trials = sum(sum(study.store.counts(name).values()) for name in study.store.names())
    assert trials <= 3 * 60 * found.blocks
    assert "- optuna.tpe is ahead of all others, which were dropped on the way." in found.verdict
    rows = found.to_json()["variants"]
    assert [row["dropped_after"] is None for row in rows] == [True, False, False]
    assert "dropped after" in str(found)


@pytest.mark.slow
def test_the_order_in_which_runs_end_decides_nothing(tmp_path):
    alone, _, _ = raced(tmp_path)
    (tmp_path / "shared").mkdir()
    shared, _, _ = raced(tmp_path / "shared", runner="processes", workers=3)
    assert shared.dropped == alone.dropped
    assert shared.winners == alone.winners
    again, _, _ = raced(tmp_path)  # from the store
    assert again.dropped == alone.dropped
    assert again.figures == alone.figures
    assert sentences(again.figures) == alone.verdict

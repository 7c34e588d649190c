"""The ``repr`` of a study and of a trial, and what a notebook shows of them."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Constant, Float, Space, Study, TrialPruned, TrialRecord
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.store import MemoryStore, open_store

Make = Callable[..., Study]
SCRIPT = "<script>alert('\"&')</script>"


def html(shown: Any) -> str:
    text: str = shown._repr_html_()
    return text


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert not attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_study_says_what_it_is_and_how_far(study: Make, url: str) -> None:
    def objective(trial: Any) -> float:
        if trial.number == 1:
            raise TrialPruned
        return float(trial.number)

    s = study(Space(x=Float(0, 1), mode="fast"), store=url, name="demo", direction="maximize")
    assert repr(s) == f"Study('demo', backend='core.random', store='{url}')"
    s.optimize(objective, trials=4)
    x = s.best.params["x"]
    start = f"Study('demo', backend='core.random', store='{url}', complete=3, pruned=1, "
    assert repr(s) == f"{start}best=3.0, params={{'x': {x!r}}})"
    assert "3 complete, 1 pruned" in html(s)
    assert "3.0 (trial 3)" in html(s)


def test_a_study_with_several_objectives_names_no_best(study: Make) -> None:
    s = study(directions={"loss": "minimize", "size": "minimize"})
    s.tell(s.ask(), {"loss": 1.0, "size": 2.0})
    assert repr(s).endswith("store='memory://', complete=1)")


def test_a_trial_is_shown_without_what_it_does_not_have() -> None:
    trial = TrialRecord(3, TrialState.RUNNING, {"x": 0.1})
    assert repr(trial) == "TrialRecord(number=3, state=RUNNING, params={'x': 0.1})"
    trial = TrialRecord(
        3, TrialState.COMPLETE, {"x": 0.123456789, "w": [0.5] * 40}, {"value": 2.0}, "core.random",
        1000.0, 1012.34, reports=((0, 1.0), (1, 2.0)),
    )  # fmt: skip
    assert repr(trial) == (
        "TrialRecord(number=3, state=COMPLETE, value=2.0, "
        "params={'x': 0.123456789, 'w': [0.5, 0.5, 0.5, … 40 in all]}, seconds=12.3, reports=2)"
    )
    both = TrialRecord(0, TrialState.COMPLETE, {}, {"loss": 1.0, "size": 2.0})
    assert "values={'loss': 1.0, 'size': 2.0}" in repr(both)
    failed = TrialRecord(0, TrialState.FAILED, {}, error="ValueError: no\n  line 3 " + 99 * "x")
    assert "error='ValueError: no" in repr(failed)
    assert "\n" not in repr(failed)
    assert len(repr(failed)) < 150


def test_many_parameters_are_not_all_shown(study: Make) -> None:
    s = study(Space({f"p{i}": Float(0, 1) for i in range(200)}))
    s.optimize(lambda trial: 1.0, trials=1)
    assert "'p19'" in repr(s)
    assert "… 200 in all" in repr(s)
    assert len(repr(s.best)) < 1000


def test_nothing_of_a_study_is_markup(study: Make, url: str) -> None:
    space = Space(
        {SCRIPT: Categorical([SCRIPT, SCRIPT + "2"]), "x": Float(0, 1), "c": Constant(SCRIPT)}
    )
    s = study(space, store=url, name=SCRIPT, directions={SCRIPT: "minimize"})

    def objective(trial: Any) -> dict[str, float]:
        if trial.number:
            raise ValueError(SCRIPT)
        return {SCRIPT: 1.0}

    s.optimize(objective, trials=2)
    for shown in (s, *s.trials):
        found = Tags(html(shown))
        assert found.tags == {"table", "caption", "tr", "th", "td"}
        assert any("<script>" in text for text in found.texts)


def test_it_reads_no_list_of_trials(study: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    s = study()
    s.optimize(lambda trial: trial["x"], trials=5)
    first = s.best
    monkeypatch.setattr(MemoryStore, "trials", None)
    for number in (5, 6):
        s.optimize(lambda trial: -1.0 if trial.number == 6 else 2.0, trials=number + 1)
        assert s.best.number == (first.number if number == 5 else 6)
        assert f"complete={number + 1}" in repr(s)


def test_the_best_in_memory_is_that_of_a_database(study: Make, url: str) -> None:
    made = [study(), study(store=url)]
    for direction in (1.0, -1.0):
        for s in made:
            s.optimize(lambda trial: float(trial.number * 7 % 5), trials=len(s.trials) + 9)
        memory, database = (s.store.best("study", "value", direction) for s in made)
        assert memory is not None
        assert database is not None
        assert memory.number == database.number


@pytest.mark.parametrize("damage", ["closed", "gone", "garbage"])
def test_it_never_raises(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "s.db"
    s = Study({"x": Float(0, 1)}, store=path, seed=0)
    s.optimize(lambda trial: trial["x"], trials=2)
    s.close()
    if damage == "gone":
        for file in tmp_path.glob("s.db*"):
            if file.is_file():
                file.unlink()
    elif damage == "garbage":
        path.write_bytes(b"no database" * 1000)
    assert repr(s).startswith("Study('study', backend='core.random'")
    assert ("unreadable" in repr(s)) == (damage != "closed")
    assert html(s).startswith("<table>")
    assert path.exists() == (damage != "gone")
    assert "object at" in repr(Study.__new__(Study))


def test_a_given_store_that_was_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    s = Study({"x": Float(0, 1)}, store=store, seed=0)
    store.close()
    assert repr(s).startswith("Study(")

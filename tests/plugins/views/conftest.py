"""Studies made directly, as plain data, and a dashboard that answers without a network."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

import hpo_bridge as hpo
from hpo_bridge.contracts.record import Direction, TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory

SCRIPT = "<script>window.pwned = 1</script>"
MARKUP = f'"\'><img src=x onerror="window.pwned=1">{SCRIPT}'


@dataclass
class Answer:
    """An answer of the dashboard."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


def ask(
    app: Callable[..., Any], path: str, method: str = "GET", host: str = "localhost:8080",
    body: bytes = b"{}",
) -> Answer:  # fmt: skip
    """Ask an application as a server would."""
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": host,
        "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(), "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080", "CONTENT_LENGTH": str(len(body)), "SCRIPT_NAME": "",
        "CONTENT_TYPE": "application/json", "wsgi.url_scheme": "http",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }  # fmt: skip
    found: list[Any] = []
    parts = app(environ, lambda *start: found.append(start))
    status, headers = found[0][:2]
    text = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return Answer(int(status.split()[0]), dict(headers), text)


@dataclass
class Page:
    """The list of trials that the page holds, as its script keeps it."""

    app: Callable[..., Any]
    study: int = 0
    trials: list[dict[str, Any]] = field(default_factory=list)
    sample: str = ""

    def update(self) -> dict[str, Any]:
        """Ask for what is new, and return the answer."""
        states = [trial["state"] for trial in self.trials]
        after = next((n for n, s in enumerate(states) if s in ("Running", "Waiting")), len(states))
        query = f"after={after}" + (f"&sample={self.sample}" if after else "")
        answer = ask(self.app, f"/api/studies/{self.study}?{query}")
        assert answer.status == 200, answer.body
        self.sample = answer.headers["X-Sample"]
        found: dict[str, Any] = answer.data
        self.trials = self.trials[:after] + found["trials"]
        return found


def make_hostile(url: str) -> None:
    """Make a study whose every text is markup that would run."""
    names = {f"x {MARKUP}": hpo.Float(0, 1), "kind": hpo.Categorical([SCRIPT, MARKUP, "plain"])}

    def objective(trial: hpo.Trial) -> dict[str, float]:
        if trial.number == 1:
            raise ValueError(f"no luck {MARKUP}")
        trial.report(trial[f"x {MARKUP}"], step=trial.number)
        return {f"loss {MARKUP}": trial[f"x {MARKUP}"]}

    space = {**names, "constant": MARKUP}
    directions = {f"loss {MARKUP}": "minimize"}
    with hpo.Study(space, store=url, name=f"study {MARKUP}", seed=0, directions=directions) as s:
        s.optimize(objective, trials=12)


@pytest.fixture
def asking():
    """The helper of that name."""
    return ask


@pytest.fixture
def page():
    """The helper of that name."""
    return Page


@pytest.fixture
def hostile():
    """The helper of that name."""
    return make_hostile


@pytest.fixture
def history_of():
    """A history with these trials."""
    return _history_of


@pytest.fixture
def made_study():
    """A history of random trials with the values of a function."""
    return _made_study


def _history_of(space, trials, *, directions=None, name="made", **facts):
    directions = directions or {"value": "minimize"}
    return StudyHistory(
        name=name,
        space=space,
        directions={key: Direction(each) for key, each in directions.items()},
        seed=0,
        definition={},
        trials=tuple(trials),
        **facts,
    )


def _made_study(space, value, trials=60, *, seed=0, directions=None, **facts):
    rng = Random(seed)
    name = next(iter(directions or {"value": "minimize"}))
    records = []
    for number in range(trials):
        params = space.sample(rng)
        found = value(params)
        records.append(
            TrialRecord(
                number,
                TrialState.COMPLETE,
                params,
                found if isinstance(found, dict) else {name: found},
                "core.random",
                100.0 + number,
                100.8 + number,
                attempts=1,
            )
        )
    return _history_of(space, records, directions=directions, **facts)

"""A next version that proposes otherwise: it is found out, named, and gone on from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import Float, Int, Space
from hpo_bridge.config import StudyConfig
from hpo_bridge.plugins import PluginManager
from hpo_bridge.study import open_study

Install = Callable[[str], PluginManager]
SPACE = Space(x=Float(0, 1), n=Int(0, 9))


def run(url: str, plugins: PluginManager, trials: int, backend: str = "acme.search") -> Any:
    """Runs a study up to so many trials; their parameters, and what its backend was told."""
    with open_study(
        StudyConfig(SPACE, backend=backend, seed=0, store=url, plugins=plugins)
    ) as study:
        study.optimize(lambda trial: trial["x"], trials=trials)
        driver = study._lease.driver
        assert driver is not None
        return [trial.params for trial in study.trials], driver.proposer.member.checked.built


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [
        r.getMessage()
        for r in caplog.records
        if r.name == "hpo_bridge" and r.levelno >= logging.WARNING
    ]
    caplog.clear()
    return found


@pytest.mark.parametrize("backend", ["acme.search", "acme.kept"])
def test_it_is_named_and_the_study_goes_on(
    url: str, acme: Install, caplog: pytest.LogCaptureFixture, backend: str
) -> None:
    """A snapshot of the old version is not believed, whatever it would restore."""
    before, _ = run(url, acme("1.0"), 14, backend)
    after, optimizer = run(url, acme("2.1"), 16, backend)
    (warning,) = warnings(caplog)
    assert warning == (
        f"study study: backend {backend} cannot be continued exactly (acme-search 1.0 then, "
        "acme-search 2.1 now): it now proposes other parameters for trial 10 than the log has, "
        f"made by {backend}; it begins anew, and is told the trials that are there"
    )
    assert after[:14] == before
    assert optimizer.foreign == 14
    run(url, acme("2.1"), 17, backend)
    exact, _ = run(url, acme("2.1"), 30, backend)
    assert warnings(caplog) == []
    assert exact[:16] == after
    assert len({str(params) for params in exact}) == 30


@pytest.mark.parametrize("backend", ["acme.search", "acme.kept"])
def test_one_that_proposes_the_same_goes_on_exactly(
    url: str, tmp_path: Any, acme: Install, caplog: pytest.LogCaptureFixture, backend: str
) -> None:
    run(url, acme("1.0"), 8, backend)
    upgraded, _ = run(url, acme("1.9"), 20, backend)
    whole, _ = run(f"sqlite:///{tmp_path}/whole.db", acme("1.9"), 20, backend)
    assert upgraded == whole
    assert warnings(caplog) == []


def test_going_back_to_the_old_version(
    url: str, acme: Install, caplog: pytest.LogCaptureFixture
) -> None:
    """What the new version began cannot be continued by the old one either, once it matters."""
    run(url, acme("1.0"), 14)
    run(url, acme("2.0"), 26)
    assert len(warnings(caplog)) == 1
    run(url, acme("1.0"), 28)
    (warning,) = warnings(caplog)
    assert "acme-search 2.0 then, acme-search 1.0 now" in warning
    assert "trial 24 " in warning


def test_one_that_does_not_learn_says_so_in_the_same_line(
    url: str, acme: Install, caplog: pytest.LogCaptureFixture
) -> None:
    run(url, acme("1.0"), 12, "acme.deaf")
    _, optimizer = run(url, acme("2.0"), 14, "acme.deaf")
    (warning,) = warnings(caplog)
    assert warning.endswith("; it begins anew, and does not learn from the trials that are there")
    assert optimizer.foreign == 0

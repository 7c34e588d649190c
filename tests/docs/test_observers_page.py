"""The page on observers lists the notifications as the hooks are declared."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

from hpo_bridge.contracts import hooks as hookspecs

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "observers.md").read_text(encoding="utf-8")


def test_notifications_and_their_arguments() -> None:
    rows = re.findall(r"^\| `(hpo_\w+)` \| (.*?) \|", PAGE, re.MULTILINE)
    found = {name: re.findall(r"`(\w+)`", arguments) for name, arguments in rows}
    declared = {
        name: list(inspect.signature(getattr(hookspecs, name)).parameters)
        for name in hookspecs.NOTIFICATIONS
    }
    assert found == declared
    assert list(found) == list(hookspecs.NOTIFICATIONS)


def test_what_is_known_of_the_study() -> None:
    words = re.search(r"`hpo_bridge.contracts.hooks.StudyInfo`: `([\w\s]+)`", PAGE)
    assert words is not None
    fields = {field.name for field in dataclasses.fields(hookspecs.StudyInfo)}
    assert set(words[1].split()) == fields


def test_options_of_mlflow() -> None:
    from hpo_bridge_mlflow.observer import Mlflow

    section = PAGE.partition("## MLflow")[2].partition("Without `tracking_uri`")[0]
    options = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert options == list(inspect.signature(Mlflow).parameters)

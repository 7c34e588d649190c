"""The event files of a study, read back."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

from hpo_bridge import Categorical, Float, HpoBridgeError, Space, Study, TrialPruned

SPACE = Space(x=Float(0, 1), c=Categorical(["a", None]), flag=True)
Make = Callable[..., Study]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes studies in ``s.db``, and closes them."""
    monkeypatch.chdir(tmp_path)
    opened = []

    def make(**options: Any) -> Study:
        given = {"seed": 0, "store": "sqlite:///s.db", "observers": ["tensorboard"], **options}
        opened.append(Study(SPACE, **given))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def events(folder: Path) -> Iterator[Any]:
    """What an event file has: records of length, checksum, data, checksum."""
    for path in sorted(folder.glob("events.out.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    return [
        (value.tag, event.step, value.simple_value)
        for event in events(folder)
        for value in event.summary.value
        if value.HasField("simple_value")
    ]


def hyperparameters(folder: Path) -> dict[str, Any]:
    for event in events(folder):
        for value in event.summary.value:
            if value.tag == "_hparams_/session_start_info":
                content = value.metadata.plugin_data.content
                found = HParamsPluginData.FromString(content).session_start_info.hparams
                return {k: getattr(v, v.WhichOneof("kind")) for k, v in found.items()}
    raise AssertionError("no table")


def objective(trial: Any) -> float:
    trial.report(0.5, 0)
    trial.report(0.25, 3, {"auc/test": 0.75, "nothing": math.inf})
    if trial.number == 1:
        raise TrialPruned
    if trial.number == 2:
        raise ValueError("no")
    return 0.125


def test_trials(study: Make, tmp_path: Path) -> None:
    s = study()
    s.optimize(objective, trials=3, retries=1)
    (root,) = (tmp_path / "tensorboard").iterdir()
    names = ["trial-00000", "trial-00001", "trial-00002", "trial-00002-attempt-2"]
    assert sorted(path.name for path in root.iterdir()) == names
    reports = [("report", 0, 0.5), ("report", 3, 0.25), ("report/auc/test", 3, 0.75)]
    assert scalars(root / names[0]) == [*reports, ("value", 3, 0.125)]
    for name in names[1:]:
        assert scalars(root / name) == reports
    rows = [hyperparameters(root / names[n]) for n in (0, 1, 3)]
    assert [row["state"] for row in rows] == ["COMPLETE", "PRUNED", "FAILED"]
    for row, trial in zip(rows, s.trials, strict=True):
        assert row["x"] == trial.params["x"]
        assert (row["c"], row["flag"]) == (str(trial.params["c"]), True)


def test_going_on(study: Make, tmp_path: Path) -> None:
    study().optimize(objective, trials=2)
    study(observers=[]).optimize(objective, trials=4)  # unwatched
    (root,) = (tmp_path / "tensorboard").iterdir()
    before = (root / "trial-00000").stat().st_mtime_ns
    half = root / "trial-00003"  # as a killed driver leaves it
    half.mkdir()
    (half / "events.out.tfevents.1").write_bytes(b"half an event")
    study().optimize(objective, trials=5)
    assert len([*root.iterdir()]) == 5
    assert (root / "trial-00000").stat().st_mtime_ns == before
    assert scalars(half) == scalars(root / "trial-00000")


def test_where_it_writes(study: Make, tmp_path: Path) -> None:
    given = {"name": "tensorboard", "options": {"logdir": "runs"}}
    study(observers=[given]).optimize(objective, trials=1)
    assert len([*(tmp_path / "runs").glob("study-*/trial-00000/events.*")]) == 1
    with pytest.raises(HpoBridgeError, match="logdir: found 3, expected a folder"):
        study(observers=[{"name": "tensorboard", "options": {"logdir": 3}}])


def test_a_folder_that_cannot_be(
    study: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("")
    s = study(observers=[{"name": "tensorboard", "options": {"logdir": "taken"}}])
    s.optimize(objective, trials=3)
    assert len(s.trials) == 3
    (line,) = (r.getMessage() for r in caplog.records if r.name == "hpo_bridge")
    assert "observer 'tensorboard' (hpo-bridge " in line
    assert "NotADirectoryError" in line or "FileExistsError" in line

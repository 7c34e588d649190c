"""The objective's folder on its way to machines that do not have it."""

from __future__ import annotations

import pickle
import shutil

import pytest
from hpo_bridge_ray import code_upload
from hpo_bridge_ray.code_upload import CodeFolder, moved, root_of

from hpo_bridge.errors import ObjectiveError
from hpo_bridge.objectives.objective import objective_from


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "train.py").write_text("from helper import value\ndef f(trial): return value()\n")
    (folder / "helper.py").write_text(
        "from pathlib import Path\n"
        "def value(): return float(Path(__file__).with_name('data').joinpath('x').read_text())\n"
    )
    (folder / "data" / "x").write_text("4.5")
    (folder / ".git").mkdir()
    (folder / ".git" / "huge").write_bytes(b"x" * 10_000)
    (folder / "study.db").write_bytes(b"not for others")
    return folder


def test_a_folder_that_is_there_unchanged_is_used_in_place(project, tmp_path):
    folder = CodeFolder.packed(str(project), sent=True)
    assert folder.here(tmp_path / "copy") == str(project)
    assert not (tmp_path / "copy").exists()
    assert CodeFolder.packed(str(project), sent=False).archive is None


def test_elsewhere_it_is_unpacked_and_the_objective_found_there(project, tmp_path):
    objective = objective_from("train.py:f", project)
    folder = pickle.loads(pickle.dumps(CodeFolder.packed(root_of(objective), sent=True)))
    shutil.rmtree(project)
    place = folder.here(tmp_path / "copy")
    assert place == str(tmp_path / "copy")
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == [
        "data",
        "helper.py",
        "train.py",
    ]
    there = moved(objective, folder.path, place)
    assert there.load()(None) == 4.5


def test_a_folder_that_has_changed_is_not_taken_for_the_same(project, tmp_path):
    folder = CodeFolder.packed(str(project), sent=True)
    (project / "helper.py").write_text("def value(): return 1.0\n")
    assert folder.here(tmp_path / "copy") == str(tmp_path / "copy")


def test_an_objective_outside_of_its_study_s_folder(project, tmp_path):
    (tmp_path / "studies").mkdir()
    objective = objective_from("../project/train.py:f", tmp_path / "studies")
    assert root_of(objective) == str(project)
    folder = CodeFolder.packed(root_of(objective), sent=True)
    shutil.rmtree(project)
    there = moved(objective, folder.path, folder.here(tmp_path / "copy"))
    assert there.load()(None) == 4.5


def test_modules_commands_and_functions():
    assert root_of(objective_from("json:loads", "/srv")) == "/srv"
    assert root_of(objective_from({"command": "true"}, "/srv")) == "/srv"
    assert root_of(objective_from(len)) is None
    command = objective_from({"command": "true"}, "/srv")
    assert moved(command, "/srv", "/there").folder == "/there"


def test_a_folder_that_is_too_large(project, monkeypatch):
    monkeypatch.setattr(code_upload, "LARGEST", 100)
    with pytest.raises(ObjectiveError, match="keep data elsewhere"):
        CodeFolder.packed(str(project), sent=True)
    CodeFolder.packed(str(project), sent=False)

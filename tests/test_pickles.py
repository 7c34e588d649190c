"""Pickles are recognised by what they name, and nothing in them is run for that."""

from __future__ import annotations

import datetime
import pickle

import joblib
import numpy as np
import pytest

from hpo_bridge.contracts.pickles import is_pickle, loaded, names_in, open_pickle
from hpo_bridge.errors import HistoryError

VALUES = {"matrix": np.arange(6.0).reshape(2, 3), "time": datetime.datetime(2020, 1, 1)}


@pytest.mark.parametrize("suffix", ["", ".gz", ".z", ".bz2", ".xz", ".lzma"])
def test_files_of_joblib_are_recognised_compressed_or_not(tmp_path, suffix):
    path = str(tmp_path / f"x.pkl{suffix}")
    joblib.dump(VALUES, path)
    assert is_pickle(path)
    assert "joblib.numpy_pickle" in set(names_in(path))
    assert sorted(open_pickle(path, joblib.load)) == ["matrix", "time"]


class Runs:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return eval, (f"open({self.path!r}, 'w').close()",)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_to_look_at_the_names_runs_nothing(tmp_path, protocol):
    mark, path = tmp_path / "mark", tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(Runs(str(mark)), protocol=protocol))
    assert is_pickle(str(path))
    assert set(names_in(str(path))) <= {"builtins", "__builtin__"}
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04", b"\x1f\x8bno", b"\x80\x05\x95"])
def test_damaged_files_are_one_line(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    list(names_in(str(path)))
    with pytest.raises(HistoryError) as found:
        open_pickle(str(path), lambda name: pickle.loads(path.read_bytes()))
    assert str(found.value).startswith(f"{path}: cannot be opened as a pickle: ")
    assert "\n" not in str(found.value)


def test_what_a_script_defined_says_what_to_do(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x04c__main__\nnothing_of_that_name\n.")
    with pytest.raises(HistoryError, match=r"nothing_of_that_name.*import it from that script"):
        open_pickle(str(path), loaded)

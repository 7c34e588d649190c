"""Pickles as data: what they hold comes out, and nothing that they name is run."""

from __future__ import annotations

import datetime
import os
import pickle
from collections import OrderedDict
from contextlib import suppress

import joblib
import numpy as np
import pytest

from hpo_bridge.errors import HistoryError
from hpo_bridge.pickles import StandIn, is_pickle, names_in, read_pickle


class Runs:
    """Runs a command when it is unpickled in the usual way."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Keeps:
    def __init__(self, value):
        self.value = value


VALUES = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "float": np.float64(2.5),
    "int": np.int64(-3),
    "bool": np.bool_(True),
    "text": np.array(["ab", "c"]),
    "word": np.str_("hey"),
    "objects": np.array([1, "x", None], dtype=object),
    "big": np.array([1, 2], dtype=">i4"),
    "small": np.array([0.5], dtype=np.float16),
    "empty": np.zeros((0, 3)),
    "scalar": np.array(3.5),
    "time": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    "set": {1, 2},
    "ordered": OrderedDict(a=[1, (2, 3)]),
}
PLAIN = {
    "matrix": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    "fortran": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    "float": 2.5, "int": -3, "bool": True, "text": ["ab", "c"], "word": "hey",
    "objects": [1, "x", None], "big": [1, 2], "small": [0.5], "empty": [], "scalar": 3.5,
    "time": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "set": {1, 2},
    "ordered": {"a": [1, (2, 3)]},
}  # fmt: skip


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numbers_and_containers_come_out(tmp_path, protocol):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(VALUES, protocol=protocol))
    found = read_pickle(str(path))
    assert found == PLAIN
    assert type(found["float"]) is float
    assert type(found["int"]) is int


@pytest.mark.parametrize("suffix", ["", ".gz", ".z", ".bz2", ".xz", ".lzma"])
def test_files_of_joblib(tmp_path, suffix):
    path = str(tmp_path / f"x.pkl{suffix}")
    joblib.dump(VALUES, path)
    assert is_pickle(path)
    assert read_pickle(path) == PLAIN


def plain_dump(value, path):
    with open(path, "wb") as file:
        pickle.dump(value, file)


@pytest.mark.parametrize("save", [joblib.dump, plain_dump])
@pytest.mark.parametrize("shape", ["bare", "in an array", "in an attribute", "as a call"])
def test_nothing_is_run(tmp_path, save, shape):
    mark = tmp_path / "mark"
    evil = Runs(os.system, f"touch {mark}")
    held = {
        "bare": [evil, Runs(eval, "1 / 0"), Runs(exec, "raise SystemExit")],
        "in an array": np.array([evil, evil], dtype=object),
        "in an attribute": Keeps(evil),
        "as a call": Runs(getattr, evil, "x"),
    }[shape]
    path = str(tmp_path / "x.pkl")
    save(held, path)
    read_pickle(path)
    assert not mark.exists()
    with suppress(Exception):
        pickle.loads(pickle.dumps(held))
    assert mark.exists()  # so it would have been run in the usual way


def test_an_object_keeps_its_class_and_attributes(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(Keeps({"a": np.float64(1.5)})))
    found = read_pickle(str(path))
    assert isinstance(found, StandIn)
    assert found.kind[1] == "Keeps"
    assert found.attributes == {"value": {"a": 1.5}}
    assert next(names_in(str(path))) == Keeps.__module__


def test_a_loop_is_no_trouble(tmp_path):
    loop = [1]
    loop.append(loop)
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"loop": loop, "deep": Keeps(loop)}))
    found = read_pickle(str(path))["loop"]
    assert found[1] is found


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80", b"\x80\x04", b"hello", b"\x80\x04\x95\xff\xff\xff\xff", b"\x1f\x8bno"],
)
def test_a_damaged_file_is_one_line(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(HistoryError) as found:
        read_pickle(str(path))
    assert "\n" not in str(found.value)
    list(names_in(str(path)))
    is_pickle(str(path))


def test_a_length_is_no_memory(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(Runs(bytearray, 2**40)))
    with pytest.raises(HistoryError):
        read_pickle(str(path))

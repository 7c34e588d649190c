"""The example `cnn_images`: its data, its objective, its one score on the test images."""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import io
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
yaml = pytest.importorskip("yaml")

import hpo_bridge  # noqa: E402

from .conftest import script  # noqa: E402

FOLDER = Path(__file__).parents[2] / "examples" / "cnn_images"
TINY = {
    "learning_rate": 0.05,
    "batch_size": 20,
    "layers": 1,
    "filter_size": 3,
    "dropout": 0.2,
    "filters": 2,
    "epochs": 1,
    "train_images": 100,
    "validation_images": 50,
}


class StubTrial(dict[str, Any]):
    """What an objective sees of a trial."""

    def __init__(self, seed: int = 0, prune_at: int | None = None, **params: Any) -> None:
        super().__init__({**TINY, **params})
        self.seed = seed
        self.prune_at = prune_at
        self.reports: list[tuple[int, float]] = []

    def report(self, value: float, step: int) -> None:
        self.reports.append((step, value))

    def should_prune(self) -> bool:
        return self.reports[-1][0] == self.prune_at


@pytest.fixture(autouse=True)
def example_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example's folder on sys.path, as a runner puts it, and the shipped images."""
    import torch

    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(FOLDER / "subset"))
    yield
    torch.set_num_threads(threads)


def load(name: str) -> ModuleType:
    """A script of the example; by path, as other examples have scripts of the same names."""
    return script("cnn_images", name)


@pytest.fixture
def fashion() -> ModuleType:
    return importlib.import_module("fashion_mnist")


def idx(*shape: int, values: bytes | None = None, magic: bytes = b"\x00\x00\x08") -> bytes:
    """The bytes of an IDX file, right or wrong."""
    body = bytes(int(np.prod(shape))) if values is None else values
    return magic + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body


def rows(images: Any) -> set[bytes]:
    return {image.tobytes() for image in images.pixels}


# --- data


def test_the_split_is_balanced_disjoint_and_fixed(fashion: ModuleType) -> None:
    split = fashion.load_train_validation(6000, 2000)
    assert split.train.pixels.shape == (6000, 28, 28)
    assert split.train.pixels.dtype == np.uint8
    assert np.bincount(split.train.labels).tolist() == [600] * 10
    assert np.bincount(split.validation.labels).tolist() == [200] * 10
    assert len(rows(split.train)) == 6000
    assert not rows(split.train) & rows(split.validation)
    again = fashion.load_train_validation()  # the sizes by default, on the subset
    assert np.array_equal(again.train.pixels, split.train.pixels)


def test_the_test_images_are_the_official_ones_and_apart(fashion: ModuleType) -> None:
    test = fashion.load_test()
    split = fashion.load_train_validation()
    assert np.bincount(test.labels).tolist() == [200] * 10
    assert not rows(test) & (rows(split.train) | rows(split.validation))


@pytest.mark.parametrize("sizes", [(8000, 10), (0, 10), (15, 10), (-10, 10), ("all", 10)])
def test_sizes_that_cannot_be_are_refused(fashion: ModuleType, sizes: tuple[Any, int]) -> None:
    with pytest.raises(ValueError, match=r"train_images|dataset-fashion-mnist"):
        fashion.load_train_validation(*sizes)


def test_the_subset_is_the_beginning_of_the_full_set(fashion: ModuleType) -> None:
    if not fashion.PACKAGE.is_dir():
        pytest.skip("needs the Debian package dataset-fashion-mnist")
    for prefix, size in (("train", 8000), ("t10k", 2000)):
        full = fashion.balanced(fashion.read_images(fashion.PACKAGE, prefix))
        shipped = fashion.read_images(FOLDER / "subset", prefix)
        assert np.array_equal(full.pixels[:size], shipped.pixels)
        assert np.array_equal(full.labels[:size], shipped.labels)


def test_the_order_does_not_depend_on_the_order_in_the_file(fashion: ModuleType) -> None:
    images = fashion.read_images(FOLDER / "subset", "t10k")
    mixed = images[np.random.default_rng(0).permutation(len(images))]
    assert np.array_equal(fashion.balanced(mixed).pixels, images.pixels)


def test_a_folder_is_taken_gzipped_or_raw(
    fashion: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = bytes(range(10)) * 2
    pixels = np.random.default_rng(0).integers(0, 256, 20 * 784, dtype=np.uint8).tobytes()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(20, 28, 28, values=pixels))
    packed = gzip.compress(idx(20, values=labels))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(packed)
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    split = fashion.load_train_validation(10, 10)
    assert sorted(split.train.labels) == sorted(split.validation.labels) == list(range(10))
    with pytest.raises(ValueError, match="no file t10k-images"):
        fashion.load_test()
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"FASHION_MNIST_DIR=.*no such folder"):
        fashion.load_test()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 an archive", "starts with 50 4b 03 04"),
        (idx(2, 2, magic=b"\x00\x00\x0d"), "not an IDX file"),
        (b"\x00\x00\x08\x03\x00\x00", "stops after 6 of 16 bytes"),
        (idx(3, 28, 28)[:-1], r"promises 2352 bytes \(3, 28, 28\), the file has 2351"),
        (idx(3, 28, 28) + b"\x00", "the file has 2353"),
        (idx(2**32 - 1, 2**32 - 1, 2**32 - 1, values=b""), "the file has 0"),
    ],
)
def test_a_damaged_idx_file_is_named_with_the_reason(
    fashion: ModuleType, tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "some-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=problem) as raised:
        fashion.read_idx(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("damage", ["cut", "flipped", "not gzip"])
def test_a_damaged_gzip_file_is_named(fashion: ModuleType, tmp_path: Path, damage: str) -> None:
    packed = bytearray(gzip.compress(idx(100, values=bytes(range(100)))))
    if damage == "cut":
        del packed[-12:]
    elif damage == "flipped":
        packed[20] ^= 0xFF
    else:
        packed[:2] = b"no"
    path = tmp_path / "some-idx1-ubyte.gz"
    path.write_bytes(packed)
    with pytest.raises(ValueError, match="cannot be read") as raised:
        fashion.read_idx(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("pixels", "labels", "problem"),
    [
        (idx(20, 28, 27), idx(20), "not \\(n, 28, 28\\)"),
        (idx(20, 28, 28), idx(19), "labels \\(19,\\)"),
        (idx(2, 28, 28), idx(2, values=b"\x01\x0a"), "not all 0 to 9"),
    ],
)
def test_images_and_labels_must_fit(
    fashion: ModuleType, tmp_path: Path, pixels: bytes, labels: bytes, problem: str
) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(pixels)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(labels)
    with pytest.raises(ValueError, match=problem):
        fashion.read_images(tmp_path, "train")


# --- objective


def test_the_objective_returns_its_last_validation_error() -> None:
    trial = StubTrial(epochs=3)
    value = load("objective").train(trial)
    assert isinstance(value, float)
    assert 0.0 <= value <= 1.0
    assert [step for step, _ in trial.reports] == [0, 1, 2]
    assert trial.reports[-1][1] == value


def test_the_objective_learns() -> None:
    trial = StubTrial(epochs=4, filters=4, train_images=500, validation_images=200)
    assert load("objective").train(trial) < 0.6  # chance is 0.9


def test_the_objective_is_reproducible_by_its_seed() -> None:
    train = load("objective").train
    trials = [StubTrial(seed=seed, epochs=2) for seed in (3, 3, 4)]
    for trial in trials:
        train(trial)
    assert trials[0].reports == trials[1].reports != trials[2].reports


@pytest.mark.parametrize("layers", [1, 3, 5])
@pytest.mark.parametrize("filter_size", [3, 7])
def test_any_depth_and_filter_size_can_be_built(layers: int, filter_size: int) -> None:
    load("objective").train(StubTrial(layers=layers, filter_size=filter_size))


def test_a_learning_rate_that_diverges_is_a_bad_value_and_no_crash() -> None:
    assert 0.5 < load("objective").train(StubTrial(learning_rate=1e6)) <= 1.0


def test_the_objective_stops_where_the_pruner_says() -> None:
    trial = StubTrial(epochs=5, prune_at=1)
    with pytest.raises(hpo_bridge.TrialPruned):
        load("objective").train(trial)
    assert [step for step, _ in trial.reports] == [0, 1]


def test_training_never_opens_the_test_images(
    fashion: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (FOLDER / "subset").glob("train-*"):
        (tmp_path / path.name).symlink_to(path)  # a folder that has no test images to open
    monkeypatch.setenv("FASHION_MNIST_DIR", str(tmp_path))
    load("objective").train(StubTrial())
    with pytest.raises(ValueError, match="no file t10k"):
        fashion.load_test()


# --- the objective with gradients


def test_with_gradients_it_is_the_same_training(fashion: ModuleType) -> None:
    import torch
    from torch.nn.functional import cross_entropy

    cnn = importlib.import_module("cnn")
    trial = StubTrial(seed=3, epochs=2, layers=2, dropout=0.0, momentum=0.8, weight_decay=0.01)
    split = fashion.load_train_validation(100, 50)
    network = cnn.fit(cnn.Config.of(trial), split.train, 3, lambda epoch, network: None)
    pixels, labels = cnn.to_tensors(split.validation, torch.device("cpu"))
    network.eval()
    with torch.no_grad():
        loss = float(cross_entropy(network(cnn.scale(pixels)), labels))
    training = load("differentiable").Training(trial)
    assert training.steps == 10
    assert training.value(trial) == pytest.approx(loss, rel=1e-4)
    assert training.value({**trial, "weight_decay": 0.3}) != pytest.approx(loss, rel=1e-3)


def test_its_gradients_are_those_of_its_value() -> None:
    from hpo_bridge_torch import check_gradient

    settings = {"momentum": 0.8, "weight_decay": 0.01, "learning_rate": 0.01, "dropout": 0.2}
    training = load("differentiable").Training(StubTrial(**settings))
    training.network.double()
    check = check_gradient(training, settings)
    assert check.ok, str(check)


# --- study files


@pytest.mark.parametrize("name", ["grid", "random", "tpe", "hybrid"])
def test_a_study_file_gives_the_objective_all_it_reads(name: str) -> None:
    study = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    more = {"momentum", "weight_decay"} if name == "hybrid" else set()
    assert set(study["space"]) == {*TINY, *more}
    module = "differentiable" if name == "hybrid" else "objective"
    assert study["objective"] == f"{module}.py:train"
    assert study["study"] == f"cnn-images-{name}"


def test_the_demo_uses_the_store_that_the_study_file_has_by_default() -> None:
    demo = load("demo")
    study = yaml.safe_load(demo.STUDY.read_text())
    assert demo.STUDY.parent / f"{study['study']}.db" == demo.STORE


# --- the command


def run_study(store: Path, *words: str, name: str = "tpe") -> list[dict[str, Any]]:
    """Eight small trials of a study file, by the command; all that is kept of them."""
    file = [str(FOLDER / f"{name}.yaml"), "--store", f"sqlite:///{store}"]
    small = {"epochs": 2, "filters": 2, "train_images": 200, "validation_images": 100}
    sets = [f"space.{name}={value}" for name, value in small.items()]
    more = [word for pair in sets for word in ("--set", pair)]
    command = [sys.executable, "-m", "hpo_bridge"]
    run = [*command, "run", *file, "--json", "--trials", "8", *more, *words]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    listed = subprocess.run(
        [*command, "trials", *file, "--json"], capture_output=True, text=True, timeout=150
    )
    trials: list[dict[str, Any]] = json.loads(listed.stdout)
    ((measure, best),) = json.loads(ended.stdout)["best"]["values"].items()
    assert best == min(
        trial["values"][measure] for trial in trials if trial["state"] == "COMPLETE"
    )
    return trials


@pytest.fixture
def own_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two CPUs on a Ray of the command's own, on a machine of any size."""
    pytest.importorskip("ray")
    for name in ("RAY_ADDRESS", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_worker_niceness", "0")


RAY = ("--runner", "ray", "--set", "runner.address=local")


@pytest.mark.usefixtures("own_ray")
def test_the_study_runs_on_ray_with_its_pruner(tmp_path: Path) -> None:
    trials = run_study(tmp_path / "ray.db", *RAY, "--set", "pruner.options.n_startup_trials=2")
    assert [trial["number"] for trial in trials] == list(range(8))
    assert {trial["state"] for trial in trials} <= {"COMPLETE", "PRUNED"}


@pytest.mark.usefixtures("own_ray")
def test_the_study_has_the_same_trials_on_ray_as_on_processes(tmp_path: Path) -> None:
    """Whoever runs them, as long as their order does not depend on timing."""
    fixed = ("--set", "pruner=null", "--set", "runner.order=deterministic")
    found = []
    for name, runner in (("ray", RAY), ("processes", ("--runner", "processes"))):
        trials = run_study(tmp_path / f"{name}.db", *runner, *fixed)
        found.append([(trial["state"], trial["params"], trial["values"]) for trial in trials])
    assert found[0] == found[1]
    assert [state for state, _, _ in found[0]] == ["COMPLETE"] * 8
    assert len({params["learning_rate"] for _, params, _ in found[0]}) == 8


@pytest.mark.parametrize(
    ("outer", "words"),
    [
        ("optuna.tpe", ("--set", "runner.order=deterministic")),  # in two workers, as in the file
        ("deap.ga", ("--runner", "inline")),
    ],
)
def test_the_hybrid_runs_with_any_black_box_for_what_is_discrete(
    outer: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    pytest.importorskip(outer.partition(".")[0])
    words += ("--set", f"backend.options.outer={outer}")
    trials = run_study(tmp_path / "hybrid.db", *words, name="hybrid")
    assert [trial["state"] for trial in trials] == ["COMPLETE"] * 8
    discrete = ("batch_size", "layers", "filter_size")
    tried: dict[tuple[Any, ...], list[float]] = {}
    for trial in trials:
        found = tried.setdefault(tuple(trial["params"][name] for name in discrete), [])
        found.append(trial["params"]["learning_rate"])
    assert len(tried) >= 2
    assert max(len(rates) for rates in tried.values()) >= 3  # gradient steps of one network
    assert all(len(set(rates)) == len(rates) for rates in tried.values())


def test_compare_hybrid(capsys: pytest.CaptureFixture[str]) -> None:
    compare = load("compare_hybrid")
    compare.PLAIN = 2
    small = {"epochs": 1, "filters": 2, "train_images": 100, "validation_images": 50}
    found = compare.compare(0, 4, small)
    budget = found[compare.TPE].seconds[-1]
    assert found[compare.TPE].trials == 4
    for name in (compare.GA, compare.AFTER, compare.ALONE):
        seconds = [0.0, *found[name].seconds]
        assert seconds[-1] >= budget > seconds[-2]
        assert found[name].best == sorted(found[name].best, reverse=True)
    assert found[compare.TPE].within(budget) == found[compare.TPE].best[-1]
    compare.table([found])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-5:]] == [
        "backend", "hybrid,", "hybrid,", "20", "optuna.tpe",
    ]  # fmt: skip


# --- evaluation


def best_json(**changes: Any) -> str:
    best = {"number": 7, "params": TINY, "values": {"value": 0.25}}
    return json.dumps({"study": "s", "backend": "b", "best": best, "counts": {}, **changes})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no best trial: expected the output"),
        ("no json", "no best trial: expected the output"),
        ('{"front": []}', "no best trial: expected the output"),
        (best_json(best=None), "no best trial: study 's' has no complete trial"),
        (best_json(best={"number": 1, "values": {"value": 1.0}, "params": {}}), "learning_rate"),
        (best_json(best={"number": 1, "values": None, "params": TINY}), "not one of this"),
    ],
)
def test_evaluate_refuses_what_is_no_best_trial(
    text: str, problem: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate = load("evaluate")
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    monkeypatch.setattr(evaluate, "load_test", lambda: pytest.fail("read the test images"))
    assert evaluate.main([]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert problem in err
    assert err.count("\n") == 1


def test_evaluate_scores_the_test_images_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate = load("evaluate")
    loads = []
    original = evaluate.load_test
    monkeypatch.setattr(evaluate, "load_test", lambda: loads.append(1) or original())
    path = tmp_path / "best.json"
    path.write_text(best_json())
    assert evaluate.main([str(path), "--seeds", "2"]) == 0
    out = capsys.readouterr().out
    assert loads == [1]
    assert "100 training images" in out
    assert "2000 images of the official test set" in out
    assert "validation error 0.2500, test error 0." in out
    assert "over 2 seeds" in out


def test_evaluate_names_what_the_study_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    best = {"number": 7, "params": {**TINY, "momentum": 0.5}, "values": {"loss": 0.75}}
    monkeypatch.setattr(sys, "stdin", io.StringIO(best_json(best=best)))
    assert load("evaluate").main([]) == 0
    assert "validation loss 0.7500, test error 0." in capsys.readouterr().out

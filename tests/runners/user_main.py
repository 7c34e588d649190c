"""A user's script: what a trial may do with the things that ``__main__`` defines."""

import collections
import dataclasses
import enum
import multiprocessing as mp
import pickle
import threading
import typing
from concurrent.futures import ProcessPoolExecutor

import torch
from joblib import Parallel, delayed
from torch.utils.data import DataLoader, Dataset

import hpo_bridge as hpo

with open("runs.txt", "a") as file:
    file.write("run\n")
LOCK = threading.Lock()


class Numbers(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return float(index)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)


@dataclasses.dataclass
class Config:
    x: float
    tags: list = dataclasses.field(default_factory=list)


class Color(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


class Typed(typing.NamedTuple):
    x: int


class Unseen:
    """The objective meets it in a file alone."""


def own(x):
    return x * 2


def unseen(x):
    return own(x)


def locked():
    return LOCK


def put(queue):
    queue.put(own(4))


model = Net()


def loader(trial):
    assert sum(float(batch.sum()) for batch in DataLoader(Numbers(), num_workers=1)) == 6.0


def pool(trial):
    with mp.Pool(1) as pool:
        assert pool.map(own, [1, 2]) == [2, 4]


def process(trial):
    queue = mp.Queue()
    process = mp.Process(target=put, args=(queue,))
    process.start()
    assert queue.get(timeout=60) == 8
    process.join()


def executor(trial):
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(own, 3).result() == 6


def loky(trial):
    doubled = Parallel(n_jobs=2, backend="loky")(delayed(own)(x) for x in range(3))
    assert doubled == [0, 2, 4]


def torch_save(trial):
    torch.save(Net(), "net.pt")
    torch.save(model, "model.pt")
    assert type(torch.load("model.pt", weights_only=False)) is type(model) is Net


def pickles(trial):
    for value in (Config(2.0, ["a"]), Point(1, 2), Typed(1)):
        assert pickle.loads(pickle.dumps(value)) == value
    assert dataclasses.asdict(Config(2.0)) == {"x": 2.0, "tags": []}
    for value in (Net, own, Color.RED, Config):
        assert pickle.loads(pickle.dumps(value)) is value


def unpickles(trial):
    with open("unseen.pkl", "rb") as file:
        thing, function = pickle.load(file)
    assert type(thing).__name__ == "Unseen"
    assert function(2) == 4


def start_method(trial):
    assert mp.get_start_method(allow_none=True) is None
    mp.set_start_method("fork")


SAMPLES = {
    sample.__name__: sample
    for sample in (
        start_method, loader, pool, process, executor, loky, torch_save, pickles, unpickles,
    )
}  # fmt: skip


def objective(trial):
    SAMPLES[trial["what"]](trial)
    return 0.0


def main(runner, **options):
    with open("unseen.pkl", "wb") as file:
        pickle.dump((Unseen(), unseen), file)
    space = hpo.Space(what=hpo.Categorical(list(SAMPLES), ordered=True))
    study = hpo.Study(space, backend="core.grid", seed=0)
    study.optimize(objective, runner=runner, **options)
    print({trial.params["what"]: trial.error for trial in study.trials if trial.error})
    assert isinstance(torch.load("net.pt", weights_only=False), Net)

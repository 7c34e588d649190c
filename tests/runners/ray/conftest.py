"""One Ray for all tests of this folder that run in this process, and others by `ray start`.

They end with the folder's last test: an idle Ray takes a tenth of a core from what comes after.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from hpo_bridge_ray.cluster import connected
from hpo_bridge_ray.runner import Ray


@pytest.fixture(scope="package")
def ray_here() -> Iterator[Any]:
    """Two CPUs; what runs there is as urgent as the other tests that run beside."""
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  (Ray reads it so)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray
    with connected("local", None, num_cpus=2):
        yield ray


@pytest.fixture
def runner(ray_here: Any) -> Callable[..., Ray]:
    """Makes runners on that Ray."""
    return partial(Ray, workers=2)


@pytest.fixture(scope="package")
def digits(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of scikit-learn's digits: a trial that reads it needs no import of seconds."""
    import numpy as np
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, x=x, y=y)
    return str(path)


TOKEN = "0123456789abcdef" * 4
"""What a Ray of `ray start` wants from whoever connects."""


def plain_environment(**more: str) -> dict[str, str]:
    """This process's environment without what Ray finds in it, and with the token.

    Empty values of ``more`` are left out.
    """
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("RAY_")}
    kept |= {"RAY_worker_niceness": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, **more}
    return {k: v for k, v in kept.items() if v}


class Started:
    """A Ray of `ray start --head`, on free ports, in a folder of its own.

    Attributes:
        address: Its ``HOST:PORT``.
        client: The port for ``ray://``; ``None`` where ``ray[client]`` is not installed.
        folder: What ``RAY_TMPDIR`` is for it.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hr-"))  # short: sockets lie below it
        self.client = None
        if importlib.util.find_spec("grpc") is not None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.client = free.getsockname()[1]
            arguments += (f"--ray-client-server-port={self.client}",)
        done = subprocess.run(
            [
                sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--port=0",
                "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", *arguments,
            ],
            env=plain_environment(RAY_TMPDIR=str(self.folder), **environment),
            capture_output=True, text=True, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        self.address = (self.folder / "ray" / "ray_current_cluster").read_text()

    def processes(self) -> list[psutil.Process]:
        """All of it, workers too."""
        found = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if str(self.folder) in " ".join(process.cmdline()):
                    found |= {process, *process.children(recursive=True)}
        return list(found)

    def process(self, name: str) -> psutil.Process:
        """The one whose program has that name."""
        (found,) = (p for p in self.processes() if Path(p.cmdline()[0]).name == name)
        return found

    def kill(self) -> None:
        """Ends it at once, and no other Ray of this machine, as `ray stop` would."""
        processes = self.processes()
        for process in processes:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(processes, timeout=20)

    def close(self) -> None:
        """Leaves nothing behind."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def start_ray() -> Iterator[Callable[..., Started]]:
    """Starts a Ray for one test."""
    made: list[Started] = []

    def start(*arguments: str, **environment: str) -> Started:
        made.append(Started(*arguments, **environment))
        return made[-1]

    yield start
    for ray in made:
        ray.close()


@pytest.fixture(scope="package")
def started() -> Iterator[Started]:
    """Two CPUs and two GPUs, started before the tests, and to be there after each."""
    ray = Started("--num-gpus=2")
    yield ray
    ray.close()


STUDY = """\
study: s
objective: objective.py:train
space:
  x: {type: float, low: -1.0, high: 1.0}
  nap: 0.02
backend: core.random
seed: 1
budget: {trials: 12}
runner: {name: ray, workers: 2}
"""
OBJECTIVE = """\
import os, time
import psutil

def train(trial):
    with open("log", "a") as log:  # the second: Ray's worker is its raylet's child
        log.write(f"{os.getpid()} {psutil.Process(os.getppid()).ppid()}\\n")
    time.sleep(trial["nap"])
    return trial["x"] ** 2
"""


class Command:
    """The command `hpo-bridge` in a folder with a study, and processes that it has started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "study.yaml").write_text(STUDY)
        (folder / "objective.py").write_text(OBJECTIVE)
        self.started: list[subprocess.Popen[str]] = []

    def start(
        self, *words: str, python: tuple[str, ...] = ("-m", "hpo_bridge"), **environment: str
    ) -> subprocess.Popen[str]:
        """Runs it beside the test."""
        process = subprocess.Popen(
            [sys.executable, *python, *words], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=plain_environment(**environment),
            process_group=0,
        )  # fmt: skip
        self.started.append(process)
        return process

    def __call__(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Runs it to its end."""
        process = self.start(*words, **more)
        out, err = process.communicate(timeout=150)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def log(self) -> list[str]:
        """A line for each attempt that has begun: its process and its raylet."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def wait(self, condition: Callable[[], bool], seconds: float = 150) -> None:
        """Until it holds, for so long at most."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            if self.started[-1].poll() is not None and not condition():
                raise AssertionError(self.started[-1].communicate())
            time.sleep(0.05)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command, in a folder with a study of 12 trials."""
    made = Command(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()

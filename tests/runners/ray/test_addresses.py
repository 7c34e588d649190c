"""Where the Ray is that a study runs on; what is said if there is none, and if it goes."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import threading
import time
from contextlib import nullcontext, suppress

import psutil
import pytest
from hpo_bridge_ray import address, head_watch
from hpo_bridge_ray.address import RayError, check
from hpo_bridge_ray.cluster import _init

TOKEN = "0123456789abcdef" * 4  # as in conftest.py
COMPLETE = {"WAITING": 0, "RUNNING": 0, "COMPLETE": 12, "PRUNED": 0, "FAILED": 0}


def counts(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["counts"]


def rays(process):
    """What a process has started, by the names of their programs."""
    children = psutil.Process(process.pid).children(recursive=True)
    return {os.path.basename(child.name()) for child in children}


# -- a Ray that is there ------------------------------------------------------------------


def test_a_ray_that_was_started_is_used_and_left(command, started):
    """By each way to name it; three drivers beside each other."""
    servers = {name: started.process(name).pid for name in ("gcs_server", "raylet")}
    ways = {
        "by_host_and_port": (started.address, {}),
        "by_ray_address": ("auto", {"RAY_ADDRESS": started.address}),
        "by_ray_start": (None, {"RAY_TMPDIR": str(started.folder)}),
    }
    drivers = []
    for name, (given, environment) in ways.items():
        words = ["--set", f"study={name}", "--set", "runner.cpu=0.5", "--set", "runner.workers=1"]
        words += ["--set", f"runner.address={given}"] if given else []
        drivers.append(command.start("run", "study.yaml", "--json", *words, **environment))
    for driver in drivers:
        out, err = driver.communicate(timeout=150)
        assert (driver.returncode, err) == (0, "")
        assert json.loads(out)["counts"] == COMPLETE
    workers, raylets = zip(*(map(int, line.split()) for line in command.log()), strict=True)
    assert len(set(workers)) == 3
    assert not any(psutil.pid_exists(pid) for pid in workers)
    assert set(raylets) == {servers["raylet"]}
    assert servers == {name: started.process(name).pid for name in servers}


def test_the_ray_of_another_process_is_not_for_us(command, tmp_path):
    """It would end with that process, in the midst of our study."""
    first = command.start("run", "study.yaml", "--set", "space.nap=0.5", "--trials", "400")
    command.wait(command.log)
    second = command("run", "study.yaml", "--json", "--store", f"sqlite:///{tmp_path}/other.db")
    assert counts(second) == COMPLETE
    assert "raylet" in rays(first)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=150)
    assert first.returncode == 130
    assert "no worker is up" not in err


def test_what_ray_start_has_left_is_looked_at(tmp_path, monkeypatch, started):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert address.started() is None
    (tmp_path / "ray").mkdir()
    file = tmp_path / "ray" / "ray_current_cluster"
    file.write_text(started.address)
    assert address.started() == started.address
    for gone in ("", "127.0.0.1", f"127.0.0.1:{free_port()}"):  # killed, or the machine went down
        file.write_text(gone)
        assert address.started() is None


def test_in_a_task_of_the_cluster(command, started):
    """As a job's driver: Ray's own processes run it, and some of them are connected."""
    (command.folder / "job.py").write_text(
        "import os, subprocess, sys\n"
        "import ray\n"
        "import hpo_bridge as hpo\n"
        "ray.init(os.environ['RAY_ADDRESS'], log_to_driver=False)\n"
        "\n"
        "@ray.remote(num_cpus=0)\n"
        "def through_the_command(folder):\n"
        "    argv = [sys.executable, '-m', 'hpo_bridge', 'run', 'study.yaml', '--json']\n"
        "    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)\n"
        "    return done.returncode, done.stdout, done.stderr\n"
        "\n"
        "@ray.remote(num_cpus=0)\n"
        "def in_the_task():\n"
        "    with hpo.Study(hpo.Space(x=hpo.Float(0, 1))) as study:\n"
        "        study.optimize(lambda t: t['x'], trials=8, runner='ray', workers=2)\n"
        "        return [t.state.value for t in study.trials], ray.is_initialized()\n"
        "\n"
        "code, out, err = ray.get(through_the_command.remote(os.getcwd()))\n"
        "assert code == 0, err\n"
        "assert ray.get(in_the_task.remote()) == (['COMPLETE'] * 8, True)\n"
        "print(out)\n"
    )
    done = command(python=("job.py",), RAY_ADDRESS=started.address)
    assert counts(done) == COMPLETE


CLIENT = """\
import os, signal, sys, tempfile, time
from pathlib import Path
import hpo_bridge as hpo
from hpo_bridge_ray import runner
if "elsewhere" in sys.argv:
    runner.names = lambda: frozenset({"another"})

def objective(trial):
    found = trial.load_checkpoint()
    begin = int((found / "step").read_text()) if found else 0
    for step in range(begin + 1, 4):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "step").write_text(str(step))
            trial.checkpoint(folder)
        trial.report(step, step=step)
        if step == 2 and not begin:
            if trial.number % 4 == 0:
                raise ValueError("bad")
            if trial.number % 4 == 1:
                os.kill(os.getpid(), signal.SIGSEGV)
            if trial.number % 4 == 2:
                time.sleep(60)
    return float(begin)

if __name__ == "__main__":
    space = hpo.Space(x=hpo.Float(0, 1))
    with hpo.Study(space, backend="core.random", store="sqlite:///client.db") as study:
        study.optimize(
            objective, trials=8, runner="ray", workers=2, retries=1, address=sys.argv[1],
            trial_timeout=12, mode=sys.argv[2],
        )
        for t in study.trials:
            assert t.values == {"value": 0.0 if t.number % 4 == 3 else 2.0}, t
            assert t.attempts == (1 if t.number % 4 == 3 else 2), t
        print(len(study.trials))
"""


@pytest.mark.parametrize("mode", ["slots", "trials"])
def test_through_rays_client(command, started, monkeypatch, mode):
    """Failures, retries, and checkpoints that are carried, all as elsewhere."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    address = f"ray://127.0.0.1:{started.client}"
    (command.folder / "client.py").write_text(CLIENT)
    done = command(address, mode, "elsewhere", python=("client.py",))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "8", "")
    done = command("run", "study.yaml", "--json", RAY_ADDRESS=address)
    assert (counts(done), done.stderr) == (COMPLETE, "")
    with pytest.raises(RayError, match="has the port for Ray's clients: give ray://HOST:PORT"):
        check(address.removeprefix("ray://"), "runner.address")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "f" * 64)
    with pytest.raises(RayError, match=r"the Ray at ray://.* wants another token"):
        check(address, "runner.address")
    assert started.process("raylet").is_running()


# -- none ---------------------------------------------------------------------------------


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as line:
        return line.getsockname()[1]


@pytest.mark.parametrize(
    "wrong",
    ["here", "ray://", "host:", ":6379", "host:port", "host:0", "host:65536", "http://host:80",
     "ray://ray://host:1", "a b:1", "ray:///host:1", "host:1/2"],
)  # fmt: skip
def test_malformed(wrong):
    with pytest.raises(RayError, match=r"runner\.address: found '.*'; expected auto, local, HOST"):
        check(wrong, "runner.address")


def test_nobody_listens(command):
    port = free_port()
    for given in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", f"[::1]:{port}"):
        with pytest.raises(RayError, match=f"no Ray answers at .*:{port}: "):
            check(given, "runner.address")
    with pytest.raises(RayError, match=r"no Ray answers at no-such\.invalid:6379: "):
        check("no-such.invalid:6379", "runner.address")
    done = command("run", "study.yaml", "--json", RAY_ADDRESS=f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line == f"hpo-bridge: no Ray answers at 127.0.0.1:{port}: Connection refused"


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass


def silent(server):
    lines = []
    with suppress(OSError):
        while True:
            lines.append(server.accept()[0])
    for line in lines:
        line.close()


def test_something_else_listens(monkeypatch):
    monkeypatch.setattr(address, "REACH", 0.5)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    mute = socket.create_server(("127.0.0.1", 0))
    listener = threading.Thread(target=silent, args=(mute,), daemon=True)
    listener.start()
    try:
        for server in (web.socket, mute):
            port = server.getsockname()[1]
            for given in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
                with pytest.raises(RayError) as raised:
                    check(given, "RAY_ADDRESS")
                assert (
                    str(raised.value) == f"RAY_ADDRESS: something else than Ray listens at {given}"
                )
    finally:
        web.shutdown()
        web.server_close()
        mute.shutdown(socket.SHUT_RDWR)
        listener.join()
        mute.close()


def test_the_heads_port_is_not_the_clients(started, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    check(started.address, "runner.address")
    with pytest.raises(RayError, match=r"ray://.* has the port for Ray's head, without ray://"):
        check(f"ray://{started.address}", "runner.address")


@pytest.mark.parametrize(
    ("address", "raised", "problem"),
    [
        ("auto", ConnectionError("Could not find any running Ray instance."),
         "runner.address: auto finds no Ray on this machine; start one with "),
        ("ray://host:1", ValueError("Ray Client requires pip package `ray[client]`. If you ..."),
         "runner.address: ray://host:1 needs Ray's client: pip install 'ray[client]'"),
        ("host:1", ConnectionError("Failed to connect\n to Ray"),
         "no Ray answers at host:1: Failed to connect to Ray"),
        ("host:1", RuntimeError(), "the Ray at host:1 cannot be used: RuntimeError"),
    ],
)  # fmt: skip
def test_what_ray_says_becomes_one_line(address, raised, problem):
    class NoRay:
        def init(self, **_):
            raise raised

    with pytest.raises(RayError) as error:
        _init(NoRay(), address, {})
    assert str(error.value).startswith(problem)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["Starting Ray client server failed.", "Proxy failed to Connect"
                                  " to backend!"])  # fmt: skip
@pytest.mark.parametrize(("failures", "starts"), [(0, 1), (2, 3), (5, 3)])
def test_a_client_whose_server_dies_at_its_start_is_served_by_another(text, failures, starts):
    class Head:
        tried = 0

        def init(self, **_):
            self.tried += 1
            if self.tried <= failures:
                raise ConnectionAbortedError(f"Initialization failure from server:\n{text}")

    head = Head()
    with (
        pytest.raises(RayError, match="no Ray answers at ray://host:1: Init")
        if failures > starts else nullcontext()
    ):  # fmt: skip
        _init(head, "ray://host:1", {})
    assert head.tried == starts


def test_a_cluster_that_wants_a_token(started, monkeypatch, tmp_path):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    needs = f"the Ray at {started.address} wants a token: set RAY_AUTH_MODE=token, and have the "
    another = f"the Ray at {started.address} wants another token than the one in RAY_AUTH_TOKEN"
    for name, value, problem in (
        ("RAY_AUTH_TOKEN", "f" * 64, needs),
        ("RAY_AUTH_MODE", "token", another),
        ("RAY_AUTH_TOKEN", "f" * 300, another),
        ("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"), another),
        ("RAY_AUTH_TOKEN", "", needs),
    ):
        monkeypatch.setenv(name, value)
        with pytest.raises(RayError) as raised:
            check(started.address, "runner.address")
        assert str(raised.value).startswith(problem)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    check(started.address, "runner.address")
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH")
    (tmp_path / ".ray").mkdir()
    (tmp_path / "token").rename(tmp_path / ".ray" / "auth_token")
    check(started.address, "runner.address")


def test_another_version_of_ray(command, started):
    driver = "import ray; ray.__version__ = '2.59.9'; from hpo_bridge.cli import main; main()"
    done = command(
        "run", "study.yaml", "--json", python=("-c", driver), RAY_ADDRESS=started.address
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"hpo-bridge: the Ray at {started.address} and this process do not fit")
    assert "2.59.9" in line
    assert line.endswith("install the same Ray and the same Python on both sides")


# -- gone ---------------------------------------------------------------------------------


def test_a_cluster_that_is_killed_loses_nothing(command, start_ray, started):
    ray = start_ray()
    longer = ("--set", "space.nap=0.1", "--trials", "60")
    driver = command.start("run", "study.yaml", "--json", *longer, RAY_ADDRESS=ray.address)
    command.wait(lambda: len(command.log()) >= 12)
    ray.kill()
    begin = time.monotonic()
    out, err = driver.communicate(timeout=150)
    assert time.monotonic() - begin < 40
    assert (driver.returncode, out) == (2, "")
    assert "hpo-bridge: the connection to Ray is lost: " in err
    assert err.endswith("nothing that was finished is; run the same command again\n")
    assert "Traceback" not in err
    kept = trials(command)
    states = [trial["state"] for trial in kept]
    assert states.count("COMPLETE") >= 10
    assert set(states) <= {"COMPLETE", "WAITING"}
    done = command("run", "study.yaml", "--json", *longer, RAY_ADDRESS=started.address)
    assert counts(done) == {**COMPLETE, "COMPLETE": 60}
    now = trials(command)
    assert [trial["number"] for trial in now] == list(range(60))
    for before, after in zip(kept, now, strict=False):
        if before["state"] == "COMPLETE":
            assert before == after


def trials(command):
    return json.loads(command("trials", "study.yaml", "--json").stdout)


def test_a_head_is_gone_once_it_has_been_silent_for_long(monkeypatch):
    monkeypatch.setattr(head_watch, "LOOK", 0.05)
    server = socket.create_server(("127.0.0.1", 0))
    place = "{}:{}".format(*server.getsockname())

    class FakeRay:
        class util:
            class client:
                class ray:
                    is_connected = staticmethod(lambda: False)

        def get_runtime_context(self):
            self.gcs_address = place
            return self

    watch = head_watch.HeadWatch(FakeRay())
    try:
        monkeypatch.setattr(head_watch, "GONE", 1.0)
        time.sleep(1.5)
        watch.check()
        server.close()
        monkeypatch.setattr(head_watch, "GONE", 0.2)
        time.sleep(0.5)
        with pytest.raises(RayError, match=f"Ray's head at {place} has not answered for "):
            watch.check()
    finally:
        watch.close()


@pytest.mark.dear
def test_a_head_that_is_gone_is_an_error_before_ray_ends_the_driver(command, start_ray):
    """The rest of the cluster lives on: the driver's own machine, say."""
    ray = start_ray()
    driver = (
        "from hpo_bridge_ray import head_watch; head_watch.LOOK, head_watch.GONE = 0.5, 4.0\n"
        "from hpo_bridge.cli import main; main()"
    )
    driver = command.start(
        "run", "study.yaml", "--json", "--set", "space.nap=0.1", "--trials", "2000",
        python=("-c", driver), RAY_ADDRESS=ray.address,
    )  # fmt: skip
    command.wait(lambda: len(command.log()) >= 6)
    ray.process("gcs_server").kill()
    out, err = driver.communicate(timeout=150)
    assert (driver.returncode, out) == (2, "")
    (line,) = err.splitlines()
    assert f"Ray's head at {ray.address} has not answered for " in line
    assert {trial["state"] for trial in trials(command)} == {"COMPLETE", "WAITING"}

"""Objectives that go wrong in every way we know of, and a few that do not."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from hpo_bridge.errors import TrialPruned


@dataclass
class Config:
    """Dataclasses look their module up in sys.modules."""

    x: float


def fine(trial):
    return Config(trial.get("x", 0.0)).x


def pid(trial):
    return os.getpid()


def several(trial):
    return {"loss": 1, "size": 2.5}


def raises(trial):
    raise ValueError("bad")


def returns_none(trial):
    return None


def returns_text(trial):
    return "0.3"


def returns_list(trial):
    return [0.3]


def returns_lambda(trial):
    return lambda: 0


def wrong_names(trial):
    return {1: 0.3}


def wrong_number(trial):
    return {"loss": None}


def empty(trial):
    return {}


def nan(trial):
    return float("nan")


def inf(trial):
    return float("inf")


def exits(trial):
    sys.exit(3)


def interrupts(trial):
    raise KeyboardInterrupt


def memory(trial):
    raise MemoryError


def recursion(trial):
    return recursion(trial)


class Unprintable(Exception):
    def __init__(self, first, second):
        self.lock = threading.Lock()

    def __str__(self):
        raise RuntimeError("no text either")


def unprintable(trial):
    raise Unprintable(1, 2)


def base_exception(trial):
    raise BaseException("rare")


def prunes(trial):
    raise TrialPruned


def reports(trial):
    for step in range(5):
        trial.report(trial["x"] + step, step)
        if trial.should_prune():
            raise TrialPruned
    return trial["x"]


def reports_from_thread(trial):
    caught = []

    def work():
        trial.report(1.0, 0)
        caught.append(trial.should_prune())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return float(caught[0])


def hangs(trial):
    time.sleep(60)


def swallows(trial):
    while True:
        try:
            time.sleep(60)
        except BaseException:
            if trial["x"] > 1:
                raise
            trial._params["x"] += 1


def hangs_in_c(trial):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    ctypes.PyDLL(None).sleep(60)  # holds the interpreter's lock all the while


def leaves(trial):
    os._exit(int(trial["code"]))


def segfault(trial):
    print("about to fall")
    ctypes.string_at(0)


def killed(trial):
    os.kill(os.getpid(), signal.SIGKILL)


def terminated(trial):
    os.kill(os.getpid(), signal.SIGTERM)


def allocates(trial):
    return float(len(bytearray(3 << 30)))


def noisy(trial):
    line = "x" * 1023 + "\n"
    for _ in range(100 * 1024):
        sys.stdout.write(line)
    return 1.0


def wanders(trial):
    before = os.getcwd()
    os.chdir("/")
    threading.Thread(target=time.sleep, args=(60,)).start()
    return float(before == "/")


def late_reporter(trial):
    def later():
        time.sleep(0.05)
        trial.report(99.0, 99)

    threading.Thread(target=later).start()
    time.sleep(0.1 * trial.number)
    return 1.0


def closes_streams(trial):
    sys.stdout.close()
    sys.stderr.close()
    return 1.0


def has_children(trial):
    child = subprocess.Popen(["sleep", "300"])
    with open(trial["pids"], "a") as file:
        file.write(f"{os.getpid()}\n{child.pid}\n")
    return 1.0 if trial.get("leave") else time.sleep(300)


def starts_a_process(trial):
    import multiprocessing

    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    process.join()
    return process.exitcode


def naps(trial):
    time.sleep(0.02)
    return 1.0


def seeded(trial):
    return trial.seed


def chosen(trial):
    """Runs the function that the trial names."""
    return globals()[trial["what"]](trial)


def outlasts_the_cut(trial):
    """Swallows the end of its time, and goes on in some way."""
    try:
        time.sleep(60)
    except BaseException:
        pass
    if trial["then"] == "prune":
        raise TrialPruned
    if trial["then"] == "raise":
        raise ValueError("its own")
    return 1.0


def has_its_own_alarm(trial):
    def ring(number, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        time.sleep(60)
    except TimeoutError:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    time.sleep(trial["seconds"])
    return 1.0

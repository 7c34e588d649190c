"""The example from start to end: run a study, kill it, continue it, score the best, report.

    python demo.py [--keep] [--store FILE] [--trials N]

Takes about two minutes on two cores, and no GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STUDY = HERE / "tpe.yaml"
STORE = HERE / "cnn-images-tpe.db"  # where hpo-bridge keeps the study of tpe.yaml by default
KILL_AFTER = 5  # finished trials
PATIENCE = 300.0  # seconds to wait for them
FINISHED = ("COMPLETE", "PRUNED", "FAILED")


class Demo:
    """The `hpo-bridge` commands of the demo, on one store."""

    def __init__(self, store: Path, trials: int | None) -> None:
        """Take the SQLite file, and a budget of trials other than the study file's."""
        self.store = store
        self.options = ["--store", f"sqlite:///{store}"]
        self.budget = ["--trials", str(trials)] if trials else []

    def command(self, verb: str, *options: str) -> list[str]:
        """The command line of a verb; `python -m` works where the script is not on the PATH."""
        return [sys.executable, "-m", "hpo_bridge", verb, str(STUDY), *self.options, *options]

    def read(self, verb: str) -> Any:
        """The JSON of a reading command, or None if there is no study yet."""
        done = subprocess.run(self.command(verb, "--json"), capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def finished(self) -> int:
        """The number of finished trials in the store."""
        counts = (self.read("status") or {}).get("counts", {}) if self.store.exists() else {}
        return sum(counts.get(state, 0) for state in FINISHED)

    def trials(self) -> dict[int, Any]:
        """What the store has of each finished trial, by number."""
        listed = self.read("trials") or []
        return {
            trial["number"]: (trial["state"], trial["params"], trial["values"])
            for trial in listed
            if trial["state"] in FINISHED
        }

    def run_and_kill(self) -> bool:
        """Start the study and kill it after some trials; False if it ended before."""
        target = self.finished() + KILL_AFTER
        # A process group of its own, so that the kill takes its workers too, like a power cut.
        run = subprocess.Popen(
            self.command("run", *self.budget), stdin=subprocess.DEVNULL, process_group=0
        )
        deadline = time.monotonic() + PATIENCE
        try:
            while run.poll() is None and self.finished() < target:
                if time.monotonic() > deadline:
                    raise SystemExit(f"demo: not {target} trials after {PATIENCE:.0f} s")
                time.sleep(1.0)
            killed = run.poll() is None
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
            code = run.wait()
        if not killed and code:
            raise SystemExit(f"demo: the study ended with exit code {code}")
        return killed


def say(text: str) -> None:
    """Print a line of the demo's own, set off from what the commands print."""
    print(f"\n>>> {text}", flush=True)


def interrupt_and_continue(demo: Demo) -> None:
    """Run the study with a kill in the middle, and check that nothing finished was lost."""
    say(f"Running {STUDY.name}; it will be killed after {KILL_AFTER} finished trials.")
    killed = demo.run_and_kill()
    before = demo.trials()
    if killed:
        say(f"Killed it (SIGKILL, workers too) with {len(before)} finished trials. What is left:")
        subprocess.run(demo.command("status"), check=True)
        say("The same command again: the study goes on where it was.")
    else:
        say("It ended before it could be killed; the same command again finds nothing to do.")
    code = subprocess.run(demo.command("run", *demo.budget)).returncode
    if code:
        raise SystemExit(code)
    after = demo.trials()
    lost = [number for number, trial in before.items() if after.get(number) != trial]
    if lost:
        raise SystemExit(f"demo: trials {lost} were lost or changed by the kill")
    say(
        f"{len(after)} trials; all {len(before)} that were finished before the kill are unchanged."
    )


def evaluate(demo: Demo) -> None:
    """Show the best configuration, and score it on the test images."""
    best = demo.read("best")
    if not best or not best.get("best"):
        raise SystemExit("demo: the study has no best trial")
    say(f"Best: trial {best['best']['number']}, proposed by {best['backend']}")
    for name, value in best["best"]["params"].items():
        shown = f"{value:.6g}" if isinstance(value, float) else value
        print(f"    {name:18} {shown}")
    print(f"    The study is in {demo.store}")
    say("One score on the test images, which the study never read:")
    script = [sys.executable, str(HERE / "evaluate.py")]
    subprocess.run(script, input=json.dumps(best), text=True, check=True)


def report(demo: Demo) -> None:
    """Write the report of the study beside its store."""
    say("What the study has found, as sentences and pictures:")
    page = demo.store.with_suffix(".html")
    code = subprocess.run(demo.command("report", "-o", str(page))).returncode
    if code:
        raise SystemExit(code)
    print(f"    Open {page} in a browser.")


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--keep", action="store_true", help="go on with the store of the last demo"
    )
    parser.add_argument("--store", type=Path, default=STORE, metavar="FILE", help="an SQLite file")
    parser.add_argument(
        "--trials", type=int, metavar="N", help="instead of the study file's budget"
    )
    chosen = parser.parse_args()
    store = chosen.store.resolve()
    if not chosen.keep:
        for end in ("", "-wal", "-shm", "-journal"):
            Path(f"{store}{end}").unlink(missing_ok=True)
    start = time.monotonic()
    demo = Demo(store, chosen.trials)
    interrupt_and_continue(demo)
    evaluate(demo)
    report(demo)
    say(f"Done in {time.monotonic() - start:.0f} s.")


if __name__ == "__main__":
    main()

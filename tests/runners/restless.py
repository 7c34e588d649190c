"""An objective whose timing is anybody's guess, and that fails and kills its worker on the way."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import hpo_bridge as hpo


def loss(trial: hpo.Trial) -> float:
    """Sleeps at random; a third of the trials fail at first, some by death, some for good."""
    time.sleep(random.Random(f"{trial['nap']}/{trial.number}").choice([0, 0.002, 0.01, 0.04]))
    before = Path(trial["folder"], f"{trial.number}")
    if trial.number % 3 == 1 and not before.exists():
        before.touch()
        if trial.number % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError("the first attempt")
    if trial.number % 7 == 5:
        raise ValueError("each attempt")
    return float(trial["x"] + trial.get("n", 3) / 9)

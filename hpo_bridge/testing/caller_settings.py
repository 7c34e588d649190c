"""The settings of a process that a backend must leave as its caller has set them."""

from __future__ import annotations

import decimal
import gc
import locale
import logging
import os
import random
import signal
import sys
import warnings
from typing import Any


def settings_of_process() -> dict[str, str]:
    """Return what callers can set, keyed by how they would read it."""
    found: dict[str, Any] = {
        "random.getstate()": random.getstate(),
        "decimal.getcontext()": decimal.getcontext(),
        "locale": locale.setlocale(locale.LC_ALL),
        "sys.getrecursionlimit()": sys.getrecursionlimit(),
        "sys.getswitchinterval()": sys.getswitchinterval(),
        "the standard streams": (id(sys.stdout), id(sys.stderr), id(sys.stdin)),
        "the current folder": _folder(),
        "warnings.filters": list(warnings.filters),
        "the signal handlers": [signal.getsignal(s) for s in sorted(signal.valid_signals())],
        "the garbage collector": (gc.isenabled(), gc.get_threshold()),
        "logging": (logging.root.level, logging.root.handlers, logging.root.manager.disable),
        "sys.excepthook": sys.excepthook,
        "sys.settrace()": (sys.gettrace(), sys.getprofile()),
    }
    found |= {f"os.environ[{name!r}]": value for name, value in os.environ.items()}
    return {name: repr(value) for name, value in (found | _of_libraries()).items()}


def _of_libraries() -> dict[str, Any]:
    found: dict[str, Any] = {}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        name, keys, *rest = numpy.random.get_state()
        found["numpy.geterr()"] = numpy.geterr()
        found["numpy.get_printoptions()"] = numpy.get_printoptions()
        found["numpy.random.get_state()"] = name, keys.tolist(), rest
    if torch is not None:
        found["torch's gradient mode"] = (
            torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
        )  # fmt: skip
        found["torch.get_default_dtype()"] = torch.get_default_dtype()
        found["torch.get_default_device()"] = torch.get_default_device()
        found["torch.get_num_threads()"] = torch.get_num_threads()
        found["torch's deterministic mode"] = torch.are_deterministic_algorithms_enabled()
        found["torch.get_rng_state()"] = torch.random.get_rng_state().numpy().tobytes()
    return found


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "deleted"

"""A process that has all that `hpo-bridge` begins with, and forks itself for each command.

The tests run hundreds of commands, each in a process of its own; most of what such a process does
is to import the core, to find the plugins, and to tidy up. A call is a line of JSON on the
standard input: the `module` to run with `words`, the modules that are to be imported `before` that
(and not again for later calls), `cwd`, `env`, and the files `out` and `err`. It is answered with
two lines on the standard output: the process's id, then its exit code.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import sys
from contextlib import suppress
from typing import Any

import hpo_bridge
from hpo_bridge.plugins import manager


def preload() -> None:
    """Import the core, but for modules that are run or copied, and find the plugins."""
    for module in pkgutil.walk_packages(hpo_bridge.__path__, "hpo_bridge."):
        if "__main__" not in module.name and ".templates" not in module.name:
            importlib.import_module(module.name)
    manager()
    gc.freeze()  # a fork need not look through all that when it ends


def become(call: dict[str, Any]) -> None:
    """Make this process one that was started as `python -m MODULE WORDS`."""
    files = (os.devnull, os.O_RDONLY), (call["out"], os.O_WRONLY), (call["err"], os.O_WRONLY)
    for descriptor, (path, flags) in enumerate(files):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["env"])
    sys.argv = ["hpo-bridge", *call["words"]]
    sys.path[0] = call["cwd"]


def main() -> None:
    """Answer calls until the input ends; in a fork, run one command."""
    preload()
    for line in sys.stdin:
        call = json.loads(line)
        for module in call["before"]:
            with suppress(ModuleNotFoundError):  # the call itself says so
                importlib.import_module(module)
        if not (pid := os.fork()):
            become(call)
            runpy.run_module(call["module"], run_name="__main__", alter_sys=True)
            return
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()

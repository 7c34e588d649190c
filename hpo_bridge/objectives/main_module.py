"""The user's ``__main__`` in a worker: a script, what came by stdin, or a notebook.

A worker does not run it again: a script without ``if __name__ == "__main__"`` would start the
study once more. It gets a module with the same functions and classes, so that a trial can pickle
them, and start processes of its own, as it could in the driver.
"""

from __future__ import annotations

import builtins
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .pickling import COPY, packed_code, unpacked

_hiding = threading.Lock()  # two runners, in two threads, may start workers at once


@dataclass(frozen=True)
class MainModule:
    """A copy of ``__main__``, on its way to a worker.

    Attributes:
        names: Its ``__name__``, ``__package__`` and ``__file__``, where it has them.
        spec: The module's own name, for ``python -m``.
        start_method: How the user's processes start, if the user has said so.
        code: Its functions and classes, pickled.
    """

    names: dict[str, Any]
    spec: str | None
    start_method: str | None
    code: bytes | None

    @classmethod
    def here(cls) -> MainModule:
        """This process's own."""
        main = sys.modules["__main__"]
        with _hiding:
            there = vars(main)
            names = {
                name: there[name] for name in ("__name__", "__package__", "__file__")
                if isinstance(there.get(name), str)
            }  # fmt: skip
            spec = getattr(there.get("__spec__"), "name", None)
            start_method = multiprocessing.get_start_method(allow_none=True)
        if "__file__" in names:
            names["__file__"] = os.path.abspath(names["__file__"])
        return cls(names, spec, start_method, packed_code(main))

    def install(self) -> None:
        """Makes it this process's ``__main__``."""
        module = ModuleType("__main__")
        vars(module).update(self.names)
        setattr(module, COPY, sys.modules["__main__"])  # which must live on
        vars(module)["__builtins__"] = builtins
        if not os.path.exists(self.names.get("__file__", "")):  # on another machine
            vars(module).pop("__file__", None)
        if self.spec is not None:
            module.__spec__ = ModuleSpec(self.spec, None)
        sys.modules["__main__"] = sys.modules["__mp_main__"] = module
        multiprocessing.set_start_method(self.start_method, force=True)
        if self.code is not None:
            with suppress(Exception):  # what the objective needs comes along with it again
                vars(module).update(unpacked(self.code))


@contextmanager
def hidden_main() -> Iterator[None]:
    """Hides where ``__main__`` came from, so that a process that is spawned does not run it.

    Also keeps the start of a process from settling how the user's own processes start.
    """
    main = sys.modules["__main__"]
    with _hiding:
        names = ("__spec__", "__file__")
        kept = {name: main.__dict__[name] for name in names if name in main.__dict__}
        start_method = multiprocessing.get_start_method(allow_none=True)
        main.__dict__["__spec__"] = None
        main.__dict__.pop("__file__", None)
        try:
            yield
        finally:
            main.__dict__.pop("__spec__", None)
            main.__dict__.update(kept)
            if start_method is None:
                multiprocessing.set_start_method(None, force=True)

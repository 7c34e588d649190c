"""Backends that do not answer, each in its own way."""

import hashlib
import time
from pathlib import Path

from hpo_bridge import BackendSpec, PrunerSpec, Suggestion, hookimpl

HANGS = 3
"""The number of the first ask that hangs, while there is a file ``hang``."""


def sleeps():
    time.sleep(600)


def swallows():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass


def in_c():
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # no signal ends it


class Counting:
    """Proposes 0.0, 0.1, 0.2, …"""

    def __init__(self, problem, how="sleeps", where="ask"):
        self.how, self.where, self.asked = globals()[how], where, 0
        if where == "init" and Path("hang").exists():
            Path("hangs").touch()
            self.how()

    def ask(self, n):
        self._hang("ask")
        self.asked += 1
        return [Suggestion({"x": (self.asked - 1) / 10}, self.asked)]

    def tell(self, observations):
        self._hang("tell")

    def _hang(self, where):
        if where == self.where and self.asked == HANGS and Path("hang").exists():
            Path("hangs").touch()
            self.how()


class Pruner:
    """Stops no trial."""

    def __init__(self, where):
        self.where = where

    def should_prune(self, number, reports):
        self._hang("should_prune")
        return False

    def finished(self, number, state, loss, reports):
        self._hang("finished")

    def _hang(self, where):
        if where == self.where and Path("hang").exists():
            Path("hangs").touch()
            swallows()


@hookimpl
def hpo_register_pruners():
    return [PrunerSpec(name="test.pruner", factory="hanging_backends:Pruner")]


@hookimpl
def hpo_register_backends():
    return [
        BackendSpec(name="test.counting", technique="grid", factory="hanging_backends:Counting")
    ]

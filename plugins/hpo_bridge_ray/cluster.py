"""A Ray that is there already, or one of our own for the time of the run."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hpo_bridge.runners import usable_cpus

from .address import RayError as RayError
from .address import check, started
from .locked_folder import SHORT, LockedFolder

CLIENT_STARTS = 3
"""How often a Ray's head may try to start the process that serves this client."""
NOT_STARTED = (
    "Starting Ray client server failed",
    "Proxy failed to Connect to backend",
    "GetOrCreateRuntimeEnv request failed",
)
"""What it says when it could not: the process died at once, or before it could be reached, or the
agent that prepares its environment was not up yet."""


@contextmanager
def connected(
    address: str | None, runtime_env: Mapping[str, Any] | None = None, **own: Any
) -> Iterator[Any]:
    """The module ``ray``, connected; what was connected before stays so.

    Args:
        address: ``auto`` for any that Ray finds, ``HOST:PORT``, ``ray://HOST:PORT``, ``local``
            for a Ray of our own, or ``None``: the one of ``RAY_ADDRESS``, else the one that
            ``ray start`` has started on this machine, else ``local``.
        runtime_env: Ray's runtime environment of the workers.
        own: What a Ray of our own has, as ``ray.init`` takes it; by default the CPUs that
            this process may use, and the GPUs that Ray finds.

    Raises:
        RayError: If there is no Ray at the address, or of another version.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    with _connecting:
        here = _shared_connection(ray, address)
        if here is None:
            with _sigterm_kept():
                here = _Connection(address, _connect(ray, address, runtime_env, own))
            _connections.append(here)
        here.users += 1
    try:
        yield ray
    finally:
        with _connecting:
            here.users -= 1
            if here in _connections and not here.users:
                _connections.remove(here)
                with _quiet(), _sigterm_kept():
                    ray.shutdown()
                if here.folder is not None:
                    here.folder.close()


@dataclass(eq=False)
class _Connection:
    """A connection to a Ray, which runs in several threads share.

    Attributes:
        address: What was asked for.
        folder: The temporary folder of a Ray of our own.
        users: How many runs use it.
    """

    address: str | None
    folder: LockedFolder | None
    users: int = 0


_connecting = threading.RLock()  # a process has one connection to Ray at most
_connections: list[_Connection] = []


def _shared_connection(ray: Any, address: str | None) -> _Connection | None:
    """Return the connection that this process has; raise RayError if it is to another Ray."""
    here = _connections[-1] if _connections else None
    if here is None and ray.is_initialized():
        here = _Connection("of the program's own", None)
    if here is not None and address not in (None, "auto", here.address):
        raise RayError(
            f"runner.address: found {address!r}, but this process is connected to a Ray already",
            fix="leave the address out, or call ray.shutdown() first",
        )
    return here


def _connect(
    ray: Any,
    address: str | None,
    runtime_env: Mapping[str, Any] | None,
    own: Mapping[str, Any],
) -> LockedFolder | None:
    """Connects; the temporary folder of a Ray of our own."""
    quiet = {
        "configure_logging": False, "log_to_driver": False, "logging_level": logging.ERROR,
        "runtime_env": dict(runtime_env) if runtime_env else None,
    }  # fmt: skip
    name = "runner.address"
    if address in (None, "auto") and os.environ.get("RAY_ADDRESS"):
        name, address = "RAY_ADDRESS", os.environ["RAY_ADDRESS"]
    if address is None:
        address = "auto" if started() is not None else "local"
    if address != "local":
        if address != "auto":
            check(address, name)
        with _quiet():
            _init(ray, address, quiet)
        return None
    folder = LockedFolder(SHORT)
    try:
        with _quiet():
            ray.init(
                address="local", include_dashboard=False, _temp_dir=str(folder.path),
                **{"num_cpus": usable_cpus(), **own}, **quiet,
            )  # fmt: skip
    except Exception as error:
        folder.close()
        raise RayError(f"Ray cannot be started on this machine: {_text(error)}") from error
    return folder


def _init(ray: Any, address: str, quiet: Mapping[str, Any]) -> None:
    try:
        _init_patiently(ray, address, quiet)
    except ConnectionError as error:
        if address == "auto":
            raise RayError(
                "auto finds no Ray on this machine",
                "runner",
                "address",
                fix="start one with `ray start --head`, or leave the address out",
            ) from error
        raise RayError(f"no Ray answers at {address}: {_text(error)}") from error
    except Exception as error:
        text = _text(error)
        if "ersion mismatch" in text:
            raise RayError(
                f"the Ray at {address} and this process do not fit: {text} — install the same "
                "Ray and the same Python on both sides"
            ) from error
        if "ray[client]" in text:
            raise RayError(
                f"runner.address: {address} needs Ray's client: pip install 'ray[client]'"
            ) from error
        raise RayError(f"the Ray at {address} cannot be used: {text}") from error


def _init_patiently(ray: Any, address: str, quiet: Mapping[str, Any]) -> None:
    """``ray.init``, again where Ray could not start the process that serves a client.

    The head starts one for each client, and now and then on a busy machine it dies at once (it
    is forked from a process with threads, and several heads on one machine race for its port).
    """
    for left in reversed(range(CLIENT_STARTS)):
        try:
            ray.init(address=address, **quiet)
            return
        except ConnectionError as error:
            if not left or not any(text in str(error) for text in NOT_STARTED):
                raise


def _text(error: Exception) -> str:
    """Return the message of an error of Ray's in one line, without its place in our code."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Keeps the process's handler of SIGTERM, if it has one: Ray takes its place.

    Ray's writes a stack trace to standard error and leaves without a chance to tidy up.
    """
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Ray's own messages down; errors are raised."""
    logger = logging.getLogger("ray")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def room(ray: Any, resources: Mapping[str, float]) -> int:
    """Return the number of workers of these resources that the cluster can hold, idle or not."""
    return sum(_fits(node["Resources"], resources) for node in ray.nodes() if node["Alive"])


def _fits(there: Mapping[str, float], asked: Mapping[str, float]) -> int:
    counts = [
        int(there.get(name, 0.0) / amount + 1e-9) for name, amount in asked.items() if amount
    ]
    return min(counts, default=10**6)


def inventory(ray: Any) -> str:
    """Return the resources of the cluster as text, node by node, for an error message."""
    nodes = []
    for node in ray.nodes():
        if node["Alive"]:
            parts = [
                f"{name}: {amount:g}"
                for name, amount in sorted(node["Resources"].items())
                if not name.startswith(("node:", "memory", "object_store_memory", "accelerator"))
            ]
            nodes.append("{" + ", ".join(parts) + "}")
    return f"{len(nodes)} node{'s' * (len(nodes) != 1)}: " + ", ".join(nodes)


def elsewhere(ray: Any) -> bool:
    """Return ``True`` if the cluster has other machines than this one."""
    here = names()
    return any(n["Alive"] and n["NodeManagerHostname"] not in here for n in ray.nodes())


def names() -> frozenset[str]:
    """The names of this machine."""
    return frozenset((socket.gethostname(), socket.getfqdn()))

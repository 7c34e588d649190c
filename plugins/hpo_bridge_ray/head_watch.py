"""A watch on the head of the cluster while a study runs on it.

Once a head has been gone for a minute, Ray ends every process that is connected to its cluster,
with no exception to catch: the driver's too, and be it a notebook. Watched from here, it is an
error in time.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from .address import RayError, split

LOOK = 5.0
"""Seconds between two looks, and for an answer."""
GONE = 40.0
"""Seconds without an answer after which the head counts as gone: it may be started anew."""


class HeadWatch:
    """Watches the head of the cluster that this process is connected to.

    Args:
        ray: The module, connected. A client of Ray (``ray://``) finds out by itself.
    """

    def __init__(self, ray: Any) -> None:
        self._heard = time.monotonic()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._address = ""
        if not ray.util.client.ray.is_connected():
            self._address = str(ray.get_runtime_context().gcs_address)
            self._thread = threading.Thread(target=self._watch, name="head of Ray", daemon=True)
            self._thread.start()

    def check(self) -> None:
        """Raises the error.

        Raises:
            RayError: If it has been silent for :data:`GONE` seconds.
        """
        silent = time.monotonic() - self._heard
        if self._thread is not None and silent > GONE:
            raise RayError(f"Ray's head at {self._address} has not answered for {silent:.0f} s")

    def close(self) -> None:
        """Ends the watch; does not wait for a look that is under way."""
        self._closed.set()

    def _watch(self) -> None:
        place = split(self._address)
        while not self._closed.wait(LOOK):
            with suppress(OSError):
                socket.create_connection(place, timeout=LOOK).close()
                self._heard = time.monotonic()

"""The output of a worker of runner ``processes``, as its driver reads it."""

from __future__ import annotations

import os
import selectors
import threading
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from ..contracts.trial_output import NO_OUTPUT, OutputSink
from ..objectives.output import Tail

_KEPT = 8192  # bytes of a worker's output
_SHOWN = 1500  # bytes of it in the reason of a trial that took its worker down
_LAST = 0.2  # seconds for the last words of a worker that has died
_PAUSE = 0.005  # seconds between two reads, so that what is printed word by word is read at once
_CHUNK = 1 << 16
_MOST_CHUNKS = 16  # more than a pipe holds


class WorkerOutput:
    """Reads what a worker writes, so that it never waits for a reader.

    The last of it is kept for the reason of a failure, and all of it goes to the sink of the
    trial that runs. A thread reads while the trial runs; whoever begins or ends a trial reads
    what is in the pipe at that moment, so that each byte belongs to the right one.

    Attributes:
        writer: The worker's end.
    """

    def __init__(self) -> None:
        self._reader: Connection[bytes, bytes]
        self._reader, self.writer = Pipe(duplex=False)
        os.set_blocking(self._reader.fileno(), False)
        self._tail = Tail(_KEPT)
        self._sink: OutputSink = NO_OUTPUT
        self._is_fresh = True  # no trial yet: what comes is of loading the objective
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="worker output", daemon=True)
        self._thread.start()

    def begin(self, sink: OutputSink) -> None:
        """Give what comes from here on to ``sink``."""
        with self._lock:
            self._read()
            if not self._is_fresh:  # the rest is of threads and processes that a trial left behind
                self._tail.clear()
            elif self._tail.data:
                sink.write(self._tail.data)
            self._is_fresh, self._sink = False, sink

    def read(self) -> None:
        """Give the sink what the pipe has now."""
        with self._lock:
            self._read()

    def end(self) -> None:
        """Give the sink what is still in the pipe, and nothing any more after that."""
        with self._lock:
            self._read()
            self._sink = NO_OUTPUT

    def last_words(self) -> str:
        """Return the last lines of a worker that has died."""
        self._thread.join(_LAST)
        return self._tail.text(_SHOWN)

    def close(self) -> None:
        """End the reading, once the last writer has gone."""
        self._thread.join(_LAST)
        self.end()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            while selector.select():
                with self._lock:
                    if not self._read():
                        break
                time.sleep(_PAUSE)
            with self._lock:
                self._reader.close()

    def _read(self) -> bool:
        """Read what the pipe has now; ``False`` once the last writer has gone."""
        for _ in range(_MOST_CHUNKS):
            if self._reader.closed:
                return False
            try:
                data = os.read(self._reader.fileno(), _CHUNK)
            except BlockingIOError:
                break
            if not data:
                return False
            self._tail.add(data)
            self._sink.write(data)
        return True

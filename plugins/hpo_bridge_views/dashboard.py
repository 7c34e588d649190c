"""``hpo-bridge dashboard``: the live view in the browser."""

from __future__ import annotations

import errno
import socket
import webbrowser
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from hpo_bridge_optuna.study_reader import ReadableStore

from hpo_bridge.errors import InvalidOptions

from .dashboard_app import DashboardApp, is_loopback

PORTS_TRIED = 100
"""Number of ports after one in use that are tried for one that is free."""


def serve_dashboard(
    store: ReadableStore, *, study: str | None = None, host: str = "127.0.0.1", port: int = 8080,
    browser: bool = False,
) -> None:  # fmt: skip
    """Show the studies of a store in the browser, until Ctrl-C.

    Args:
        store: The store, open.
        study: The study whose page is named; by default the list of all.
        host: The address to listen on: by default nobody but this machine can ask.
        port: The port; 0 for any that is free.
        browser: Whether to open a browser.

    Raises:
        InvalidOptions: If the address or the port cannot be used.
        StudyNotFound: If there is no such study.
        KeyboardInterrupt: After Ctrl-C.
    """
    local = host == "localhost" or is_loopback(host)
    app = DashboardApp(store, local=local)
    page = "" if study is None else f"dashboard/studies/{app.storage.id_of(study)}"
    with listen(host, port) as server:
        server.set_app(app)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{server.server_port}/{page}"
        print(f"{url}  (Ctrl-C ends it)", flush=True)
        if browser:
            webbrowser.open(url)
        server.serve_forever()


class DashboardServer(ThreadingMixIn, WSGIServer):
    """A server with a thread for each request, so that a slow one does not hold up the others."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, without asking the network for the name of this machine."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser has gone before it had its answer."""


class DashboardServer6(DashboardServer):
    """The same on an address of IPv6."""

    address_family = socket.AF_INET6


class QuietHandler(WSGIRequestHandler):
    """A handler that does not log each request."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def listen(host: str, port: int) -> DashboardServer:
    """Return a server that listens.

    Raises:
        InvalidOptions: If the address or the port cannot be used; says which one is free.
    """
    if not 0 <= port <= 65535:
        raise InvalidOptions(f"found {port}, expected a number from 0 to 65535", "port")
    kind = DashboardServer6 if ":" in host else DashboardServer
    try:
        return kind((host, port), QuietHandler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            free = _free_port(kind, host, port)
            fix = f"take --port {free}" if free else "take another --port"
            raise InvalidOptions(f"{port} is in use by another program", "port", fix=fix) from None
        if error.errno == errno.EACCES:
            raise InvalidOptions(
                f"{port}: this user may not listen there", "port", fix="take one above 1023"
            ) from None
        why = error.strerror or str(error)
        raise InvalidOptions(f"{host}: this machine cannot listen there ({why})", "host") from None


def _free_port(kind: type[DashboardServer], host: str, port: int) -> int | None:
    for candidate in range(port + 1, min(port + PORTS_TRIED, 65535) + 1):
        try:
            kind((host, candidate), QuietHandler).server_close()
        except OSError:
            continue
        return candidate
    return None

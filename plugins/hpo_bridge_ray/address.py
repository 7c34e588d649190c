"""A check of the process that listens at an address, before Ray is asked to connect there.

Ray takes between 20 seconds and for ever to find out that it was sent to something that is no
Ray, or to one that wants a token, and fills standard error meanwhile. One request of its own
protocol, sent by hand, gives the answer in milliseconds.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from hpo_bridge.errors import HpoBridgeError

REACH = 10.0
"""Seconds for something to answer at an address."""

_CLIENT = "ray://"
# A call that the head of a cluster knows, and one that the server of Ray's clients knows.
_HEADS = "/ray.rpc.NodeInfoGcsService/GetClusterId"
_CLIENTS = "/ray.rpc.RayletDriver/ClusterInfo"
_UNKNOWN, _REFUSED = 12, 16  # of gRPC's status codes: no such call, no valid token
_SETTINGS = 4  # the kind of frame that an HTTP/2 server begins with


class RayError(HpoBridgeError):
    """Ray cannot be reached, has gone, or has not what a run asks for."""


def started() -> str | None:
    """The address of the Ray that `ray start` has last started on this machine, if it answers.

    A Ray that another process has started for itself is not looked for: it ends with it.
    """
    base = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    try:
        address = Path(base, "ray", "ray_current_cluster").read_text().strip()
        _call(*split(address), _HEADS)
    except (OSError, ValueError):
        return None
    return address


def check(address: str, name: str) -> None:
    """Check that a Ray listens at ``HOST:PORT`` or ``ray://HOST:PORT`` and lets us in.

    Args:
        address: The address.
        name: Where it was given, for the error message.

    Raises:
        RayError: If it does not, or the address is none.
    """
    client = address.startswith(_CLIENT)
    try:
        host, port = split(address.removeprefix(_CLIENT))
    except ValueError:
        raise RayError(
            f"{name}: found {address!r}; expected auto, local, HOST:PORT or ray://HOST:PORT"
        ) from None
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        _open(address, host, port).close()  # nothing is answered in the clear
        return
    with _open(address, host, port):
        pass
    right, wrong = (_CLIENTS, _HEADS) if client else (_HEADS, _CLIENTS)
    try:
        status = _call(host, port, right)
        other = status == _UNKNOWN and _call(host, port, wrong) != _UNKNOWN
    except (OSError, ValueError) as error:
        raise RayError(f"{name}: something else than Ray listens at {address}") from error
    if other:
        what = "Ray's head, without ray://" if client else "Ray's clients: give ray://HOST:PORT"
        raise RayError(f"{name}: {address} has the port for {what}")
    if status == _REFUSED:
        raise RayError(_refused(address))


def _refused(address: str) -> str:
    get = "`ray get-auth-token` on its first machine prints it"
    if _token() is None:
        return (
            f"the Ray at {address} wants a token: set RAY_AUTH_MODE=token, and have the "
            f"cluster's token in ~/.ray/auth_token here ({get})"
        )
    return (
        f"the Ray at {address} wants another token than the one in RAY_AUTH_TOKEN, "
        f"RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token here: {get}"
    )


def _token() -> str | None:
    """The token that Ray would send there, if any."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        return None
    if given := os.environ.get("RAY_AUTH_TOKEN"):
        return given.strip()
    path = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
    try:
        return Path(path).read_text().strip() or None
    except OSError:
        return None


def split(address: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ValueError: If it has not both.
    """
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise ValueError(address)
    return found[1].strip("[]"), int(found[2])


def _open(address: str, host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=REACH)
    except OSError as error:
        raise RayError(f"no Ray answers at {address}: {error.strerror or error}") from error


def _call(host: str, port: int, path: str) -> int | None:
    """The gRPC status of an empty call.

    HTTP/2 as of RFC 9113, its headers as plain literals of RFC 7541; gRPC answers so, too.

    Returns:
        The status; ``None`` if the server gives none.

    Raises:
        OSError: If nobody answers.
        ValueError: If it is no server of HTTP/2.
    """
    with socket.create_connection((host, port), timeout=REACH) as line:
        line.sendall(_request(f"{host}:{port}", path))
        said = b""
        while data := line.recv(4096):
            said += data
            if len(said) > 3 and said[3] != _SETTINGS:
                break
            if found := re.search(rb"grpc-status[\x01\x02]([0-9]{1,2})", said):
                return int(found[1])
    if len(said) < 4 or said[3] != _SETTINGS:
        raise ValueError("no server of HTTP/2")
    return None


def _request(authority: str, path: str) -> bytes:
    headers = b"\x83\x86"  # :method POST, :scheme http
    headers += b"\x04" + _text(path) + b"\x01" + _text(authority)  # :path, :authority
    headers += b"\x0f\x10" + _text("application/grpc")  # content-type
    headers += b"\x00" + _text("te") + _text("trailers")
    token = _token()
    if token is not None:
        headers += b"\x0f\x08" + _text(f"Bearer {token}")  # authorization
    begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, b"")
    return begin + _frame(1, 4, 1, headers) + _frame(0, 1, 1, bytes(5))


def _frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
    return len(data).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + data


def _text(text: str) -> bytes:
    """A literal; longer ones have their length in two parts."""
    data = text.encode()
    rest = len(data) - 127
    if rest < 0:
        return bytes((len(data),)) + data
    length = b"\x7f"
    while rest >= 128:
        length += bytes((rest % 128 + 128,))
        rest //= 128
    return length + bytes((rest,)) + data

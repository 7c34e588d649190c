"""Arguments of commands that are of the form ``KEY=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..config.problems import Problems
from ..config.yaml_file import parse_yaml
from ..errors import ConfigError, short


def key_values(flag: str, arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return each argument's key and value.

    Raises:
        ConfigError: If one has no ``=`` or no key.
    """
    pairs = []
    for argument in arguments:
        key, separator, value = argument.partition("=")
        if not separator or not key.strip():
            raise ConfigError(f"{flag}: {short(argument)} is not of the form KEY=VALUE")
        pairs.append((key.strip(), value))
    return pairs


def option_values(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the values given by ``--option``, as YAML has them.

    Raises:
        ConfigError: If one cannot be read.
    """
    return {
        key: parse_yaml(text, Problems(f"--option: {key}"))
        for key, text in key_values("--option", arguments)
    }

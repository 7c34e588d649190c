"""Commands that say what an option or a command of another tool is called here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperGroup

from ..habits import COMMANDS, FLAGS


class HintingGroup(TyperGroup):
    """A group of commands with hints at names of other tools."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        with _hinting():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Parse the options of the command and run it."""
        with _hinting():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is meant."""
        if args[0] in COMMANDS and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r} (here it is {COMMANDS[args[0]]})")
        return super().resolve_command(ctx, args)


@contextmanager
def _hinting() -> Iterator[None]:
    """Puts a hint into the error of an option that a command does not have."""
    try:
        yield
    except Exception as error:
        # By its attributes: Typer has moved from Click's own class to a copy of it.
        option = getattr(error, "option_name", None)
        here = FLAGS.get(str(option).lstrip("-").replace("-", "_"))
        if here and hasattr(error, "possibilities"):
            error.possibilities = None
            error.message = f"No such option: {option} (here it is {here})"  # type: ignore[attr-defined]
        raise

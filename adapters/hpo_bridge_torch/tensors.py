"""``trial.tensors``: the float parameters of a trial as torch tensors, and derivatives by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch


class Tape:
    """The tensors of one trial, in natural units.

    Args:
        params: Float parameters by name: numbers, or lists of them.
        differentiate: The names of those whose derivatives are wanted.

    Attributes:
        tensors: Name to a ``float64`` tensor on the CPU: 0-dimensional, or 1-dimensional for a
            list. It requires a gradient where its derivative is wanted.

    Example:
        >>> tape = Tape({"x": 3.0, "y": 2.0}, ["x"])
        >>> tape.gradients(tape.tensors["x"] ** 2 * tape.tensors["y"])
        {'x': 12.0}
    """

    def __init__(self, params: Mapping[str, Any], differentiate: Sequence[str] = ()) -> None:
        self._wanted = tuple(differentiate)
        self.tensors: dict[str, torch.Tensor] = {
            name: torch.tensor(value, dtype=torch.float64, requires_grad=name in self._wanted)
            for name, value in params.items()
        }

    def gradients(self, result: Any) -> dict[str, Any] | None:
        """Derivatives of a scalar with respect to all that are wanted.

        Returns:
            Name to number or list; to ``None`` for a tensor on which ``result`` does not
            depend. ``None`` as a whole if ``result`` is no tensor of one number, or has no
            history.

        Raises:
            RuntimeError: Torch's, if the history cannot be followed (a part of it has been
                freed by a ``backward()`` without ``retain_graph``, say).
        """
        if not isinstance(result, torch.Tensor) or result.numel() != 1:
            return None
        if not result.requires_grad:
            return None
        leaves = [self.tensors[name] for name in self._wanted]
        slopes = torch.autograd.grad(result.reshape(()), leaves, allow_unused=True)
        return {
            name: None if slope is None else slope.tolist()
            for name, slope in zip(self._wanted, slopes, strict=True)
        }

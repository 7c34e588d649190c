"""Parameters of a model as one long vector: an optimizer's step is then a few operations.

A fifth of the time of differentiating a small network's training went into the optimizer's sums,
parameter by parameter.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .inner import Tensors


class Packing:
    """The layout of parameters in vectors: one for each precision and device.

    Args:
        params: Name to tensor.

    Example:
        >>> packing = Packing({"w": torch.ones(2, 2), "b": torch.zeros(3)})
        >>> packed = packing.pack({"w": torch.ones(2, 2), "b": torch.zeros(3)})
        >>> [len(vector) for vector in packed.values()]
        [7]
        >>> packing.unpack(packed)["w"].shape
        torch.Size([2, 2])
    """

    def __init__(self, params: Mapping[str, Tensor]) -> None:
        self._names: dict[str, list[str]] = {}
        self._shapes = {name: value.shape for name, value in params.items()}
        for name, value in params.items():
            self._names.setdefault(f"{value.dtype} on {value.device}", []).append(name)
        self._sizes = {
            key: [params[name].numel() for name in names] for key, names in self._names.items()
        }

    def pack(self, params: Mapping[str, Tensor]) -> Tensors:
        """The vectors."""
        return {
            key: torch.cat([params[name].reshape(-1) for name in names])
            for key, names in self._names.items()
        }

    def unpack(self, packed: Tensors) -> Tensors:
        """The parameters, as views of the vectors."""
        found = {}
        for key, names in self._names.items():
            parts = torch.split(packed[key], self._sizes[key])
            for name, part in zip(names, parts, strict=True):
                shape = self._shapes[name]
                found[name] = part if len(shape) == 1 else part.view(shape)
        return {name: found[name] for name in self._shapes}

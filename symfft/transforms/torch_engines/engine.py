"""What the engines of tensors have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from symfft._array_types import Array
from symfft._tables import on_device
from symfft.transforms.torch_engines.terms import as_dtype


class TorchEngine(ABC):
    """The exact transform of one asymmetric unit between values and the real numbers of a view.

    Attributes
    ----------
    operations : int
        Multiplications of one density, each with an addition.
    moved : int
        Numbers that the operations on one density read and write.
    """

    operations: int
    moved: int

    @abstractmethod
    def forward(self, values: Any) -> Any:
        """Transform values (b, n) into the numbers of the view, (b, m)."""

    @abstractmethod
    def inverse(self, numbers: Any) -> Any:
        """Transform numbers of the view, (b, m), into values (b, n)."""

    def _table(self, like: Any, name: str, make: Callable[[], Array]) -> Any:
        """Return a table where the tensor `like` is; real ones in its precision."""

        def table() -> Array:
            array = make()
            return as_dtype(array, like.dtype) if array.dtype.kind == "f" else array

        return on_device(self, like.device, (name, like.dtype), table)

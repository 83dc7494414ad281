"""Objects that cannot be changed, so that one may be cached for all."""

from __future__ import annotations

from typing import Any, NoReturn, Self, TypeVar

from numpy.typing import NDArray

FrozenArray = TypeVar("FrozenArray", bound=NDArray[Any])


def frozen(array: FrozenArray) -> FrozenArray:
    """Make an array read-only."""
    array.flags.writeable = False
    return array


class Immutable:
    """An object whose attributes are set by its constructor alone, through ``vars``; a copy is the object itself."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: the object is immutable, make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted: the object is immutable")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

"""Arrays that belong to an object, computed once and cached as long as the object lives; on any torch device."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

T = TypeVar("T")

_results: WeakKeyDictionary[Any, dict[Hashable, Any]] = WeakKeyDictionary()


def once(owner: Any, key: Hashable, make: Callable[[], T]) -> T:
    """Return ``make()``, computed once for each key and cached as long as the owner lives.

    The result must not refer to its owner, which would then live for ever.
    """
    results = _results.setdefault(owner, {})
    if key not in results:
        results[key] = make()
    found: T = results[key]
    return found


def on_device(owner: Any, device: Any, key: Hashable, make: Callable[[], Any]) -> Any:
    """Return the array ``make()`` as a tensor on a device, computed once and cached as long as the owner lives."""

    def tensor() -> Any:
        import torch

        with torch.inference_mode(False):  # tensors made under inference mode cannot be saved for a gradient
            return torch.as_tensor(np.array(make()), device=device)

    return once(owner, (key, device), tensor)

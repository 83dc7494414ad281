"""Progress on standard error: twice a second on a terminal, every half minute in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

LOG_SECONDS = 30.0


def progress_bar(items: Iterable[Any] | None = None, **settings: Any) -> Any:
    """Return a bar of tqdm over some items, or with a total, as its settings say.

    Examples
    --------
    >>> list(progress_bar([1, 2, 3], unit="file", disable=True))
    [1, 2, 3]
    """
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError('progress bars need tqdm: pip install "symfft[models]"') from error
    seconds = 0.5 if sys.stderr.isatty() else LOG_SECONDS
    return tqdm(items, mininterval=seconds, maxinterval=max(seconds, 10.0), **settings)

"""The compiled loop in which threads share items, and look for those that others post."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare, embedded
from symfft._compile.shared import address, count, elsewhere, latest, lowered, publish
from symfft.fourier.threads import DONE, ITEMS, LEFT, POST, SOURCE, TARGET, WORK


@embedded
def share(
    run_item: Any,
    tables: Any,
    items: Array,
    after: Array,
    work: Array,
    offset: Any,
    rows: Array,
    out: Array,
    board: Array,
    looks: Any,
) -> None:
    """Run all items of all rows; with a board share them with all threads that look at it.

    Parameters
    ----------
    run_item, tables
        Function that runs an item of a row, ``run_item(tables, item, work, shift, source, target, rows)``, and its
        first argument. `shift` is how much farther than for the first thread that begins which all threads share.
    items, after : (4 n,), (n,) int64
        See :class:`symfft.fourier.sharing.Items`.
    work : 1-D float
        Work space, of this thread or where all threads have theirs.
    offset : int
        How far behind it this thread's space is.
    rows, out : (b, …) float
        The batch to post, or none to look for what others post; its results.
    board : (24,) or (0,) int64
        See :class:`symfft.fourier.threads.Team`.
    looks : int
        How often to look for what others do before giving up.
    """
    each, is_posted = after.size, rows.shape[0] > 0
    if board.size == 0:
        for b in range(rows.shape[0]):
            run_item(tables, items, work, 0, rows[b], out[b], rows.shape[0])
        return
    if is_posted:
        board[SOURCE], board[TARGET], board[WORK] = address(rows), address(out), address(work)
        _post(board, rows.shape[0] * each)
    item = _take(board, after, looks, is_posted)
    while item >= 0:
        b = item // each
        source, target = elsewhere(rows, board[SOURCE])[b], elsewhere(out, board[TARGET])[b]
        room, shift = elsewhere(work, board[WORK])[offset:], -offset if each > 1 else 0
        run_item(tables, items[4 * (item - b * each) :], room, shift, source, target, board[ITEMS] // each)
        count(board, DONE)
        item = _take(board, after, looks, is_posted)
    while is_posted and looks > 0:
        looks -= 1
        if latest(board, DONE) == board[ITEMS]:
            break


@bare
def _post(board: Array, items: Any) -> None:
    """Post a batch of so many items, of which the other places of the board say what they are."""
    board[ITEMS], board[DONE] = items, 0
    publish(board, LEFT, (latest(board, LEFT) // POST + 1) * POST + items)


@bare
def _take(board: Array, after: Array, looks: Any, is_posted: Any) -> Any:
    """Return an item that no other thread takes, -1 where there is none for so many looks.

    Item i may begin when ``after[i]`` items are done; if there are fewer numbers than items, they apply to each row
    of them in turn. Who has posted the items does not wait for others.
    """
    each = after.size
    left = looks
    while left >= 0:
        word = latest(board, LEFT)
        rest = word % POST
        if rest > 0:
            # until this one is taken the board stays as it is
            item = board[ITEMS] - rest
            row = item // each
            if latest(board, DONE) >= (row * each + after[item - row * each] if each > 1 else 0):
                if lowered(board, LEFT, word):
                    return item
            else:
                left -= 1
        elif is_posted:
            break
        else:
            left -= 1
    return -1

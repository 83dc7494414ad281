"""Steps of a program, with named fields; :mod:`symfft.fourier.engines.blocks.program` says what they do."""

from __future__ import annotations

from typing import NamedTuple

READ_FOLD, READ_SCALED, READ_COMPLEX, TAKE, TAKE_SIGNED, TAKE_FOLD, FOLD = range(7)
LEFT, RIGHT, WRITE, WRITE_COMPLEX, WRITE_SUM = range(7, 12)


class Step(NamedTuple):
    """One step: `rows` × `columns` numbers go to `to`; the others say where from."""

    code: int
    to: int = 0
    rows: int = 1
    columns: int = 0
    #: length of the sums of a product
    inner: int = 0
    #: number of products in a row
    times: int = 1
    #: position of an operand in the workspace
    at: int = 0
    #: places in the tables of positions, of signs and of constants
    table: int = 0
    signs: int = 0
    constants: int = 0

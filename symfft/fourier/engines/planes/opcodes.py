"""What the programs of the plane and line stages are made of: steps and tables with named fields.

A plan writes a step as a tuple of one of these classes, and a kernel reads it as one, at once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from symfft._compile import inlined
from symfft._compile.lanes import element

#: Kinds of steps.
TRANSFORM, MATRIX, DECIMATION, HALVING = 0, 1, 2, 3
#: How eight values follow one another; see :meth:`Tables.put_labels`.
UPWARDS, DOWNWARDS, ANYHOW = 0, 1, 2
#: How lines share transforms; see :mod:`symfft.fourier.engines.planes.lines`.
COMPLEX, REAL_OUT, REAL_IN = 0, 1, 2


class Stages(NamedTuple):
    """Where planes begin, their chunks; where lines begin, their blocks; numbers in the rows between them."""

    planes: int
    chunks: int
    lines: int
    blocks: int
    rows: int


class Head(NamedTuple):
    """Before the steps of one kind of plane: chunks of sixteen planes, planes, and steps."""

    chunks: int
    planes: int
    steps: int


class Place(NamedTuple):
    """Where row r, part p (real, imaginary), of chunk c is: ``start + row_step r + part_step p + chunk_step c``."""

    start: int
    row_step: int
    part_step: int
    chunk_step: int


class Transform(NamedTuple):
    """Row-column transform of an n0 × n1 grid; `rows` of them, and real results, where it has a 2-fold axis d."""

    n0: int
    n1: int
    rows: int
    centred: int
    d0: int
    grid: int
    line: int
    scratch: int
    plan0: int
    plan1: int
    labels: int
    phases: int


class Matrix(NamedTuple):
    """Product of a matrix, and of its transpose on the way back, with the values at some points."""

    points: int
    outputs: int
    parts: int
    labels: int
    room: int
    matrix: int
    transposed: int


class Decimation(NamedTuple):
    """Sums of the rows of p² classes, which lie from `start` to `end`."""

    number: int
    classes: int
    real: int
    sources: int
    factors: int
    roots: int
    room: int
    gaps: int
    start: int
    end: int


class Halving(NamedTuple):
    """Decimation by 2."""

    number: int
    real: int
    sources: int
    factors: int
    signs: int
    start: int
    end: int


class Lines(NamedTuple):
    """Head of the line stage: classes of lines and segments of planes follow."""

    classes: int
    form: int
    n: int
    plan: int
    segments: int
    room: int
    fold: int


class Segment(NamedTuple):
    """Planes that one operator takes to others: groups of eight columns, and how they are sheared."""

    groups: int
    columns: int
    part: int
    sheared: int
    period: int
    roots: int
    steps: int
    sources: int


class LineClass(NamedTuple):
    """Lines whose unique l are the same: blocks of eight or sixteen, and their tables."""

    blocks: int
    number: int
    places: int
    mates: int
    angles: int
    twiddle: int
    phases: int
    images: int
    weights: int
    sources: int = 0
    factors: int = 0
    start: int = 0
    lines: int = 0


#: Integers of a step: its kind, where its rows go, and its fields; and of the heads of tables.
HEAD, LINES, SEGMENT, LINE_CLASS = (len(kind._fields) for kind in (Head, Lines, Segment, LineClass))
FIELDS = 1 + len(Place._fields)
STEP = FIELDS + max(len(step._fields) for step in (Transform, Matrix, Decimation, Halving))


def _reader(kind: Any, offset: int = 0) -> Any:
    @inlined
    def read(program: Any, at: Any) -> Any:
        return kind(*(element(program, at + (offset + i)) for i in range(len(kind._fields))))

    return read


read_stages, read_head, read_place = _reader(Stages), _reader(Head), _reader(Place, 1)
read_transform, read_matrix = _reader(Transform, FIELDS), _reader(Matrix, FIELDS)
read_decimation, read_halving = _reader(Decimation, FIELDS), _reader(Halving, FIELDS)
read_lines, read_segment, read_class = _reader(Lines), _reader(Segment), _reader(LineClass)

"""The engine of tensors that are not on the CPU.

The rule: one matrix for up to 4,000 points; beyond, of columns, blocks and the full grid the one that moves the fewest
numbers, fifty multiplications counting as one number moved.
"""

from __future__ import annotations

from collections.abc import Iterator

from symfft.au import AsymmetricUnit
from symfft.transforms.torch_engines.blocks import BlockTransform, find_frame
from symfft.transforms.torch_engines.columns import ColumnTransform, find_columns
from symfft.transforms.torch_engines.engine import TorchEngine
from symfft.transforms.torch_engines.full import FullTransform
from symfft.transforms.torch_engines.matrix import MatrixTransform
from symfft.transforms.torch_engines.terms import View

#: Largest asymmetric unit whose transform is one matrix: 128 MB in float64.
POINTS_OF_A_MATRIX = 4000
#: Multiplications that take as long as reading or writing one number: both depend on the device, their ratio little.
OPERATIONS_PER_NUMBER = 50
#: Numbers in the matrices of a transform.
LARGEST_MATRICES = 2**25


def choose_engine(au: AsymmetricUnit, view: View) -> TorchEngine:
    """Return the engine that the rule takes."""
    if au.size <= POINTS_OF_A_MATRIX:
        return MatrixTransform(au, view)
    return min(_candidates(au, view), key=lambda e: e.moved + e.operations / OPERATIONS_PER_NUMBER)


def _candidates(au: AsymmetricUnit, view: View) -> Iterator[TorchEngine]:
    columns = find_columns(au.orbits)
    if columns is not None and columns.matrix_size * columns.period <= LARGEST_MATRICES:
        yield ColumnTransform(au, view, columns)
    yield BlockTransform(au, view, find_frame(au.orbits))
    yield FullTransform(au, view)

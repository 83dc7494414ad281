"""Columns of packed sets: what may be missing, and what comes back."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from symfft_models.data.columns import metadata_column, read_column, write_column


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["PBE", None, "ångström"], ["PBE", "", "ångström"]),
        ([True, None, False], [True, False, False]),
        ([1, 2, 3], [1, 2, 3]),
        ([1, None, 3], [1.0, np.nan, 3.0]),
        ([0.5, 2, None], [0.5, 2.0, np.nan]),
        ([None, None], [np.nan, np.nan]),
        ([], []),
    ],
)
def test_values_come_back_and_missing_ones_have_a_mark_of_their_kind(tmp_path, values, expected):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_column(file, "x", metadata_column(values))
        found = read_column(file["x"])
    np.testing.assert_array_equal(found, np.array(expected))
    # written again with others, as a set that grows does
    again = metadata_column([*found.tolist(), *values])
    assert len(again) == 2 * len(values)

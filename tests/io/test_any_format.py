"""The format by name and content."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from chgcar_text import random_grids
from test_vaspwave import write_vaspwave

from symfft import Density, DensityFormatError, read_density, write_density

LATTICE = np.array([[4.0, 0.0, 0.0], [-0.5, 5.0, 0.0], [1.0, 0.25, 6.0]])


@pytest.mark.parametrize(
    "name", ["a.cube", "a.cub.xz", "a.ccp4", "a.mrc", "a.map.gz", "CHGCAR", "x.vasp.gz", "AECCAR0", "run.CHGCAR.zst"]
)
def test_names_choose_the_format(tmp_path: Path, density: Density, name: str) -> None:
    write_density(tmp_path / name, density)
    again = read_density(tmp_path / name)
    np.testing.assert_allclose(again.values, density.values, rtol=1e-6)
    renamed = tmp_path / "unknown"
    (tmp_path / name).rename(renamed)
    np.testing.assert_array_equal(read_density(renamed).values, again.values)


def test_content_chooses_the_format(tmp_path: Path, spin: Density) -> None:
    write_vaspwave(tmp_path / "a", random_grids(1))
    assert read_density(tmp_path / "a").blocks == 1
    pytest.importorskip("pymatgen.core")
    (tmp_path / "b").write_text(spin.to_pymatgen().to_json())
    assert read_density(tmp_path / "b").blocks == 2
    with pytest.raises(DensityFormatError, match="the name does not say"):
        write_density(tmp_path / "density.txt", spin)
    (tmp_path / "c").write_bytes(gzip.compress(b"x" * 9999)[:20])
    with pytest.raises(DensityFormatError, match="damaged or cut off"):
        read_density(tmp_path / "c")
    (tmp_path / "d").write_bytes(b"")
    with pytest.raises(DensityFormatError, match="expected"):
        read_density(tmp_path / "d")

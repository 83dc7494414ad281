"""Real densities of other people, from file to asymmetric unit and back; skipped where they are absent."""

import numpy as np
import pytest

from symfft import (
    asymmetric_unit,
    au_dct,
    au_idct,
    check_symmetry,
    expand_from_au,
    read_density,
    reduce_to_au,
    symmetrize,
)

# file, number and order of the group in the file's cell, orbits on its grid, electrons
FILES = [
    ("Si2_sg227_56.CHGCAR.gz", 227, 48, 4082, 8),
    ("NaCl_sg225_56.CHGCAR.gz", 225, 48, 4285, 8),
    ("Fe2_sg229_28.CHGCAR.gz", 229, 96, 344, 16),
    ("Fe1_sg229_28_spin.CHGCAR.gz", 229, 48, 624, 8),
    ("Fe1_sg229_28_header_slash.CHGCAR.gz", 229, 48, 624, 8),
    ("Li1_sg139_32.CHGCAR.gz", 139, 16, 2393, 1),
    ("Fe3O4_sg166_72_last_line_padded.CHGCAR.gz", 166, 12, 32449, None),
    ("Fe3O4_sg166_36_spin.CHGCAR.gz", 166, 12, 4237, 96),
    ("Si2_sg227_24.cube.gz", 227, 48, 374, 8),
    ("NO_sg25_32x48x64.CHGCAR.gz", 25, 4, 27200, 11),
]


@pytest.mark.parametrize(("name", "number", "order", "size", "electrons"), FILES)
def test_files_reduce_and_come_back(real_densities, name, number, order, size, electrons):
    density = read_density(real_densities / name)
    group = density.space_group(symprec=1e-3)
    assert (group.number, group.order) == (number, order)
    if electrons is not None:
        assert density.electrons == pytest.approx(electrons, abs=2e-4)
    au = asymmetric_unit(group, density.values.shape)
    assert au.size == size
    assert check_symmetry(density.values, group).is_symmetric(1e-4)

    values = reduce_to_au(density.values, au, tolerance=1e-4)
    symmetric = expand_from_au(values, au)
    scale = np.abs(density.values).max()
    assert np.abs(symmetric - density.values).max() < 1e-4 * scale
    assert symmetric.sum() == pytest.approx(density.values.sum(), rel=1e-12)
    again = expand_from_au(au_idct(au_dct(values, au), au), au)
    assert np.abs(again - symmetric).max() < 1e-12 * scale


def test_a_cell_that_is_only_nearly_body_centred_cubic(real_densities):
    density = read_density(real_densities / "Li1_sg139_32.CHGCAR.gz")
    assert density.space_group(symprec=1e-3).number == 139
    cubic = density.space_group(symprec=1e-2)
    assert cubic.number == 229
    assert check_symmetry(density.values, cubic).largest_residual == pytest.approx(1.4e-3, rel=0.1)


def test_an_antiferromagnet_changes_sign_under_half_of_its_operators(real_densities):
    density = read_density(real_densities / "NiO_28_noncollinear.CHGCAR.gz")
    group = density.space_group(symprec=1e-3)
    assert check_symmetry(density.values, group).is_symmetric(1e-4)
    translations = [i for i, w in enumerate(group.rotations) if (w == np.eye(3)).all()]
    component = max(density.magnetization, key=lambda m: np.abs(m).max())
    signs = [check_symmetry(component, group).operators[i].sign for i in translations]
    assert sorted(signs) == [-1, 1]
    residuals = [check_symmetry(component, group).operators[i].residual for i in translations]
    assert max(residuals) < 1e-3


def test_grids_that_break_the_group_of_silicon(real_densities):
    density = read_density(real_densities / "Si2_sg227_24.cube.gz")
    group = density.space_group(symprec=1e-3)
    for n in (15, 18):
        assert sum(o.fits for o in check_symmetry(np.ones((n, n, n)), group).operators) == 24
    assert check_symmetry(symmetrize(density.values, group), group).largest_residual < 1e-13

"""Entries of a set: the atoms on their sites."""

import pytest

from symfft_models.data.entry import Site, atoms_of


@pytest.mark.parametrize(
    ("space_group", "position", "atoms"), [(186, (1 / 3, 2 / 3, 0.377), 2), (164, (1 / 3, 2 / 3, 0.2), 2)]
)
@pytest.mark.parametrize("digits", [9, 12, 17])
def test_thirds_in_few_digits_are_one_atom(space_group, position, atoms, digits):
    rounded = tuple(round(x, digits) for x in position)
    positions, _, numbers = atoms_of(space_group, [Site("Na", f"{atoms}b", rounded)])
    assert positions.shape == (atoms, 3)
    assert numbers.tolist() == atoms * [11]

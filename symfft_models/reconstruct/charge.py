"""The charge of a density file, without what else it may hold."""

from __future__ import annotations

from dataclasses import replace

from symfft import Density, SymfftError

#: Largest deviation of a density from its own space group, relative to its maximum.
SYMMETRY_TOLERANCE = 1e-3


class UnsupportedDensityError(SymfftError):
    """A density that the model has no place for."""


def charge_density(density: Density) -> Density:
    """Return the total density, of both spins where they come apart.

    Raises
    ------
    UnsupportedDensityError
        If it is no density of charge.
    """
    if density.kind != "charge":
        raise UnsupportedDensityError(f"holds a quantity of kind {density.kind!r}; the model knows charge densities")
    charge = replace(density, magnetization=None, spin_down=None, augmentation=None, site_moments=None)
    if density.spin_down is None:
        return charge
    return replace(charge, values=density.values + density.spin_down)

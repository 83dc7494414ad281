"""Density: values on a grid, the cell they fill and the atoms in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.analysis.verbs import Verbs
from symfft.crystal.elements import SYMBOLS, symbol
from symfft.crystal.lattice import cell_volume
from symfft.errors import ShapeError, SpaceGroupError, SymfftError
from symfft.exchange import Exchange
from symfft.kinds import KINDS, UNITS, Kind

if TYPE_CHECKING:
    from symfft.crystal.space_group import SpaceGroup
    from symfft.crystal.wyckoff import Site

#: Fractional coordinates beyond this have fewer than ten digits behind the point.
FARTHEST = 1e6


@dataclass(frozen=True, eq=False, repr=False)
class Density(Exchange, Verbs):
    """A periodic quantity on a regular grid: ``values[ix, iy, iz]`` belongs to the fractional coordinates i / N.

    Densities are not changed in place: :meth:`with_values` and :func:`dataclasses.replace` make new ones.

    Parameters
    ----------
    values : (Nx, Ny, Nz) float64
        Charge density in e/Å³ (electrons count positive), potential in eV, kinetic-energy density in eV/Å³, or
        electron localization function, by `kind`; "other" is anything else, in any unit. With `spin_down`
        given: the part of spin up.
    lattice : (3, 3) float64
        Basis vectors as rows, in Å.
    positions : (n, 3) float64
        Fractional coordinates of the atoms; n may be 0.
    numbers : (n,) int64
        Atomic numbers; -1, -2, … for kinds of atom whose element the file does not say.
    magnetization : (Nx, Ny, Nz) or (3, Nx, Ny, Nz) float64, optional
        Spin up minus spin down, or the three components of a non-collinear magnetization; in the units of `values`.
    spin_down : (Nx, Ny, Nz) float64, optional
        The part of spin down, of quantities that VASP gives by spin (LOCPOT, ELFCAR, TAUCAR).
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}
        What the values are.
    comment : str
        First line of the file.
    species : tuple of (str, int)
        Element labels and counts as they stood in the file (``("Mg_pv/f474ac0d", 2)``).
    selective_dynamics : (n, 3) bool, optional
        Which coordinates VASP may move.
    augmentation : tuple of str, optional
        PAW augmentation occupancies after each block of a CHGCAR, word for word. They belong to these values only.
    site_moments : tuple of str, optional
        Lines of site moments (MAGMOM) before the second and each later block, word for word.
    stated_group : SpaceGroup, optional
        The space group that the file says, of maps without atoms; with atoms it is found from these.

    Raises
    ------
    ShapeError
        If an array has another shape, holds NaN or infinity, or the lattice vectors are dependent.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density
    >>> density = Density(np.full((4, 4, 4), 0.125), 4.0 * np.eye(3), [[0, 0, 0]], [2])
    >>> density
    <Density: charge on 4 x 4 x 4 points, 8 electrons, 1 atoms in 64 Å³>
    >>> density.volume, density.electrons
    (64.0, 8.0)
    """

    values: NDArray[np.float64]
    lattice: NDArray[np.float64]
    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    magnetization: NDArray[np.float64] | None = None
    spin_down: NDArray[np.float64] | None = None
    kind: Kind = "charge"
    comment: str = ""
    species: tuple[tuple[str, int], ...] = ()
    selective_dynamics: NDArray[np.bool_] | None = None
    augmentation: tuple[str, ...] | None = None
    site_moments: tuple[str, ...] | None = None
    stated_group: SpaceGroup | None = None

    def __post_init__(self) -> None:
        grid = _array("values", self.values, (None, None, None))
        self._set("values", grid)
        self._set("lattice", _array("lattice", self.lattice, (3, 3)))
        given = np.asarray(self.numbers)
        if given.dtype == object and all(isinstance(n, int) for n in given.flat):
            raise ShapeError("an atomic number is not a 64-bit integer")
        numbers = np.ascontiguousarray(_numbers("numbers", given), dtype=np.int64)
        if (numbers != given).any():
            raise ShapeError(f"numbers holds {given[numbers != given][0]}, it must hold atomic numbers: integers")
        if numbers.ndim != 1:
            raise ShapeError(f"numbers has the shape {numbers.shape}, it must be (n,)")
        if numbers.size and numbers.max() > len(SYMBOLS):
            raise ShapeError(f"no element has the atomic number {numbers.max()}, the largest is {len(SYMBOLS)}")
        self._set("numbers", numbers)
        positions = np.asarray(self.positions, dtype=np.float64).reshape(-1, 3) if len(numbers) == 0 else self.positions
        positions = _array("positions", positions, (len(numbers), 3))
        if positions.size and np.abs(positions).max() > FARTHEST:
            raise ShapeError(
                f"an atom lies {np.abs(positions).max():.1e} cells away, beyond {FARTHEST:.0e} the digits of its place "
                "in the cell are lost: give positions within the cell"
            )
        self._set("positions", positions)
        if grid.size == 0:
            raise ShapeError(f"values has the shape {grid.shape}, every axis needs at least one point")
        if not self.volume > 0.0:
            raise ShapeError(f"the lattice vectors {self.lattice.tolist()} span no volume, they must be independent")
        if self.kind not in KINDS:
            raise ShapeError(f"kind is {self.kind!r}, it must be one of {', '.join(KINDS)}")
        if self.spin_down is not None:
            self._set("spin_down", _array("spin_down", self.spin_down, grid.shape))
        if self.magnetization is not None:
            components = (3, *grid.shape) if np.ndim(self.magnetization) == 4 else grid.shape
            self._set("magnetization", _array("magnetization", self.magnetization, components))
            if self.spin_down is not None:
                raise ShapeError("magnetization and spin_down are two ways to say the same; give one of them")
        if self.selective_dynamics is not None:
            flags = np.ascontiguousarray(self.selective_dynamics, dtype=np.bool_)
            if flags.shape != (len(numbers), 3):
                raise ShapeError(f"selective_dynamics has the shape {flags.shape}, it must be ({len(numbers)}, 3)")
            self._set("selective_dynamics", flags)
        for name, texts, count in (
            ("augmentation", self.augmentation, self.blocks),
            ("site_moments", self.site_moments, self.blocks - 1),
        ):
            if texts is not None and len(texts) != count:
                raise ShapeError(
                    f"{name} has {len(texts)} texts, it must have {count}: the density has {self.blocks} blocks"
                )

    def __repr__(self) -> str:
        content = f"{self.electrons:.6g} electrons, " if self.kind == "charge" else ""
        blocks = f", {self.blocks} blocks" if self.blocks > 1 else ""
        grid = " x ".join(map(str, self.shape))
        cell = f"{len(self.numbers)} atoms in {self.volume:.6g} Å³"
        return f"<Density: {self.kind} on {grid} points{blocks}, {content}{cell}>"

    def _repr_html_(self) -> str:
        """Return a table of facts for notebooks; :func:`symfft.view.density_page` shows the density itself."""
        lengths = np.linalg.norm(self.lattice, axis=1)
        a, b, c = self.lattice / lengths[:, None]
        angles = np.degrees(np.arccos(np.clip([b @ c, c @ a, a @ b], -1.0, 1.0)))
        counts = {number: int((self.numbers == number).sum()) for number in dict.fromkeys(self.numbers.tolist())}
        atoms = (f"{symbol(z) if z > 0 else f'(unknown {-z})'}{n if n > 1 else ''}" for z, n in counts.items())
        facts = {
            "kind": self.kind.replace("_", " "),
            "composition": " ".join(atoms) or "no atoms",
            "a, b, c": ", ".join(f"{x:.4f}" for x in lengths) + " Å",
            "α, β, γ": ", ".join(f"{x:.2f}" for x in angles) + "°",
            "volume": f"{self.volume:.3f} Å³",
            "grid": " × ".join(map(str, self.shape)),
            "values": f"{self.values.min():.5g} to {self.values.max():.5g} {UNITS[self.kind]}".strip(),
        }
        if self.kind == "charge":
            facts["electrons"] = f"{self.electrons:.6f}"
        if self.blocks > 1:
            facts["spin"] = "collinear" if self.blocks == 2 else "non-collinear"
        cells = "".join(f"<tr><th style='text-align:left'>{k}</th><td>{v}</td></tr>" for k, v in facts.items())
        return f"<table><caption>Density</caption>{cells}</table>"

    # ---- what follows from it ---------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int, int]:
        """Grid points along the three lattice vectors."""
        nx, ny, nz = self.values.shape
        return nx, ny, nz

    @property
    def blocks(self) -> int:
        """How many grids the density consists of: 1, 2 (collinear spin) or 4 (non-collinear)."""
        if self.magnetization is not None and self.magnetization.ndim == 4:
            return 4
        return 1 if self.magnetization is None and self.spin_down is None else 2

    @property
    def volume(self) -> float:
        """Volume of the cell, in Å³."""
        return cell_volume(self.lattice)

    @property
    def electrons(self) -> float:
        """Integral of the charge density over the cell: mean value times volume.

        Raises
        ------
        SymfftError
            If the values are not a charge density.
        """
        if self.kind != "charge":
            raise SymfftError(f"only a charge density holds electrons, this is of the kind {self.kind}")
        return float(self.values.mean() * self.volume)

    def space_group(self, symprec: float = 1e-3) -> SpaceGroup:
        """Return the space group of the atoms in this cell, found by spglib; without atoms, that which the file states.

        Parameters
        ----------
        symprec : float
            How far, in Å, an atom may lie from where symmetry puts it.

        Raises
        ------
        SpaceGroupError
            If there are no atoms and no stated group, or the structure is unusable.
        """
        from symfft.crystal.space_group import SpaceGroup

        if len(self.numbers):
            return SpaceGroup.from_structure(self.lattice, self.positions, self.numbers, symprec, shape=self.shape)
        if self.stated_group is not None:
            return self.stated_group
        raise SpaceGroupError("the density holds no atoms to find the space group from: give space_group")

    def sites(self, symprec: float = 1e-3) -> tuple[Site, ...]:
        """Return the orbits of atoms with their Wyckoff letters, site symmetries and multiplicities, found by spglib.

        Parameters
        ----------
        symprec : float
            How far, in Å, an atom may lie from where symmetry puts it.

        Raises
        ------
        SpaceGroupError
            If there are no atoms, or the structure is unusable.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> fcc = 2.8 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
        >>> salt = Density(np.ones((4, 4, 4)), fcc, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
        >>> [(site.number, site.multiplicity, site.wyckoff, site.site_symmetry) for site in salt.sites()]
        [(11, 1, 'a', 'm-3m'), (17, 1, 'b', 'm-3m')]
        """
        from symfft.crystal.wyckoff import wyckoff_sites

        if not len(self.numbers):
            raise SpaceGroupError("the density holds no atoms, so it has no sites")
        return wyckoff_sites(self.lattice, self.positions, self.numbers, symprec)

    def with_values(self, values: ArrayLike, magnetization: ArrayLike | None = None) -> Self:
        """Return a density of other values in the same crystal, on any grid.

        Augmentation occupancies, site moments and the other spin part are left behind: they belong to the old values.
        """
        return replace(
            self,
            values=np.asarray(values, dtype=np.float64),
            magnetization=None if magnetization is None else np.asarray(magnetization, dtype=np.float64),
            spin_down=None,
            augmentation=None,
            site_moments=None,
        )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _numbers(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return an array of real numbers, all of them given."""
    if np.ma.is_masked(value):
        raise ShapeError(
            f"{name} has {int(np.sum(getattr(value, 'mask', 0)))} masked values, it must have all: fill them first"
        )
    array = np.asarray(value)
    if array.size and array.dtype.kind not in "fiub":
        raise ShapeError(f"{name} has the type {array.dtype}, it must be real numbers")
    return array


def _array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    array = np.ascontiguousarray(_numbers(name, value), dtype=np.float64)
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("n" if n is None else str(n) for n in shape)
        raise ShapeError(f"{name} has the shape {array.shape}, it must be ({wanted})")
    if not np.isfinite(array).all():
        raise ShapeError(
            f"{name} holds NaN or infinity, at index {tuple(np.argwhere(~np.isfinite(array))[0].tolist())}"
        )
    return array

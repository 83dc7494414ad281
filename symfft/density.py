"""Density: values on a grid, the cell they fill and the atoms in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.analysis.verbs import Verbs
from symfft.crystal.elements import SYMBOLS, symbol
from symfft.errors import ShapeError, SymfftError

if TYPE_CHECKING:
    from symfft.crystal.space_group import SpaceGroup

Kind = Literal["charge", "potential", "elf", "kinetic_energy", "other"]
UNITS: dict[Kind, str] = {"charge": "e/Å³", "potential": "eV", "elf": "", "kinetic_energy": "eV/Å³", "other": ""}
KINDS: tuple[Kind, ...] = ("charge", "potential", "elf", "kinetic_energy", "other")

#: What the classes of pymatgen hold.
PYMATGEN_KINDS: dict[str, Kind] = {"Chgcar": "charge", "Locpot": "potential", "Elfcar": "elf"}

#: Fractional coordinates beyond this have fewer than ten digits behind the point.
FARTHEST = 1e6

_AUGMENTATION_HEAD = re.compile(r"\s*augmentation occupancies( \(imaginary part\))?.*")


@dataclass(frozen=True, eq=False, repr=False)
class Density(Verbs):
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

    def __post_init__(self) -> None:
        grid = _array("values", self.values, (None, None, None))
        self._set("values", grid)
        self._set("lattice", _array("lattice", self.lattice, (3, 3)))
        try:
            numbers = np.ascontiguousarray(self.numbers, dtype=np.int64)
        except OverflowError as error:
            raise ShapeError(f"an atomic number is not a 64-bit integer: {error}") from error
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
        """Return the space group of the atoms in this cell, found by spglib.

        Parameters
        ----------
        symprec : float
            How far, in Å, an atom may lie from where symmetry puts it.
        """
        from symfft.crystal.space_group import SpaceGroup

        return SpaceGroup.from_structure(self.lattice, self.positions, self.numbers, symprec, shape=self.shape)

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

    # ---- other packages ---------------------------------------------------------------------------------------------

    def to_pymatgen(self) -> Any:
        """Return a pymatgen ``Chgcar`` (``Locpot``, ``Elfcar`` for these kinds), whose charge is ρ·V in e.

        Raises
        ------
        SymfftError
            If pymatgen is missing, an element is unknown, or pymatgen has no class of this kind.
        """
        outputs, core = _pymatgen()
        if self.kind in ("kinetic_energy", "other"):
            raise SymfftError(f"pymatgen has no class for a density of the kind {self.kind}")
        if (self.numbers < 1).any():
            raise SymfftError(
                "pymatgen needs elements, and the file did not name them: read it with the argument species"
            )
        structure = core.Structure(core.Lattice(self.lattice), self.numbers.tolist(), self.positions)
        if self.kind != "charge":
            up_down = {"spin_up": self.values, "spin_down": self.spin_down}
            data = {"total": self.values} if self.spin_down is None else up_down
            return (outputs.Locpot if self.kind == "potential" else outputs.Elfcar)(structure, data)
        keys = ("total", "diff") if self.blocks == 2 else ("total", "diff_x", "diff_y", "diff_z")
        grids = [self.values]
        if self.magnetization is not None:
            grids += list(self.magnetization.reshape(-1, *self.shape))
        data = dict(zip(keys, (grid * self.volume for grid in grids), strict=False))
        occupancies = dict(zip(keys, map(_parse_augmentation, self.augmentation or ()), strict=False))
        chgcar = outputs.Chgcar(outputs.Poscar(structure, comment=self.comment or None), data, data_aug=occupancies)
        chgcar.name = chgcar.poscar.comment
        return chgcar

    @classmethod
    def from_pymatgen(cls, chgcar: Any, *, kind: Kind | None = None) -> Self:
        """Return the density of a pymatgen ``Chgcar``, ``Locpot`` or ``Elfcar``.

        Parameters
        ----------
        chgcar : pymatgen.io.vasp.outputs.Chgcar, Locpot, Elfcar or VolumetricData
            The object.
        kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
            What it holds, where its class does not say.

        Raises
        ------
        SymfftError
            If the structure is disordered, or holds other data.
        """
        structure = chgcar.structure
        if not structure.is_ordered:
            raise SymfftError("the structure is disordered: a density needs one element on every site")
        lattice = np.array(structure.lattice.matrix, dtype=np.float64)
        classes = [PYMATGEN_KINDS[c.__name__] for c in type(chgcar).__mro__ if c.__name__ in PYMATGEN_KINDS]
        if not classes and kind is None:
            raise SymfftError(f"a {type(chgcar).__name__} does not say what its values are: say it with kind")
        if classes and kind not in (None, classes[0]):
            raise SymfftError(f"a {type(chgcar).__name__} holds values of the kind {classes[0]}, not {kind}")
        kind = classes[0] if kind is None else kind
        data = {key: np.array(value, dtype=np.float64) for key, value in dict(chgcar.data).items()}
        down, texts = None, None
        if "spin_up" in data:
            values, down = data["spin_up"], data["spin_down"]
            magnetization = None
        else:
            divisor = cell_volume(lattice) if kind == "charge" else 1.0
            keys = ("total", "diff_x", "diff_y", "diff_z") if "diff_x" in data else ("total", "diff")
            grids = [data[key] / divisor for key in keys if key in data]
            values = grids[0]
            magnetization = None if len(grids) == 1 else grids[1] if len(grids) == 2 else np.stack(grids[1:])
            if kind != "charge" and len(grids) == 2:
                down, magnetization = magnetization, None
            occupancies = [chgcar.data_aug.get(key) for key in keys if key in data] if chgcar.data_aug else []
            texts = tuple(format_augmentation(o) for o in occupancies) if all(occupancies) and occupancies else None
        return cls(
            values=values,
            lattice=lattice,
            positions=np.array(structure.frac_coords, dtype=np.float64),
            numbers=np.array(structure.atomic_numbers, dtype=np.int64),
            magnetization=magnetization,
            spin_down=down,
            kind=kind,
            comment=str(getattr(getattr(chgcar, "poscar", None), "comment", "")),
            augmentation=texts,
        )

    def to_ase(self) -> tuple[Any, NDArray[np.float64]]:
        """Return ASE ``Atoms`` and the values, the pair that ``ase.io.cube.write_cube`` takes.

        Atoms whose element is unknown become ASE's dummy X.
        """
        try:
            from ase import Atoms
        except ModuleNotFoundError as error:
            raise SymfftError('this needs ASE: pip install "ase"') from error
        numbers = np.maximum(self.numbers, 0)
        return Atoms(numbers=numbers, scaled_positions=self.positions, cell=self.lattice, pbc=True), self.values

    @classmethod
    def from_ase(cls, atoms: Any, values: ArrayLike, *, kind: Kind = "charge", comment: str = "") -> Self:
        """Return the density of ASE ``Atoms`` with values on a grid over their cell (charge in e/Å³)."""
        return cls(
            values=np.array(values, dtype=np.float64),
            lattice=np.array(atoms.cell.array, dtype=np.float64),
            positions=np.array(atoms.get_scaled_positions(wrap=False), dtype=np.float64),
            numbers=np.array(atoms.numbers, dtype=np.int64),
            kind=kind,
            comment=comment,
        )

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def cell_volume(lattice: NDArray[np.float64]) -> float:
    """Return the volume spanned by three vectors, ``|a · (b × c)|``."""
    (a, b, c), (d, e, f), (g, h, i) = lattice.tolist()
    return abs(float(a * (e * i - f * h) + b * (f * g - d * i) + c * (d * h - e * g)))


def format_augmentation(occupancies: Mapping[int, ArrayLike] | Sequence[str]) -> str:
    """Return augmentation occupancies as a CHGCAR holds them: seven digits, five to a line, the real part first.

    Parameters
    ----------
    occupancies : mapping of ion to values, or sequence of lines
        Real or complex values of every ion, numbered from 1, as in pymatgen's ``data_aug``; or ready lines.
    """
    if not isinstance(occupancies, Mapping):
        return "".join(f"{line.rstrip()}\n" for line in occupancies if line.strip())
    lines: list[str] = []
    for ion in sorted(occupancies):
        values = np.asarray(occupancies[ion])
        parts = [("", values.real)] + ([(" (imaginary part)", values.imag)] if np.iscomplexobj(values) else [])
        for note, part in parts:
            lines.append(f"augmentation occupancies{note}{ion if ion < 10000 else '****':>4}{part.size:4d}")
            fields = [_seven_digits(x) for x in part.ravel().tolist()]
            lines += ["".join(fields[i : i + 5]) for i in range(0, len(fields), 5)]
    return "".join(f"{line}\n" for line in lines)


def _seven_digits(value: float) -> str:
    mantissa, exponent = f"{abs(value):.6E}".split("E")
    power = int(exponent) + 1 if value else 0
    return f"{'-' if value < 0 else ' '}0.{mantissa.replace('.', '')}E{power:+03d}".rjust(15)


def _parse_augmentation(text: str) -> dict[int, NDArray[Any]]:
    occupancies: dict[int, NDArray[Any]] = {}
    heads = list(_AUGMENTATION_HEAD.finditer(text))
    ions = {"": 0, "imaginary": 0}
    for i, head in enumerate(heads):
        stop = heads[i + 1].start() if i + 1 < len(heads) else len(text)
        values = np.array([float(field) for field in text[head.end() : stop].split()])
        part = "imaginary" if head[1] else ""
        ions[part] += 1
        occupancies[ions[part]] = occupancies[ions[part]] + 1j * values if head[1] else values
    return occupancies


def _array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    array = np.ascontiguousarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("n" if n is None else str(n) for n in shape)
        raise ShapeError(f"{name} has the shape {array.shape}, it must be ({wanted})")
    if not np.isfinite(array).all():
        raise ShapeError(
            f"{name} holds NaN or infinity, at index {tuple(np.argwhere(~np.isfinite(array))[0].tolist())}"
        )
    return array


def _pymatgen() -> tuple[Any, Any]:
    try:
        import pymatgen.core as core
        from pymatgen.io.vasp import outputs
    except ModuleNotFoundError as error:
        raise SymfftError('this needs pymatgen: pip install "pymatgen-core"') from error
    return outputs, core

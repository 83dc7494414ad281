"""Densities as the objects of other packages: pymatgen, ASE and xarray."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.crystal.lattice import cell_volume
from symfft.errors import SymfftError
from symfft.kinds import UNITS, Kind

if TYPE_CHECKING:
    from symfft.crystal.space_group import SpaceGroup

#: The grids that a density may have.
GRIDS = ("values", "magnetization", "spin_down")

#: What the classes of pymatgen hold.
PYMATGEN_KINDS: dict[str, Kind] = {"Chgcar": "charge", "Locpot": "potential", "Elfcar": "elf"}

_AUGMENTATION_HEAD = re.compile(r"\s*augmentation occupancies( \(imaginary part\))?.*")


class Exchange:
    """Methods of :class:`symfft.Density`."""

    values: NDArray[np.float64]
    lattice: NDArray[np.float64]
    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    magnetization: NDArray[np.float64] | None
    spin_down: NDArray[np.float64] | None
    kind: Kind
    comment: str
    species: tuple[tuple[str, int], ...]
    selective_dynamics: NDArray[np.bool_] | None
    augmentation: tuple[str, ...] | None
    site_moments: tuple[str, ...] | None
    stated_group: SpaceGroup | None
    if TYPE_CHECKING:

        def __init__(self, *args: Any, **fields: Any) -> None: ...

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
        grids: list[NDArray[np.float64]] = [self.values]
        keys: tuple[str, ...] = ("total", "diff")
        if self.magnetization is not None:
            keys = keys if self.magnetization.ndim == 3 else ("total", "diff_x", "diff_y", "diff_z")
            grids += list(self.magnetization.reshape(-1, *self.values.shape))
        data = dict(zip(keys, (grid * cell_volume(self.lattice) for grid in grids), strict=False))
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

    def to_xarray(self) -> Any:
        """Return an xarray ``Dataset``, complete, which ``Dataset.to_netcdf`` can write.

        Its dimensions ``a``, ``b``, ``c`` have fractional coordinates i / N; ``lattice`` (Å), ``positions`` and
        ``numbers`` are variables beside ``values``, ``magnetization`` and ``spin_down``. What is not numbers is in
        the attributes, as text.

        Raises
        ------
        SymfftError
            If xarray is missing.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> data = Density(np.full((2, 2, 4), 0.5), np.diag([2.0, 2.0, 4.0]), [[0, 0, 0]], [2]).to_xarray()
        >>> dict(data.sizes), data["values"].attrs["units"], float(data["values"].mean("c").sel(a=0.5, b=0.0))
        ({'a': 2, 'b': 2, 'c': 4, 'vector': 3, 'xyz': 3, 'atom': 1}, 'e/Å³', 0.5)
        """
        xarray = _xarray()
        axes = ("a", "b", "c")
        named = {"long_name": self.kind.replace("_", " "), "units": UNITS[self.kind]}
        grids = {name: getattr(self, name) for name in GRIDS if getattr(self, name) is not None}
        variables: dict[str, Any] = {
            name: (("component", *axes) if grid.ndim == 4 else axes, grid, named) for name, grid in grids.items()
        }
        variables["lattice"] = (("vector", "xyz"), self.lattice, {"long_name": "basis vectors as rows", "units": "Å"})
        variables["positions"] = (("atom", "vector"), self.positions, {"long_name": "fractional coordinates"})
        variables["numbers"] = (("atom",), self.numbers, {"long_name": "atomic numbers"})
        if self.selective_dynamics is not None:
            variables["selective_dynamics"] = (("atom", "vector"), self.selective_dynamics)
        group = self.stated_group
        texts = {
            "species": self.species,
            "augmentation": self.augmentation,
            "site_moments": self.site_moments,
            "stated_group": group
            and [group.rotations.tolist(), group.numerators.tolist(), group.denominator, group.number, group.symbol],
        }
        return xarray.Dataset(
            variables,
            {axis: np.arange(n) / n for axis, n in zip(axes, self.values.shape, strict=True)},
            {"kind": self.kind, "comment": self.comment, **{key: json.dumps(v) for key, v in texts.items() if v}},
        )

    @classmethod
    def from_xarray(cls, dataset: Any, *, kind: Kind | None = None) -> Self:
        """Return the density of an xarray ``Dataset`` as :meth:`to_xarray` makes it.

        Parameters
        ----------
        dataset : xarray.Dataset
            At least ``values`` over the dimensions a, b, c in any order, and ``lattice`` (3, 3) in Å.
        kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
            What the values are, where the attribute ``kind`` does not say; a charge density without either.

        Raises
        ------
        SymfftError
            If a variable is missing, the grid is only a part of the cell, or kinds contradict each other.
        ShapeError
            If arrays do not fit together.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> density = Density(np.full((2, 2, 4), 0.5), np.diag([2.0, 2.0, 4.0]), [[0, 0, 0]], [2])
        >>> Density.from_xarray(density.to_xarray())
        <Density: charge on 2 x 2 x 4 points, 8 electrons, 1 atoms in 16 Å³>
        """
        axes = ("a", "b", "c")
        variables, attributes = getattr(dataset, "variables", {}), getattr(dataset, "attrs", {})
        missing = [name for name in ("values", "lattice") if name not in variables]
        if missing:
            raise SymfftError(f"the dataset lacks {' and '.join(missing)}: Density.to_xarray shows what one holds")
        if sorted(variables["values"].dims) != sorted(axes):
            raise SymfftError(f"values has the dimensions {variables['values'].dims}, they must be a, b, c")
        for axis in axes:
            count = dataset.sizes[axis]
            if axis in variables and not np.allclose(variables[axis], np.arange(count) / count, rtol=0, atol=1e-9):
                raise SymfftError(
                    f"the coordinates along {axis} are not i / {count}: a density is a whole cell, not a part of one"
                )
        recorded = attributes.get("kind")
        if recorded is not None and kind not in (None, recorded):
            raise SymfftError(f"the dataset says that its values are of the kind {recorded}, not {kind}")
        grids = {
            name: np.array(
                variables[name].transpose(*(("component",) if "component" in variables[name].dims else ()), *axes)
            )
            for name in GRIDS
            if name in variables
        }
        texts = {key: _from_json(attributes, key) for key in ("species", "augmentation", "site_moments")}
        group = _from_json(attributes, "stated_group")
        flags = "selective_dynamics"
        return cls(
            **grids,
            lattice=np.array(variables["lattice"], dtype=np.float64),
            positions=np.array(variables["positions"]) if "positions" in variables else np.empty((0, 3)),
            numbers=np.array(variables["numbers"], dtype=np.int64) if "numbers" in variables else np.empty(0, int),
            kind=recorded or kind or "charge",
            comment=str(attributes.get("comment", "")),
            species=tuple((str(label), int(count)) for label, count in texts["species"] or ()),
            selective_dynamics=np.array(variables[flags], dtype=np.bool_) if flags in variables else None,
            augmentation=texts["augmentation"] and tuple(texts["augmentation"]),
            site_moments=texts["site_moments"] and tuple(texts["site_moments"]),
            stated_group=group and _group(*group),
        )


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


def _pymatgen() -> tuple[Any, Any]:
    try:
        import pymatgen.core as core
        from pymatgen.io.vasp import outputs
    except ModuleNotFoundError as error:
        raise SymfftError('this needs pymatgen: pip install "pymatgen-core"') from error
    return outputs, core


def _xarray() -> Any:
    try:
        import xarray
    except ModuleNotFoundError as error:
        raise SymfftError('this needs xarray: pip install "xarray"') from error
    return xarray


def _from_json(attributes: Mapping[Any, Any], key: str) -> Any:
    """Return what an attribute holds as text, None where there is none."""
    if key not in attributes:
        return None
    try:
        found = json.loads(attributes[key])
        if not isinstance(found, list):
            raise ValueError("it is not a list")
    except (ValueError, TypeError, RecursionError) as error:
        raise SymfftError(
            f"the attribute {key} of the dataset is not as Density.to_xarray writes it: {error}"
        ) from error
    return found


def _group(rotations: Any, numerators: Any, denominator: int, number: int, symbol: str) -> SpaceGroup:
    from symfft.crystal.space_group import SpaceGroup

    return SpaceGroup(np.array(rotations), np.array(numerators), denominator, number=number, symbol=symbol)

"""What real VASP files contain, and real files beside pymatgen's parser."""

from __future__ import annotations

import bz2
import gzip
import lzma
import warnings
from pathlib import Path

import numpy as np
import pytest
import zstandard
from chgcar_text import HEADER, VOLUME, chgcar_text, grid_text, occupancies_text, random_grids

from symfft import Density, read_chgcar
from symfft.errors import ChgcarFormatError

REAL = [
    "Fe1_sg229_28_header_slash.CHGCAR.gz",
    "Fe1_sg229_28_spin.CHGCAR.gz",
    "Fe2_sg229_28.CHGCAR.gz",
    "Fe3O4_sg166_36_spin.CHGCAR.gz",
    "Fe3O4_sg166_72_last_line_padded.CHGCAR.gz",
    "Li1_sg139_32.CHGCAR.gz",
    "MgSi_vasp642_header.LOCPOT.gz",
    "NO_sg25_32x48x64.CHGCAR.gz",
    "NaCl_sg225_56.CHGCAR.gz",
    "NiO_28_noncollinear.CHGCAR.gz",
    "Si2_sg227_56.CHGCAR.gz",
]


def read_text(tmp_path: Path, text: str | bytes, name: str = "CHGCAR", **options: object) -> Density:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_chgcar(path, **options)  # type: ignore[arg-type]


def grids(density: Density) -> list[np.ndarray]:
    """All blocks, in the file's order."""
    rest = [] if density.magnetization is None else list(density.magnetization.reshape(-1, *density.shape))
    return [density.values, *rest, *([] if density.spin_down is None else [density.spin_down])]


@pytest.mark.parametrize("name", REAL)
def test_real_files_give_pymatgens_bits(real_densities: Path, name: str) -> None:
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        poscar, data, occupancies = outputs.VolumetricData.parse_file(str(real_densities / name))
    density = read_chgcar(real_densities / name)
    keys = ("total", "diff") if "diff_x" not in data else ("total", "diff_x", "diff_y", "diff_z")
    raw = [data[key] for key in keys if key in data]
    divisor = density.volume if density.kind == "charge" else 1.0
    assert len(raw) == density.blocks
    for ours, theirs in zip(grids(density), raw, strict=True):
        assert ours.flags.c_contiguous
        np.testing.assert_array_equal(ours, theirs / divisor)
    structure = poscar.structure
    np.testing.assert_allclose(density.lattice, structure.lattice.matrix, rtol=1e-15, atol=0)
    np.testing.assert_allclose(density.positions, structure.frac_coords, rtol=0, atol=1e-12)
    assert density.numbers.tolist() == list(structure.atomic_numbers)
    ions = [len(occupancies[key]) for key in keys if key in occupancies]
    texts = density.augmentation or [""] * len(raw)
    assert [text.count("augmentation occupancies") for text in texts] == ions


@pytest.mark.parametrize(
    ("name", "electrons", "number"),
    [("Si2_sg227_56.CHGCAR.gz", 8, 227), ("NaCl_sg225_56.CHGCAR.gz", 8, 225), ("Fe2_sg229_28.CHGCAR.gz", 16, 229)],
)
def test_real_files_have_their_electrons_and_space_group(
    real_densities: Path, name: str, electrons: int, number: int
) -> None:
    density = read_chgcar(real_densities / name)
    assert density.electrons == pytest.approx(electrons, abs=2e-5)
    assert density.space_group().number == number


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("occupancies", [0, 7])
def test_blocks(tmp_path: Path, count: int, occupancies: int) -> None:
    raw = random_grids(count)
    moments = "  0.200000000000E+01 -0.100000000000E+01\n"
    density = read_text(tmp_path, chgcar_text(raw, occupancies=occupancies, moments=moments))
    assert density.blocks == count
    for ours, theirs in zip(grids(density), raw, strict=True):
        np.testing.assert_array_equal(ours, theirs / VOLUME)
    assert density.site_moments == ((moments,) * (count - 1) if count > 1 else None)
    expected = tuple(occupancies_text(2, occupancies, seed) for seed in range(count)) if occupancies else None
    assert density.augmentation == expected
    assert density.electrons == pytest.approx(raw[0].mean())


@pytest.mark.parametrize("count", [3, 5])
def test_other_numbers_of_blocks_are_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(ChgcarFormatError, match="expected one, two or four blocks"):
        read_text(tmp_path, chgcar_text(random_grids(count)))


@pytest.mark.parametrize(
    ("name", "kind", "scaled", "channels"),
    [
        ("CHGCAR", "charge", True, False),
        ("AECCAR2.gz", "charge", True, False),
        ("PARCHG", "charge", True, False),
        ("mp-1.LOCPOT", "potential", False, True),
        ("ELFCAR", "elf", False, True),
        ("TAUCAR", "kinetic_energy", True, True),
    ],
)
def test_kinds(tmp_path: Path, name: str, kind: str, scaled: bool, channels: bool) -> None:
    raw = random_grids(2)
    density = read_text(tmp_path, chgcar_text(raw), name)
    assert density.kind == kind
    divisor = VOLUME if scaled else 1.0
    np.testing.assert_array_equal(density.values, raw[0] / divisor)
    second = density.spin_down if channels else density.magnetization
    np.testing.assert_array_equal(second, raw[1] / divisor)
    assert (density.magnetization is None) == channels
    told = read_text(tmp_path, chgcar_text(raw), "unknown", kind=kind)
    np.testing.assert_array_equal(told.values, density.values)


def test_chg_has_ten_numbers_of_five_digits_on_a_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    raw = np.array([float(f"{x:.4e}") for x in rng.standard_normal(60)]).reshape(3, 4, 5)
    density = read_text(tmp_path, HEADER + grid_text(raw, per_line=10, digits=5), "CHG")
    np.testing.assert_array_equal(density.values, raw / VOLUME)


def test_wide_fields_line_ends_and_padding(tmp_path: Path) -> None:
    (raw,) = random_grids(1, (3, 3, 3))
    wide = HEADER + "3 3 3\n" + "".join(f"{x:30.16E}\n" for x in raw.ravel(order="F"))
    np.testing.assert_array_equal(read_text(tmp_path, wide).values, raw / VOLUME)
    text = chgcar_text([raw], occupancies=7)
    plain = read_text(tmp_path, text)
    for variant in (
        text.replace("\n", "\r\n"),
        text.replace("\n", "   \n"),
        text + "\n\n  \n",
        text.rstrip("\n"),
        chgcar_text([raw]).rstrip("\n") + " 0.00000000000E+00  0.0\n" + occupancies_text(2, 7),
    ):
        other = read_text(tmp_path, variant)
        np.testing.assert_array_equal(other.values, plain.values)
        assert [line.split() for line in other.augmentation[0].splitlines()] == [
            line.split() for line in plain.augmentation[0].splitlines()
        ]


def test_numbers_that_touch(tmp_path: Path) -> None:
    text = HEADER + "    1    1    6\n-.12345E+02-.5E+01-.302333-128-.1E-01 0.1E+020.2E+02\n"
    density = read_text(tmp_path, text)
    raw = np.array([-12.345, -5.0, -0.302333e-128, -0.01, 10.0, 20.0])
    np.testing.assert_array_equal(density.values.ravel(), raw / VOLUME)


@pytest.mark.parametrize(
    "head",
    ["   1   3", "1234   3", "****   3", "   1   3   ", "  12  3", " (imaginary part)   1   3"],
)
def test_heads_of_augmentation_occupancies(tmp_path: Path, head: str) -> None:
    (raw,) = random_grids(1)
    section = "  0.1000000E+01 -0.2000000E-10\n  0.3000000E+00\n"
    body = f"augmentation occupancies{head}\n{section}"
    real = "".join(f"augmentation occupancies   {i}   3\n{section}" for i in (1, 2))
    text = chgcar_text([raw]) + (real + body * 2 if "imaginary" in head else body * 2)
    density = read_text(tmp_path, text)
    assert density.augmentation is not None
    assert density.augmentation[0] == "".join(f"{line.rstrip()}\n" for line in text[text.index("augm") :].splitlines())


def test_fields_of_a_head_run_together(tmp_path: Path) -> None:
    (raw,) = random_grids(1)
    numbers = "".join(f"  0.{i:07d}E+00" + ("\n" if i % 5 == 4 else "") for i in range(1005))
    text = chgcar_text([raw]) + f"augmentation occupancies10001005\n{numbers}" * 2
    assert read_text(tmp_path, text).augmentation == (text[text.index("augm") :],)


@pytest.mark.parametrize(
    ("symbols", "numbers"),
    [
        ("   Mg_pv/f474ac0d  Si/79d9987ad87", [12, 14]),
        ("Fe/ O/", [26, 8]),
        ("C_s Na_pv", [6, 11]),
        ("H.5 H1.25", [1, 1]),
        ("fe CL", [26, 17]),
    ],
)
def test_element_labels(tmp_path: Path, symbols: str, numbers: list[int]) -> None:
    density = read_text(tmp_path, chgcar_text(random_grids(1), HEADER.replace("   Na   Cl", symbols)))
    assert density.numbers.tolist() == numbers
    assert density.species == tuple((label, 1) for label in symbols.split())


def test_headers_without_symbols(tmp_path: Path) -> None:
    header = HEADER.replace("   Na   Cl\n", "")
    text = chgcar_text(random_grids(1), header)
    assert read_text(tmp_path, text).numbers.tolist() == [-1, -2]
    assert read_text(tmp_path, text, species=["K", "F"]).numbers.tolist() == [19, 9]
    behind = text.replace("0.000000  0.000000  0.000000\n  0.5", "0.000000  0.000000  0.000000 Rb\n  0.5")
    behind = behind.replace("0.500000  0.500000  0.500000\n", "0.500000  0.500000  0.500000 Br\n")
    assert read_text(tmp_path, behind).numbers.tolist() == [37, 35]
    with pytest.raises(ChgcarFormatError, match="expected as many species as counts"):
        read_text(tmp_path, text, species=["K"])
    with pytest.raises(ChgcarFormatError, match="found 'Xx'; the argument species"):
        read_text(tmp_path, text, species=["K", "Xx"])


def test_more_than_twenty_kinds_of_atom_take_several_lines(tmp_path: Path) -> None:
    symbols = ["Fe", "O"] * 12
    header = HEADER.replace(
        "   Na   Cl\n     1     1\n", f"{' '.join(symbols[:20])}\n{' '.join(symbols[20:])}\n{'1 ' * 20}\n{'1 ' * 4}\n"
    )
    header = header.split("Direct")[0] + "Direct\n" + "".join(f" {i / 24:.6f} 0.1 0.2\n" for i in range(24)) + "\n"
    density = read_text(tmp_path, chgcar_text(random_grids(1), header))
    assert density.numbers.tolist() == [26, 8] * 12
    assert density.positions[5].tolist() == [0.208333, 0.1, 0.2]


@pytest.mark.parametrize(
    ("scale", "factors"),
    [("1.5", [1.5] * 3), ("-960.0", [2.0] * 3), ("2.0 1.0 0.5", [2.0, 1.0, 0.5]), ("  2.0 ! Angstrom", [2.0] * 3)],
)
def test_scale(tmp_path: Path, scale: str, factors: list[float]) -> None:
    header = HEADER.replace("   1.00000000000000\n", scale + "\n")
    raw = random_grids(1)
    density = read_text(tmp_path, chgcar_text(raw, header))
    lattice = np.array([[4.0, 0, 0], [0, 5, 0], [1, 0, 6]]) * factors
    np.testing.assert_allclose(density.lattice, lattice, rtol=1e-15)
    assert density.electrons == pytest.approx(raw[0].mean())
    cartesian = "".join(f"  {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in [(0, 0, 0), (2.5, 2.5, 3.0)])
    header = header.split("Direct")[0] + "Cartesian\n" + cartesian + "\n"
    other = read_text(tmp_path, chgcar_text(raw, header))
    np.testing.assert_allclose(other.positions, [[0, 0, 0], [0.5, 0.5, 0.5]], atol=1e-15)


def test_selective_dynamics_and_touching_coordinates(tmp_path: Path) -> None:
    header = HEADER.replace("Direct\n", "Selective dynamics\nDirect\n")
    header = header.replace("0.000000  0.000000  0.000000\n  0.5", "0.000000-10.250000  0.000000   T   F   T\n  0.5")
    header = header.replace("0.500000  0.500000  0.500000\n", "0.500000  0.500000  0.500000 .TRUE. .FALSE. F\n")
    density = read_text(tmp_path, chgcar_text(random_grids(1), header))
    assert density.selective_dynamics.tolist() == [[True, False, True], [True, False, False]]
    assert density.positions[0].tolist() == [0.0, -10.25, 0.0]


def test_comments_of_any_bytes_are_kept(tmp_path: Path) -> None:
    text = chgcar_text(random_grids(1), HEADER.replace("two atoms", "")).encode()
    assert read_text(tmp_path, text).comment == ""
    assert read_text(tmp_path, b"caf\xe9 \xc3\xa9  " + text).comment == b"caf\xe9 \xc3\xa9".decode(
        "utf-8", "surrogateescape"
    )


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, bz2.compress, zstandard.compress])
def test_compressed_files_are_told_by_content(tmp_path: Path, compress: object) -> None:
    text = chgcar_text(random_grids(2, (20, 21, 22)), occupancies=7).encode()
    density = read_text(tmp_path, text)
    other = read_text(tmp_path, compress(text))  # type: ignore[operator]
    np.testing.assert_array_equal(other.values, density.values)
    np.testing.assert_array_equal(other.magnetization, density.magnetization)
    assert other.augmentation == density.augmentation


def test_a_compressed_file_may_come_in_parts(tmp_path: Path) -> None:
    text = chgcar_text(random_grids(1, (20, 21, 22))).encode()
    parts = gzip.compress(text[:50_000]) + gzip.compress(text[50_000:])
    np.testing.assert_array_equal(read_text(tmp_path, parts).values, read_text(tmp_path, text).values)

"""Predicted densities: symmetric, neutral, the same in any cell; the command and hostile input."""

from __future__ import annotations

import json
import re

import gemmi
import numpy as np
import pytest

from symfft import Density, SpaceGroup, check_symmetry, read_density, write_density
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw
from symfft_models.predict import DensityPredictor
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.files import read_structure
from symfft_models.scattering.geometry import scattering, site_terms
from symfft_models.scattering.structure import StructureError, crystal_of, whole_crystal
from symfft_models.scattering.synthesis import structure_factors
from symfft_models.scattering.weights_file import ModelFileError, load_model, save_model


@pytest.fixture(scope="module")
def predictor():
    return DensityPredictor.load_shipped()


@pytest.fixture(scope="module")
def magnesia():
    return load_paw().find("rock-salt-MgO")


def crystal_in(number: int) -> Crystal:
    """Two atoms anywhere in a cell that the group allows."""
    group = SpaceGroup.from_number(number)
    metric = np.diag([30.0, 38.0, 45.0]) + np.array([[0, 2, 3], [2, 0, -2], [3, -2, 0]])
    rotations = group.rotations.astype(float)
    lattice = np.linalg.cholesky(np.mean(rotations.transpose(0, 2, 1) @ metric @ rotations, axis=0))
    images = [
        group.rotations @ point + group.translations.astype(float) for point in ([0.07, 0.13, 0.31], [0.4, 0.22, 0.11])
    ]
    positions = np.concatenate(images) % 1
    numbers = np.repeat([12, 8], [len(part) for part in images])
    return Crystal.of_atoms(lattice, positions, numbers, group)


@pytest.mark.parametrize("number", [1, 2, 4, 14, 19, 33, 62, 76, 92, 122, 146, 152, 167, 178, 198, 205])
def test_structure_factors_have_the_symmetry_of_the_group(number, predictor):
    crystal = crystal_in(number)
    found = predictor.model.coefficients(crystal)
    hkl = np.array([[1, 2, 3], [2, -1, 1], [0, 1, 2], [3, 0, -1]])
    direct = structure_factors(crystal, found.terms, found.mean, hkl)
    for rotation, translation in zip(crystal.group.rotations, crystal.group.translations.astype(float)):
        turned = structure_factors(crystal, found.terms, found.mean, hkl @ rotation)
        np.testing.assert_allclose(
            turned, direct * np.exp(2j * np.pi * (hkl @ translation)), atol=1e-9 * np.abs(direct).max()
        )
    electrons = structure_factors(crystal, found.terms, found.mean, np.zeros((1, 3), dtype=int))[0]
    assert abs(electrons - predictor.model.electrons(crystal)) < 1e-9 * electrons.real


@pytest.mark.parametrize("number", [19, 225])
def test_scattering_is_the_sum_over_atoms_turned_one_by_one(number):
    """Textbook sum: each atom of an orbit carries the first one's spherical harmonics, turned by its operator."""
    crystal = crystal_in(19) if number == 19 else crystal_of(load_paw().find("fluorite-CaF2"))
    terms, hkl = site_terms(crystal), np.array([[1, 1, 1], [2, 0, 2], [3, 1, 1]])
    from symfft_models.scattering.harmonics import harmonics

    found = scattering(crystal, terms, hkl)
    reciprocal = np.linalg.inv(crystal.lattice)
    for k, orbit in enumerate(terms.orbit):
        total, atoms = np.zeros(len(hkl), dtype=complex), {}
        for rotation, translation in zip(crystal.group.rotations, crystal.group.translations.astype(float)):
            place = (rotation @ crystal.positions[orbit] + translation) % 1
            atoms.setdefault(tuple(np.round(place, 6) % 1), (rotation, place))
        for rotation, place in atoms.values():
            angular = harmonics((hkl @ rotation) @ reciprocal.T) @ terms.invariant[k]
            total += np.exp(-2j * np.pi * (hkl @ place)) * (-1j) ** terms.degree[k] * angular
        np.testing.assert_allclose(found[k], total, atol=1e-9)


def test_density_is_symmetric_and_neutral(predictor, magnesia):
    density = predictor.predict(magnesia, (24, 24, 24)).density
    assert abs(density.electrons - 64) < 1e-9
    assert check_symmetry(density.values, SpaceGroup.from_number(225)).largest_residual < 1e-12


def test_prediction_of_a_training_crystal_is_near(predictor):
    entry = load_paw().select(split="train")[0]
    found = predictor.predict(entry, entry.shape).density.values
    assert np.abs(found - entry.values()).sum() / np.abs(entry.values()).sum() < 0.12


def test_cell_origin_and_order_of_atoms_do_not_matter(predictor, magnesia):
    lattice = np.asarray(magnesia.lattice)
    primitive = 0.5 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) @ lattice
    shift = np.array([0.25, 0.25, 0.25])
    points = np.array([[0.5, 0.5, 0.5], [0.0, 0.0, 0.0]]) + shift
    short = np.array([[1, 1, 1], [2, 0, 0], [2, 2, 0], [4, 2, 2]])
    cells = 4
    first, second = crystal_of(magnesia), whole_crystal(primitive, points, [8, 12])
    basis = np.linalg.solve(lattice.T, primitive.T).T
    own = np.round(short @ basis.T).astype(int)
    a, b = predictor.model.coefficients(first), predictor.model.coefficients(second)
    left = structure_factors(first, a.terms, a.mean, short)
    right = cells * structure_factors(second, b.terms, b.mean, own) * np.exp(2j * np.pi * (own @ shift))
    np.testing.assert_allclose(left, right, atol=1e-6)


def test_a_grid_that_breaks_the_symmetry_still_holds_the_same_density(predictor, magnesia):
    density = predictor.predict(magnesia, (15, 16, 18)).density
    assert abs(density.electrons - 64) < 1e-9


def test_unknown_elements_are_named(predictor):
    crystal = whole_crystal(5.2 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [94, 17])
    assert any("element Pu" in reason for reason in predictor.predict(crystal, (12, 12, 12)).outside)


def test_model_survives_its_file_and_damage_is_found(predictor, tmp_path, magnesia):
    path = tmp_path / "model.safetensors"
    save_model(path, predictor.model)
    again = DensityPredictor.load(path).predict(magnesia, (12, 12, 12))
    np.testing.assert_array_equal(again.density.values, predictor.predict(magnesia, (12, 12, 12)).density.values)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="checksum"):
        load_model(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="no density model"):
        load_model(path)


@pytest.mark.parametrize(
    ("lattice", "positions", "numbers", "message"),
    [
        (np.zeros((3, 3)), [[0, 0, 0]], [8], "cell"),
        (5 * np.eye(3), [[np.nan, 0, 0]], [8], "finite"),
        (5 * np.eye(3), np.empty((0, 3)), [], "one atom"),
        (5 * np.eye(3), [[0, 0, 0]], [119], "atomic number 119"),
        (5 * np.eye(3), [[0, 0, 0], [0.001, 0, 0]], [8, 12], "apart"),
    ],
)
def test_what_is_no_crystal_is_refused(lattice, positions, numbers, message):
    with pytest.raises(StructureError, match=message):
        whole_crystal(lattice, positions, numbers)


def test_command_writes_what_was_asked_for(tmp_path, capsys):
    poscar = tmp_path / "POSCAR"
    poscar.write_text("MgO\n1.0\n0 2.106 2.106\n2.106 0 2.106\n2.106 2.106 0\nMg O\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n")
    cif = tmp_path / "mgo.cif"
    structure = gemmi.make_small_structure_from_block(gemmi.cif.Block("mgo"))
    structure.cell, structure.spacegroup_hm = gemmi.UnitCell(4.212, 4.212, 4.212, 90, 90, 90), "F m -3 m"
    for label, x in (("Mg", 0.0), ("O", 0.5)):
        site = gemmi.SmallStructure.Site()
        site.label, site.type_symbol, site.element = label, label, gemmi.Element(label)
        site.fract, site.occ = gemmi.Fractional(x, x, x), 1.0
        structure.add_site(site)
    cif.write_text(structure.make_cif_block().as_string())
    out = tmp_path / "out"
    assert main(["predict", str(poscar), "-o", str(out), "--shape", "12", "12", "12", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    entry = result["predictions"][0]
    assert entry["outside"] == []
    assert 0 < entry["error_bar"] < 20
    assert read_density(out / "POSCAR.CHGCAR").electrons == pytest.approx(16, abs=1e-6)
    assert main(["predict", str(poscar), "-o", str(out), "--shape", "12", "12", "12"]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["predict", str(cif), "-o", str(out), "--shape", "12", "12", "12", "--as", "cube", "--json"]) == 0
    assert read_density(out / "mgo.cube").electrons == pytest.approx(64, abs=1e-3)


POSCAR = "CsCl\n1.0\n4 0 0\n0 4 0\n0 0 4\nCs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
CIF = """data_x
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs 0 0 0
Cl 0.5 0.5 0.5
"""


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """The same crystal in several formats, and what is none."""
    folder = tmp_path_factory.mktemp("contents")
    density = Density(np.ones((4, 4, 4)), 4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [55, 17])
    for name in ("CHGCAR", "a.cube", "a.xsf", "a.ccp4"):
        write_density(folder / name, density)
    others = {"POSCAR": POSCAR.encode(), "a.cif": CIF.encode(), "cut": POSCAR[:40].encode()}
    nothing = {"empty": b"", "bytes": bytes(range(256)), "words": b"no structure\n"}
    return {file.name: file.read_bytes() for file in folder.iterdir()} | others | nothing


@pytest.mark.parametrize(
    "name", ["POSCAR", "b.vasp", "b.cif", "b.xyz", "b.json", "b.traj", "b.res", "b.in", "b.pdb", "b", "CHGCAR", "b.xsf"]
)
def test_a_format_that_is_not_the_name_s_is_that_crystal_or_an_error_of_one_line(name, contents, tmp_path):
    file = tmp_path / name
    for data in contents.values():
        file.write_bytes(data)
        try:
            crystal = read_structure(file)
        except StructureError as error:
            said = str(error)
            assert said.startswith(str(file))
            assert "\n" not in said
            assert not re.search(r"\(\w*(Error|Iteration):? ?\)", said)
        else:
            assert sorted(crystal.numbers.tolist()) == [17, 55]


@pytest.mark.parametrize(("name", "content"), [("POSCAR", "CHGCAR"), ("a.cif", "empty"), ("a.xyz", "a.cube")])
def test_where_another_reader_says_nothing_the_error_does(name, content, contents, tmp_path):
    file = tmp_path / name
    file.write_bytes(contents[content])
    with pytest.raises(StructureError, match=r"no (POSCAR|CIF|structure) that .*; its name says which format .* give"):
        read_structure(file)


def test_command_says_what_it_cannot_read(tmp_path, capsys):
    broken = tmp_path / "broken.cif"
    broken.write_text("data_x\n_cell_length_a oops\n")
    assert main(["predict", str(broken), "-o", str(tmp_path / "out"), "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert result["failures"] == 1
    assert "broken.cif" in result["predictions"][0]["error"]
    assert main(["predict", str(tmp_path / "none"), "-o", str(tmp_path / "out")]) == 2

"""One file to one entry: the same crystal from any cell and grid, and every mistaken sample refused with its reason."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from crystals import CRYSTALS
from prepare_samples import OPTIONS, sample

from symfft import (
    SymfftError,
    asymmetric_unit,
    au_dct,
    au_idct,
    next_compatible_shape,
    read_density,
    reduce_to_au,
    resample,
    standardize,
    write_chgcar,
    write_density,
)
from symfft.resampling.interpolation import change_cell
from symfft_models.data.split import split_of
from symfft_models.datasets.prepare import Options, prepare_file
from symfft_models.datasets.prepare.ledger import SAME
from symfft_models.datasets.prepare.standardize import Refused

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def prepared(tmp_path, density, options=OPTIONS, name="CHGCAR"):
    write_density(tmp_path / name, density)
    return prepare_file(str(tmp_path / name), options)


@pytest.mark.parametrize("number", sorted(CRYSTALS))
def test_every_crystal_system_gives_its_group_electrons_and_atoms(tmp_path, number):
    density = sample(number)
    outcome = prepared(tmp_path, density)
    entry = outcome.entry
    assert entry is not None, outcome.detail
    assert entry.space_group == number
    assert entry.split == split_of(entry.composition)
    full = entry.density()
    assert full.electrons == pytest.approx(density.electrons, rel=1e-9)
    assert full.volume == pytest.approx(density.volume, rel=1e-6)
    assert sorted(full.numbers.tolist()) == sorted(density.numbers.tolist())
    assert full.space_group().number == number


def test_a_standard_cell_on_the_sets_grid_is_stored_as_it_is(tmp_path):
    density = sample(225)
    entry = prepared(tmp_path, density).entry
    values = reduce_to_au(density.values, asymmetric_unit(225, (8, 8, 8)))
    # the structure does not tell which of the two sites is the origin
    shifted = reduce_to_au(np.roll(density.values, (4, 4, 4), (0, 1, 2)), asymmetric_unit(225, (8, 8, 8)))
    assert min(np.abs(entry.values - v).max() for v in (values, shifted)) < 1e-6


@pytest.mark.parametrize("number", sorted(CRYSTALS))
@pytest.mark.parametrize("mode", ["grid", "spacing"])
def test_values_are_those_of_standardize_and_reduce(tmp_path, number, mode):
    density = resample(sample(number), next_compatible_shape(number, (12, 12, 12)))
    options = replace(OPTIONS, mode=mode, negative_tolerance=1.0)
    entry = prepared(tmp_path, density, options).entry
    standard = standardize(read_density(tmp_path / "CHGCAR"), number, entry.shape if mode == "grid" else None)
    assert entry.shape == standard.shape
    expected = reduce_to_au(standard.values, asymmetric_unit(number, entry.shape))
    np.testing.assert_allclose(entry.values, expected, atol=2e-7 * np.abs(expected).max())
    np.testing.assert_allclose(entry.lattice, standard.lattice, atol=1e-12)


@pytest.mark.parametrize("mode", ["grid", "spacing"])
def test_primitive_and_conventional_cell_are_the_same_entry(tmp_path, mode):
    options = replace(OPTIONS, mode=mode)
    cubic = resample(sample(225), (12, 12, 12))
    values = change_cell(cubic.values, cubic.lattice, FCC.astype(object) * 1, (0, 0, 0), (12, 12, 12))
    primitive = replace(
        cubic.with_values(values), lattice=FCC @ cubic.lattice, positions=[[0, 0, 0], [0.5] * 3], numbers=[11, 17]
    )
    one, two = prepared(tmp_path, cubic, options), prepared(tmp_path, primitive, options)
    assert one.entry is not None
    assert two.entry is not None, two.detail
    assert one.fingerprint == pytest.approx(two.fingerprint, rel=SAME)
    assert one.entry.electrons == pytest.approx(two.entry.electrons)


def test_keeping_the_spacing_loses_nothing_and_pads_to_the_largest_unit(tmp_path):
    options = replace(OPTIONS, mode="spacing")
    density = resample(sample(225), (12, 12, 12))
    entry = prepared(tmp_path, density, options).entry
    assert entry.shape == (12, 12, 12)
    larger = asymmetric_unit(225, (20, 20, 20))
    unit = entry.au()
    padded = au_dct(entry.values, unit, shape=larger.brick_shape)
    assert padded.shape == larger.brick_shape
    inside = tuple(slice(n) for n in unit.brick_shape)
    assert np.allclose(au_idct(au_dct(entry.values, unit)[inside], unit), entry.values, atol=1e-6)


def negative(density):
    values = density.values.copy()
    values -= 1.2 * values.mean() * (np.indices(values.shape).sum(0) % 2)
    return density.with_values(values * density.electrons / (values.mean() * density.volume))


def lopsided(density):
    values = density.values.copy()
    values[1, 2, 3] += 0.2 * values.max()
    return density.with_values(values * density.electrons / (values.mean() * density.volume))


@pytest.mark.parametrize(
    ("change", "options", "reason", "detail"),
    [
        (lambda d: d.with_values(d.values * 1.01), {}, "wrong electron count", "not an integer"),
        (lambda d: d.with_values(d.values * 17 / 16), {}, "wrong electron count", "no multiple of the 4 formula units"),
        (lambda d: d.with_values(d.values / 4), {}, "wrong electron count", "one per atom"),
        (lambda d: d.with_values(d.values * 10), {}, "wrong electron count", "all electrons"),
        (lambda d: d, {"valence": (("Cl", 7), ("Na", 1))}, "wrong electron count", "expected 32 from the valences"),
        (negative, {}, "negative", "negative values hold"),
        (lopsided, {}, "broken symmetry", "not symmetric under"),
        (lambda d: d, {"groups": (221, 227)}, "group not selected", "space group 225"),
        (lambda d: d, {"mode": "spacing", "max_points": 512 - 1}, "unreadable", "at most 511 points"),
    ],
)
def test_mistaken_samples_are_refused_with_their_reason(tmp_path, change, options, reason, detail):
    outcome = prepared(tmp_path, change(sample(225)), replace(OPTIONS, **options))
    assert outcome.entry is None
    assert outcome.reason == reason
    assert detail in outcome.detail


def test_valences_that_agree_are_accepted(tmp_path):
    assert prepared(tmp_path, sample(225), replace(OPTIONS, valence=(("Cl", 3), ("Na", 1)))).entry is not None


def test_broken_symmetry_tells_the_residual_of_every_operator(tmp_path):
    outcome = prepared(tmp_path, lopsided(sample(225)))
    assert len(outcome.measured["operators"]) == 192
    assert outcome.measured["operators"]["x,y,z"] == 0
    assert max(outcome.measured["operators"].values()) > 0.1


def test_a_grid_that_breaks_the_group_is_checked_on_the_operators_that_fit(tmp_path):
    smooth = resample(resample(sample(227), (4, 4, 4)), (10, 10, 10))  # d glides need multiples of four
    smooth = smooth.with_values(smooth.values)
    assert prepared(tmp_path, smooth).entry is not None
    assert prepared(tmp_path, lopsided(smooth)).reason == "broken symmetry"


def test_a_supercell_that_hides_operators_is_checked_on_all_of_them(tmp_path):
    cubic = resample(sample(221), (8, 8, 8))
    twice = np.concatenate([cubic.positions, cubic.positions + [0, 0, 1]]) / [1, 1, 2]
    doubled = replace(
        cubic.with_values(np.concatenate([cubic.values, cubic.values], axis=2)),
        lattice=cubic.lattice * [[1], [1], [2]],
        positions=twice,
        numbers=np.tile(cubic.numbers, 2),
        species=(),
    )
    entry = prepared(tmp_path, doubled).entry
    assert entry.space_group == 221
    assert entry.electrons == pytest.approx(cubic.electrons)
    np.testing.assert_allclose(entry.values, prepared(tmp_path, cubic, name="once.vasp").entry.values, atol=1e-6)
    # with the translation and all operators of the doubled cell, but another along z than along x
    z = np.arange(16) / 8
    stretched = doubled.with_values(doubled.values * (1 + 0.05 * np.cos(2 * np.pi * z)))
    stretched = stretched.with_values(stretched.values * doubled.electrons / stretched.electrons)
    outcome = prepared(tmp_path, stretched)
    assert outcome.reason == "broken symmetry"
    assert len(outcome.measured["operators"]) == 48


def test_no_density_no_elements_no_file(tmp_path):
    density = sample(225)
    assert prepared(tmp_path, replace(density, kind="potential"), name="LOCPOT").reason == "wrong kind"
    write_chgcar(tmp_path / "CHGCAR", density)
    text = (tmp_path / "CHGCAR").read_text().splitlines(keepends=True)
    (tmp_path / "CHGCAR4").write_text("".join(text[:5] + text[6:]))
    assert prepare_file(str(tmp_path / "CHGCAR4"), OPTIONS).reason == "unknown element"
    assert prepare_file(str(tmp_path / "none"), OPTIONS).reason == "missing"
    (tmp_path / "noise").write_bytes(np.random.default_rng(0).bytes(5000))
    assert prepare_file(str(tmp_path / "noise"), OPTIONS).reason == "unreadable"


@pytest.mark.parametrize("name", ["CHGCAR", "CHGCAR.gz", "x.cube"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_truncated_files_are_refused_as_such(tmp_path, name, keep):
    prepared(tmp_path, sample(225), name=name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * keep)])
    outcome = prepare_file(str(tmp_path / name), OPTIONS)
    assert outcome.reason == "truncated", outcome.detail


def test_real_files_are_stored_or_refused_for_what_they_are(real_densities):
    def outcome(name):
        return prepare_file(str(real_densities / name), Options())

    nacl = outcome("NaCl_sg225_56.CHGCAR.gz").entry
    assert (nacl.space_group, nacl.shape, nacl.composition) == (225, (56, 56, 56), "ClNa")
    assert nacl.electrons == pytest.approx(32, abs=1e-5)
    assert nacl.metadata["symmetry_residual"] < 2e-5
    assert [(site.symbol, site.wyckoff) for site in nacl.sites] == [("Na", "4"), ("Cl", "4")]
    all_electron = outcome("Fe3O4_sg166_72_last_line_padded.CHGCAR.gz")
    assert (all_electron.reason, all_electron.measured["electrons"]) == ("wrong electron count", pytest.approx(395.336))


@pytest.mark.parametrize("number", [14, 62, 166, 194, 198, 225, 227])
def test_axes_atoms_and_files_in_any_order_give_the_same_entries(tmp_path, number):
    """One crystal with its axes and atoms in several orders, files read in several orders: all stored, and alike."""
    density = sample(number)
    paths = []
    for seed, axes in enumerate(([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0])):
        # stable, so that atoms of one element stay together
        order = np.random.default_rng(seed).permutation(len(density.numbers))
        order = order[np.argsort(density.numbers[order], kind="stable")]
        turned = replace(
            density,
            values=np.transpose(density.values, axes),
            lattice=density.lattice[axes],
            positions=density.positions[order][:, axes],
            numbers=density.numbers[order],
        )
        paths.append(str(tmp_path / f"CHGCAR-{seed}"))
        write_chgcar(paths[-1], turned)
    first = {path: prepare_file(path, OPTIONS) for path in paths}
    assert {path: outcome.reason for path, outcome in first.items() if outcome.entry is None} == {}
    prints = np.array([outcome.fingerprint for outcome in first.values()])
    np.testing.assert_allclose(prints, np.broadcast_to(prints[0], prints.shape), rtol=1e-6)
    for path in np.random.default_rng(number).permutation(paths).tolist():
        again = prepare_file(path, OPTIONS)
        np.testing.assert_array_equal(again.entry.values, first[path].entry.values)


def test_a_crystal_between_grid_points_is_stored_as_one_on_them(tmp_path):
    """The origin of rock salt moved by any amount: the file's grid breaks the group, the density does not."""
    density = standardize(sample(225), shape=(16, 16, 16))
    waves = np.fft.fftn(density.values)
    h = np.stack(np.meshgrid(*[np.fft.fftfreq(16, 1 / 16)] * 3, indexing="ij"), axis=-1)
    inside = (np.abs(h) < 6).all(axis=-1)
    entries = []
    for shift in (0.0, 0.0123456, 0.13):
        values = np.fft.ifftn(np.where(inside, waves, 0) * np.exp(-2j * np.pi * h.sum(axis=-1) * shift)).real
        moved = replace(density, values=values, positions=density.positions + shift)
        entries.append(prepared(tmp_path, moved, name=f"CHGCAR-{shift}").entry)
    for entry in entries[1:]:
        np.testing.assert_allclose(entry.values, entries[0].values, atol=1e-5 * entry.values.max())


@pytest.mark.parametrize(
    "wrong",
    [
        {"symprec": -1.0}, {"symprec": 0.0}, {"symprec": float("nan")}, {"symprec": 1e300}, {"symprec": float("inf")},
        {"symmetry_tolerance": float("nan")}, {"electron_tolerance": -0.1}, {"negative_tolerance": float("inf")},
        {"groups": (0,)}, {"groups": (231,)}, {"mode": "both"}, {"max_points": 0}, {"grid": ((0, 0),)},
        {"grid": ((0, 10**9),)}, {"grid": ((999, 12),)}, {"valence": (("Xx", 3),)}, {"valence": (("si", 4),)},
    ],
)  # fmt: skip
def test_options_that_no_file_could_be_prepared_with_are_refused(wrong):
    with pytest.raises(
        SymfftError, match=next(iter(wrong)).replace("groups", "space group").replace("grid", "(per axis|space group)")
    ):
        Options(**wrong)


def test_refusals_survive_being_sent_to_another_process():
    refusal = pickle.loads(pickle.dumps(Refused("negative", "too much of it", {"minimum": -1.0})))
    assert (refusal.reason, refusal.detail, refusal.measured) == ("negative", "too much of it", {"minimum": -1.0})

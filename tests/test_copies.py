"""Public objects in other processes and as copies: the same content, and as immutable as before."""

import contextlib
import copy
import dataclasses
import gc
import multiprocessing
import pickle
import weakref

import numpy as np
import pytest
import torch

import symfft
from symfft import (
    Density,
    SpaceGroup,
    asymmetric_unit,
    au_dct,
    au_dft,
    au_real_dft,
    bader,
    check_symmetry,
    critical_points,
    expand_from_au,
    real_basis,
    reduce_to_au,
)
from symfft.crystal.standard_setting import standardization
from symfft.resampling.densities import standard_cell
from symfft.resampling.interpolation import change_cell

FCC = 2.0 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])


def crystal():
    return Density(np.arange(64.0).reshape(4, 4, 4), FCC, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])


def wavy():
    wave = 3 + np.cos(2 * np.pi * np.indices((8, 8, 8)) / 8).sum(axis=0)
    return Density(wave, 3 * np.eye(3), [[0, 0, 0]], [11])


def used_unit():
    """Return an asymmetric unit with everything computed that it can hold: tables, plans, compiled programs."""
    au = asymmetric_unit(225, (8, 8, 8))
    values = np.random.default_rng(0).random(au.size)
    for array in (values, torch.tensor(values, requires_grad=True)):
        au_dft(array, au), au_real_dft(array, au), au_dct(array, au), reduce_to_au(expand_from_au(array, au), au)
    assert len(au.hkl) == len(au.hkl_multiplicity)
    assert len(au.indices) == au.brick_mask.sum()
    return au


OBJECTS = {
    "SpaceGroup": lambda: SpaceGroup.from_symbol("F d -3 m:1"),
    "AsymmetricUnit": used_unit,
    "SymmetryReport": lambda: check_symmetry(np.arange(64.0).reshape(4, 4, 4), 2),
    "OperatorCheck": lambda: check_symmetry(np.ones((4, 4, 4)), 2).operators[1],
    "Density": crystal,
    "Site": lambda: crystal().sites()[0],
    "BaderCharges": lambda: bader(crystal(), space_group=1),
    "CriticalPoints": lambda: critical_points(wavy()),
    "CriticalPoint": lambda: critical_points(wavy()).points[1],
    "Mesh": lambda: symfft.Mesh(np.eye(3), np.array([[0, 1, 2]])),
    "RealBasis": lambda: real_basis(asymmetric_unit(62, (4, 4, 4))),
    "GridOrbits": lambda: asymmetric_unit(62, (4, 4, 4)).orbits,
    "Standardization": lambda: standardization(FCC, crystal().positions, crystal().numbers),
    "StandardCell": lambda: standard_cell(crystal()),
}
WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda x, protocol=protocol: pickle.loads(pickle.dumps(x, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


def contents(thing):
    """Return public attributes that are plain values or arrays, and whether arrays can be written to."""
    found = {}
    for name in dir(thing):
        value = None
        with contextlib.suppress(symfft.SymfftError):  # a quantity that this density does not have
            value = getattr(thing, name)
        if name.startswith("_") or callable(value):
            continue
        if isinstance(value, np.ndarray):
            found[name] = value.tolist(), value.dtype, value.flags.writeable
        elif isinstance(value, (int, float, str, tuple, list, SpaceGroup)) or value is None:
            found[name] = repr(value)
    return found


def test_all_public_classes_are_here():
    classes = {name for name in symfft.__all__ if isinstance(getattr(symfft, name), type)}
    assert {name for name in classes if not issubclass(getattr(symfft, name), Exception)} <= set(OBJECTS)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OBJECTS)
def test_a_copy_holds_the_same_and_is_as_immutable(name, way):
    thing = OBJECTS[name]()
    before = contents(thing)
    again = WAYS[way](thing)
    assert type(again) is type(thing)
    assert contents(again) == before


@pytest.mark.parametrize("name", OBJECTS)
def test_attributes_cannot_be_set(name):
    thing = OBJECTS[name]()
    for attribute in contents(thing):
        with pytest.raises(AttributeError):
            setattr(thing, attribute, None)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_a_cached_group_can_be_changed(way):
    group = WAYS[way](SpaceGroup.from_number(62))
    for array in (group.rotations, group.numerators, group.translations):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(TypeError):
        group.triplets[0] = "x,y,-z"
    assert SpaceGroup.from_number(62).triplets[0] == "x,y,z"
    assert group == SpaceGroup.from_number(62)
    assert hash(group) == hash(SpaceGroup.from_number(62))


def test_a_callers_arrays_stay_the_callers():
    rotations, numerators = np.stack([np.eye(3), -np.eye(3)]).astype(np.int64), np.zeros((2, 3), dtype=np.int64)
    group = SpaceGroup(rotations, numerators, 1)
    rotations[:], numerators[:] = 5, 5
    assert group == SpaceGroup.from_number(2)


def test_units_of_one_group_and_shape_are_equal():
    from symfft.au import _planned

    au = used_unit()
    data = pickle.dumps(au)
    assert len(data) < 20_000
    assert pickle.loads(data) is au
    _planned.cache_clear()
    again = pickle.loads(data)
    assert again is not au
    assert again == au
    assert hash(again) == hash(au)
    assert again != asymmetric_unit(225, (16, 16, 16))
    np.testing.assert_array_equal(again.hkl, au.hkl)
    np.testing.assert_array_equal(again.labels, au.labels)


def transformed(arguments):
    au, values = arguments
    return au_dft(values, au), au.size


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_units_go_to_other_processes(method):
    au = used_unit()
    values = np.random.default_rng(1).random(au.size)
    with multiprocessing.get_context(method).Pool(1) as pool:
        result, size = pool.map_async(transformed, [(au, values)]).get(timeout=240)[0]
    assert size == au.size
    np.testing.assert_array_equal(result, au_dft(values, au))


def test_no_cache_but_its_own_holds_a_unit():
    from symfft.au import _planned

    au = used_unit()
    values = np.random.default_rng(0).random((8, 8, 8))
    change_cell(values, np.eye(3), np.eye(3), (0, 0, 0), (8, 8, 8), points=asymmetric_unit(225, (8, 8, 8)))
    change_cell(values, np.eye(3), np.eye(3), (0.01, 0, 0), (8, 8, 8), points=asymmetric_unit(225, (8, 8, 8)))
    real_basis(au)
    seen = weakref.ref(au)
    _planned.cache_clear()
    del au
    gc.collect()
    assert seen() is None


def test_a_report_says_what_it_holds():
    report = OBJECTS["SymmetryReport"]()
    assert dataclasses.asdict(report)["symbol"] == report.symbol

"""The package as a whole: what an import loads, where compiled code is kept, examples, and what is public."""

import ast
import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import symfft
import symfft_models


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )


def test_an_import_is_light():
    heavy = ["torch", "numba", "scipy", "matplotlib", "pymatgen", "ase", "h5py", "zstandard", "spglib", "gemmi"]
    out = run(f"import sys, symfft; print([m for m in {heavy!r} if m in sys.modules])").stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("number", [47, 191, 221, 227])
def test_a_space_group_of_a_small_cell_needs_no_scipy(number):
    """What `symfft info` does; scipy.spatial alone takes a quarter of a second to load."""
    code = f"""
import sys, numpy as np, symfft
axes = {{47: [[4.0, 0, 0], [0, 5, 0], [0, 0, 6]], 191: [[3, 0, 0], [-1.5, 1.5 * 3**0.5, 0], [0, 0, 5]]}}
cells = axes | {{221: 4 * np.eye(3), 227: 2.7 * (1 - np.eye(3))}}
sites = [[0, 0, 0], [0.25, 0.25, 0.25]] if {number} == 227 else [[0, 0, 0]]
found = symfft.SpaceGroup.from_structure(cells[{number}], sites, [14] * len(sites))
print(found.number, [m for m in ("scipy", "numba", "torch") if m in sys.modules])
"""
    assert run(code).stdout.strip() == f"{number} []"


def test_public_names_come_from_the_modules_that_type_checkers_see():
    source = Path(symfft.__file__).read_text(encoding="utf-8")
    seen = {
        alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("symfft.")
        for alias in node.names
    }
    assert set(seen) == set(symfft.__all__) == set(symfft._MODULE_OF)
    for name, module in seen.items():
        assert f"symfft.{symfft._MODULE_OF[name]}" == module
        assert getattr(symfft, name) is getattr(importlib.import_module(module), name)
    assert set(symfft.__all__) <= set(dir(symfft))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        symfft.nothing  # noqa: B018
    with pytest.raises(ImportError):
        from symfft import nothing  # noqa: F401


def test_torch_is_not_loaded_for_arrays():
    code = """
import sys, numpy as np, symfft
au = symfft.asymmetric_unit(2, (4, 4, 4))
symfft.au_idct(symfft.au_dct(symfft.reduce_to_au(np.ones((4, 4, 4)), au), au), au)
print("torch" in sys.modules)
"""
    assert run(code).stdout.strip() == "False"


def modules_of(package):
    names = [m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [package.__name__, *(n for n in names if not n.endswith(("__main__", "gpaw_worker")))]


@pytest.mark.parametrize("name", [*modules_of(symfft), *modules_of(symfft_models)])
def test_examples_in_docstrings(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


#: Rooms that are one algorithm in parts, tested as a whole by the file of their name.
WHOLE = {
    "symfft/fourier/engines/blocks": "tests/fourier/engines/test_blocks.py",
    "symfft/fourier/engines/planes": "tests/fourier/engines/test_planes.py",
    "symfft/_compile": "tests/_compile/test_compiler.py",
    "symfft_models/scattering": "tests/models/test_predict.py",
    "symfft_models/datasets/paw/workers": "tests/models/datasets/paw/test_run.py",
    "symfft/cli": "tests/cli/test_hostile.py",
    "symfft_models/cli": "tests/models/cli/test_vae_execution.py",
}
#: Modules whose tests are those of what they are a part of.
WITH_OTHERS = {
    "symfft/crystal/origins.py": "tests/crystal/test_standard_setting.py",
    "symfft/crystal/sites.py": "tests/crystal/test_standard_setting.py",
    "symfft/crystal/spglib_search.py": "tests/crystal/test_standard_setting.py",
    "symfft/crystal/structure.py": "tests/crystal/test_standard_setting.py",
    "symfft/kinds.py": "tests/io/test_kinds.py",
    "symfft/fourier/engines/engine.py": "tests/fourier/test_plan.py",
    "symfft/fourier/engines/full.py": "tests/fourier/test_plan.py",
    "symfft/fourier/lengths.py": "tests/transforms/test_real.py",
    "symfft/fourier/reflections.py": "tests/transforms/test_real.py",
    "symfft/io/ase_format.py": "tests/test_exchange.py",
    "symfft/plot/colours.py": "tests/plot/test_slices.py",
    "symfft/plot/layout.py": "tests/plot/test_slices.py",
    "symfft/plot/legend.py": "tests/plot/test_planes.py",
    "symfft/resampling/cell_change.py": "tests/resampling/test_interpolation.py",
    "symfft/transforms/arrays.py": "tests/transforms/test_real.py",
    "symfft/transforms/packing.py": "tests/transforms/test_real.py",
    "symfft/transforms/torch_engines/engine.py": "tests/transforms/torch_engines/test_choice.py",
    "symfft_models/crystals/composition.py": "tests/models/crystals/test_generator.py",
    "symfft_models/crystals/regression.py": "tests/models/crystals/test_generator.py",
    "symfft_models/crystals/relaxed.py": "tests/models/crystals/test_phases.py",
    "symfft_models/data/grids.py": "tests/models/datasets/paw/test_common_grid.py",
    "symfft_models/data/packed_file.py": "tests/models/data/test_store.py",
    "symfft_models/datasets/paw/cores.py": "tests/basins/test_cores.py",
    "symfft_models/evaluation/compressors.py": "tests/models/evaluation/test_rate_distortion.py",
    "symfft_models/evaluation/judging.py": "tests/models/cli/test_vae_commands.py",
    "symfft_models/evaluation/metrics.py": "tests/models/evaluation/test_held_out.py",
    "symfft_models/evaluation/pictures.py": "tests/models/evaluation/test_report.py",
    "symfft_models/model/density_table.py": "tests/models/model/test_vae.py",
    "symfft_models/model/network.py": "tests/models/model/test_vae.py",
    "symfft_models/model/stars.py": "tests/models/model/test_codec.py",
    "symfft_models/evaluation/page.py": "tests/models/evaluation/test_report.py",
    "symfft_models/reconstruct/charge.py": "tests/models/reconstruct/test_conditional.py",
    "symfft_models/reconstruct/names.py": "tests/models/reconstruct/test_codec.py",
    "symfft_models/progress.py": "tests/models/datasets/prepare/test_preparation.py",
    "symfft_models/properties/page.py": "tests/models/cli/test_vae_execution.py",
}
ROOT = Path(symfft.__file__).resolve().parents[1]


def modules_without_tests_of_their_own():
    """Return the modules for which there is no ``test_NAME.py`` or ``test_NAME_….py`` at the same place of tests/.

    A module with an underscore is a part of the public ones beside it; ``__main__`` and a package's names are no code.
    """
    found = []
    for package, place in (("symfft", ""), ("symfft_models", "models")):
        for path in sorted((ROOT / package).rglob("*.py")):
            folder = ROOT / "tests" / place / path.parent.relative_to(ROOT / package)
            own = [*folder.glob(f"test_{path.stem}.py"), *folder.glob(f"test_{path.stem}_*.py")]
            if not path.stem.startswith("_") and not own:
                found.append(path.relative_to(ROOT).as_posix())
    return found


@pytest.mark.skipif(not (ROOT / "tests").is_dir(), reason="the tests of an installed package lie elsewhere")
def test_tests_mirror_modules():
    alone = modules_without_tests_of_their_own()
    whole = {name for name in alone if str(Path(name).parent) in WHOLE}
    assert set(alone) - whole == set(WITH_OTHERS)
    assert all((ROOT / path).is_file() for path in {*WHOLE.values(), *WITH_OTHERS.values()})


def test_public_names_exist_and_are_documented():
    for name in symfft.__all__:
        assert getattr(symfft, name).__doc__


#: A call of the smallest compiled loop.
CALL = """
import numpy as np
from symfft.transforms._real_kernels import take_parts
parts = np.zeros((1, 1))
take_parts(np.array([[2 + 1j]]), np.array([0]), np.array([3 - 1j]), parts)
print(parts[0, 0])
"""


def test_compiled_code_is_kept(tmp_path):
    first = run(CALL, NUMBA_CACHE_DIR=str(tmp_path))
    assert first.stdout.strip() == "7.0"
    assert list(Path(tmp_path).rglob("*.nbc"))


def test_an_installation_where_nothing_can_be_written_works():
    """As when neither the package's folder nor the user's cache can be written to: numba then has no place for it."""
    code = "import numba.core.caching as c; c.CacheImpl._locator_classes = []" + CALL
    assert run(code).stdout.strip() == "7.0"

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


def test_public_names_exist_and_are_documented():
    for name in symfft.__all__:
        assert getattr(symfft, name).__doc__


CALL = "import symfft; print(symfft.asymmetric_unit(2, (4, 4, 4)).size)"


def test_compiled_code_is_kept(tmp_path):
    first = run(CALL, NUMBA_CACHE_DIR=str(tmp_path))
    assert first.stdout.strip() == "36"
    assert list(Path(tmp_path).rglob("*.nbc"))


def test_an_installation_where_nothing_can_be_written_works():
    """As when neither the package's folder nor the user's cache can be written to: numba then has no place for it."""
    code = "import numba.core.caching as c; c.CacheImpl._locator_classes = []\n" + CALL
    assert run(code).stdout.strip() == "36"

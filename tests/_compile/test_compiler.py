"""Compiled code is used again, and never code of sources that have changed since."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import symfft
from symfft._compile.compiler import sources
from symfft.fourier.engines.planes import _line_kernels

INNER = """
from symfft._compile import kernel
@kernel
def inner(x):
    return x + {number}
"""
OUTER = """
from symfft._compile import kernel
from symfft.{package}.inner import inner
@kernel
def outer(x):
    return 2 * inner(x)
"""


def run(folder, package):
    """Call `outer(1)` in a new process, with a package of symfft in `folder`; return result and hits of the cache."""
    script = f"""
import symfft, sys
symfft.__path__.append({str(folder)!r})
from symfft.{package}.outer import outer
result = outer(1)
print(result, sum(outer._compiled().stats.cache_hits.values()))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    output = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return tuple(map(int, output.stdout.split()))


def test_a_change_in_a_called_kernel_is_compiled(tmp_path):
    package = tmp_path / "made"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "outer.py").write_text(OUTER.format(package="made"))
    (package / "inner.py").write_text(INNER.format(number=1))
    assert run(tmp_path, "made") == (4, 0)
    assert run(tmp_path, "made") == (4, 1)
    (package / "inner.py").write_text(INNER.format(number=20))
    assert run(tmp_path, "made") == (42, 0)


def test_sources_are_all_that_a_kernel_is_made_of():
    kernels = [value for value in vars(_line_kernels).values() if hasattr(value, "_compiled")]
    folder = Path(symfft.__file__).parent
    names = {Path(path).relative_to(folder).as_posix() for k in kernels for path, *_ in sources(k._function)}
    assert {"fourier/engines/planes/_line_kernels.py", "_compile/lanes.py"} <= names


SMALL = """
import symfft
symfft.__path__.append({folder!r})
from symfft.small import increased
print(increased(35))
"""
LOUD = "import symfft._compile.numba_parts as parts; parts.PATIENCE_SECONDS = 0.0\n"


@pytest.fixture
def call(tmp_path):
    """Return a function that calls a small kernel in a new process, and returns what was said on standard error."""
    (tmp_path / "small.py").write_text("from symfft._compile import kernel\n@kernel\ndef increased(x): return x + 1\n")
    small = SMALL.format(folder=str(tmp_path))

    def run(before="", after="", **environment):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"} | environment
        code = before + small + after
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == "36"
        return result.stderr

    return run


def test_only_what_is_compiled_is_said_to_be(call):
    assert "symfft: compiling increased (once" in call(LOUD)
    assert call(LOUD) == ""


def test_a_short_compilation_and_kernels_of_others_are_not_mentioned(call):
    assert call(LOUD.replace("0.0", "600.0")) == ""
    assert call(LOUD, "import numba\n@numba.njit\ndef theirs(x): return x\ntheirs(1)") == ""


def test_a_damaged_cache_is_compiled_anew(call, tmp_path):
    """And written anew: what is damaged next, and what is read at the end."""
    call()
    for suffix, damage in (("*.nbi", None), ("*.nbc", None), ("*.nbc", b"no pickle at all")):
        files = list(tmp_path.rglob(suffix))
        assert files
        for path in files:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage is None else damage)
        assert "symfft: compiling increased" in call(LOUD)
    assert call(LOUD) == ""


def test_a_cache_without_room_is_done_without(call):
    limit = "import signal, resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    call(limit + "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n")


def test_kernels_run_where_compilation_is_switched_off():
    """Machine code of the usual cache: with vectors, which numba defines, and without."""
    code = """
import numpy as np, symfft, numba
au = symfft.asymmetric_unit("P 4 m m", (16, 16, 16))
values = np.random.default_rng(0).random(au.size)
assert np.allclose(symfft.au_idft(symfft.au_dft(values, au), au), values)
assert numba.config.DISABLE_JIT == 1
assert not hasattr(numba.njit(lambda x: x), "py_func")
"""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_one_room_touches_the_inside_of_numba():
    inside = re.compile(r"^\s*(?:import|from) (?:numba|llvmlite)|\._dispatcher|_numba_type_", re.MULTILINE)
    for path in Path(symfft.__file__).parent.rglob("*.py"):
        assert path.parent.name == "_compile" or not inside.search(path.read_text(encoding="utf-8")), path

"""Compiled code is used again, and never code of sources that have changed since."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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

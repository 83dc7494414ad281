"""Time the first transform of a process that finds no compiled code: processor seconds of unit, plan, forward, inverse.

    python benchmarks/first_call.py [--groups 2 166 225] [--points 48]

Each group has a process and an empty cache of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

CALL = """
import time
import numpy as np
import symfft
start = time.process_time()
times = []
au = symfft.asymmetric_unit({number}, symfft.next_compatible_shape({number}, ({points},) * 3))
times.append(time.process_time())
au.hkl
times.append(time.process_time())
values = np.random.default_rng(0).random(au.size)
f = symfft.au_dft(values, au)
times.append(time.process_time())
back = symfft.au_idft(f, au)
times.append(time.process_time())
assert np.allclose(back, values)
print("| {number} |", *(f"{{b - a:.2f}} |" for a, b in zip([start, *times], times)), f"{{times[-1] - start:.2f}} |")
"""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, nargs="*", default=[2, 166, 225])
    parser.add_argument("--points", type=int, default=48)
    options = parser.parse_args()
    print(
        "| group | unit, s | plan, s | forward, s | inverse, s | together, s |\n|---|---|---|---|---|---|", flush=True
    )
    for number in options.groups:
        with tempfile.TemporaryDirectory() as folder:
            code = CALL.format(number=number, points=options.points)
            environment = os.environ | {"NUMBA_CACHE_DIR": folder}
            subprocess.run([sys.executable, "-c", code], env=environment, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()

"""Time the transforms of tensors on a GPU against cuFFT's real FFT of the full grids.

    python benchmarks/gpu.py [--device cuda] [--batch 32] [--groups 225 221 166 62 14] [--points 48 96 128]

First the work of each transform beside that of the FFT of the full grid, as counted: multiplications (each with an
addition; the FFT has 1.25 N log₂ N) and numbers read and written. Then times of `au_dft` and `au_idft` in float32 and
float64, the best of several runs, the rivals taking turns; results are held against the FFT first. On `--device cpu`
the engines of the GPU run on the CPU: a test that this works, whose times say nothing.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import torch

import symfft
from symfft.transforms import tensors
from symfft.transforms.tensors import Kind

SECONDS, ROUNDS = 0.5, 5
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}


def take_turns(calls: dict[str, Callable[[], object]], device: torch.device) -> dict[str, float]:
    """Return the best time of each call, in ms."""
    best = dict.fromkeys(calls, math.inf)
    begin, rounds = time.perf_counter(), 0
    while rounds < ROUNDS or time.perf_counter() - begin < SECONDS:
        for name, call in calls.items():
            wait(device)
            start = time.perf_counter()
            call()
            wait(device)
            best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
        rounds += 1
    return best


def wait(device: torch.device) -> None:
    """Wait until the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def unit(number: int, points: int) -> symfft.AsymmetricUnit:
    """Return the asymmetric unit of a group on the nearest grid that fits."""
    return symfft.asymmetric_unit(number, symfft.next_compatible_shape(number, (points,) * 3))


def work(au: symfft.AsymmetricUnit) -> str:
    """Return a line about the work of one density."""
    engine = tensors.torch_engine(au, Kind(real=False, lattice=None))
    points = math.prod(au.shape)
    products, moved = 1.25 * points * math.log2(points), 8 * points
    cells = [
        f"{au.space_group.symbol} {'x'.join(map(str, au.shape))}",
        au.size,
        type(engine).__name__,
        f"{engine.operations / 1e6:.2f}",
        f"{products / 1e6:.2f}",
        f"{products / engine.operations:.1f}",
        f"{engine.moved / 1e6:.2f}",
        f"{moved / 1e6:.2f}",
        f"{moved / engine.moved:.1f}",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def times(au: symfft.AsymmetricUnit, batch: int, dtype: torch.dtype, device: torch.device) -> str:
    """Return a line of times of a batch."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(batch, au.size, dtype=dtype, generator=generator).to(device)
    grid = symfft.expand_from_au(values, au)
    hkl = [torch.tensor(h, device=device) for h in au.hkl.T]
    f = symfft.au_dft(values, au)
    full = torch.fft.fftn(grid[:1], dim=(1, 2, 3))[(slice(None), *hkl)]
    scale = math.sqrt(math.prod(au.shape))
    torch.testing.assert_close(f[:1], full, rtol=0, atol=50 * TOLERANCE[dtype] * scale)
    torch.testing.assert_close(symfft.au_idft(f, au), values, rtol=0, atol=50 * TOLERANCE[dtype])
    half = torch.fft.rfftn(grid, dim=(1, 2, 3))
    calls = {
        "forward": lambda: symfft.au_dft(values, au),
        "rfftn": lambda: torch.fft.rfftn(grid, dim=(1, 2, 3)),
        "inverse": lambda: symfft.au_idft(f, au),
        "irfftn": lambda: torch.fft.irfftn(half, s=au.shape, dim=(1, 2, 3)),
    }
    best = take_turns(calls, device)
    name = f"{au.space_group.symbol} {'x'.join(map(str, au.shape))}"
    cells = [name, str(dtype).removeprefix("torch."), *(f"{best[c]:.3f}" for c in calls)]
    cells += [f"{best['rfftn'] / best['forward']:.1f}", f"{best['irfftn'] / best['inverse']:.1f}"]
    return "| " + " | ".join(cells) + " |"


def table(*heads: str) -> None:
    """Print the head of a table."""
    print(f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--groups", type=int, nargs="*", default=[225, 221, 166, 62, 14])
    parser.add_argument("--points", type=int, nargs="*", default=[48, 96, 128])
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cpu":
        print("engines of the GPU on the CPU: a test, no measurement")
        tensors.has_kernels = lambda device: False
    else:
        print(torch.cuda.get_device_name(device), "torch", torch.__version__, "NumPy", np.__version__)
    units = [unit(number, points) for points in options.points for number in options.groups]
    table(
        "group, grid",
        "points of the unit",
        "engine",
        "multiplications, 10⁶",
        "FFT's",
        "ratio",
        "numbers moved, 10⁶",
        "FFT's",
        "ratio",
    )
    for au in units:
        print(work(au), flush=True)
    table("group, grid", "precision", "au_dft, ms", "rfftn, ms", "au_idft, ms", "irfftn, ms", "forward ×", "inverse ×")
    for au in units:
        for dtype in (torch.float32, torch.float64):
            print(times(au, options.batch, dtype, device), flush=True)


if __name__ == "__main__":
    main()

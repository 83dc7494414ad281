"""General lossy compressors of arrays as rivals: SZ3 and zfp on the full cell in float32, with a bound on the error.

They know neither symmetry nor crystals, and need no training. Both are an optional extra.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

#: Takes a float32 array and the largest error allowed; returns the bytes of its stream and the array that comes back.
Compressor = Callable[[NDArray[np.float32], float], tuple[int, NDArray[np.float32]]]

#: Largest errors to try, in units of the peak.
BOUNDS = np.geomspace(4.0, 1e-5, 18)


def zfp(values: NDArray[np.float32], bound: float) -> tuple[int, NDArray[np.float32]]:
    """Compress with zfp in fixed-accuracy mode (Lindstrom 2014)."""
    import zfpy

    stream = zfpy.compress_numpy(values, tolerance=bound)
    return len(stream), zfpy.decompress_numpy(stream)


def sz3(values: NDArray[np.float32], bound: float) -> tuple[int, NDArray[np.float32]]:
    """Compress with SZ3's default algorithm under an absolute bound (Liang et al. 2023)."""
    from pysz import sz, szConfig, szErrorBoundMode

    settings = szConfig()
    settings.errorBoundMode, settings.absErrorBound = szErrorBoundMode.ABS, bound
    stream, _ = sz.compress(values, settings)
    return stream.nbytes, sz.decompress(stream, np.float32, values.shape)[0]


COMPRESSORS: dict[str, Compressor] = {"zfp": zfp, "sz3": sz3}


def installed_compressors() -> dict[str, Compressor]:
    """Return the compressors that are installed (`pip install "symfft[compressors]"`)."""
    present = {}
    for name, compressor in COMPRESSORS.items():
        try:
            compressor(np.ones((4, 4, 4), dtype=np.float32), 1.0)
        except ImportError:
            continue
        present[name] = compressor
    return present


def compression_curve(
    rho: NDArray[np.floating], compressor: Compressor
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return bytes and PSNR in dB of a density on the full cell for every error bound, by rising bytes.

    The curve is the best that the compressor does: a point with more bytes and a lower PSNR than another is left out.
    """
    values = np.ascontiguousarray(rho, dtype=np.float32)
    peak = float(values.max())
    points = []
    for bound in BOUNDS * peak:
        size, back = compressor(values, float(bound))
        mean_square = float(np.mean((back.astype(np.float64) - rho) ** 2))
        points.append((size, 10 * np.log10(peak**2 / max(mean_square, 1e-300))))
    points.sort()
    best = np.maximum.accumulate([psnr for _, psnr in points])
    sizes = np.array([size for size, _ in points])
    rising = np.diff(best, prepend=-np.inf) > 0
    return sizes[rising], best[rising]


def psnr_within(budget: float, sizes: Sequence[int] | NDArray[np.int64], psnr: NDArray[np.float64]) -> float | None:
    """Return the best PSNR that fits into a number of bytes, or None where nothing does."""
    fitting = np.flatnonzero(np.asarray(sizes) <= budget)
    return float(psnr[fitting[-1]]) if len(fitting) else None


def bytes_for(wanted: float, sizes: Sequence[int] | NDArray[np.int64], psnr: NDArray[np.float64]) -> int | None:
    """Return the bytes needed for a PSNR in dB, or None where the curve ends below it."""
    reaching = np.flatnonzero(psnr >= wanted)
    return int(np.asarray(sizes)[reaching[0]]) if len(reaching) else None

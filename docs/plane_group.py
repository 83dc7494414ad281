"""The worked example of docs/fourier.md: the exact transform of a density with plane group p4gm, step by step.

python docs/plane_group.py            # prints the example
python docs/plane_group.py --picture  # draws docs/images/fourier_blocks.png as well
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np

import symfft

Code = tuple[tuple[int, int], tuple[int, int]]

#: p4gm is P 4 b m seen along its polar axis: one layer of points will do.
GROUP = 100


def diagonal_operators(group: symfft.SpaceGroup) -> list[Code]:
    """Return (τ, ε) of the operators ``x_i -> (-1)^ε_i x_i + τ_i/2`` in the plane."""
    found = []
    for w, t in zip(group.rotations, group.translations, strict=True):
        if np.array_equal(np.abs(w), np.eye(3)):
            tau = tuple(int(2 * v) for v in t[:2])
            found.append((tau, tuple(int(w[i, i] < 0) for i in range(2))))
    return found


def dual_code(operators: list[Code]) -> list[Code]:
    """Return the (σ, p) for which σ·τ + p·ε is even for all operators."""
    pairs = product(product((0, 1), repeat=2), repeat=2)
    return [(s, p) for s, p in pairs if all((np.dot(s, tau) + np.dot(p, eps)) % 2 == 0 for tau, eps in operators)]


def fold(rho: np.ndarray, code: Code) -> np.ndarray:
    """Return ``g_σp(x) = Σ (-1)^(σ·s + p·e) ρ((-1)^e x + s/2)`` for x from 0 to N/4 along both axes."""
    n = rho.shape[0]
    x = np.arange(n // 4 + 1)
    g = np.zeros((len(x), len(x)))
    for s, e in product(product((0, 1), repeat=2), repeat=2):
        rows, columns = ((-x if e[i] else x) + s[i] * n // 2 for i in range(2))
        sign = (-1) ** (np.dot(code[0], s) + np.dot(code[1], e))
        g += sign * rho[np.ix_(rows % n, columns % n)]
    return g


def matrix(n: int, parity: int, sine: int) -> np.ndarray:
    """Return ``u(x) cos(2πhx/n)``, or the sine, for h of one parity up to n/2; u = 1/2 at x = 0 and n/4, else 1."""
    h, x = frequencies(n, parity, sine)[:, None], np.arange(n // 4 + 1)[None, :]
    angle = 2 * np.pi * h * x / n
    return np.where(x % (n // 4) == 0, 0.5, 1) * (np.sin(angle) if sine else np.cos(angle))


def frequencies(n: int, parity: int, sine: int) -> np.ndarray:
    """Return the h of one parity from 0 to n/2 where a cosine, or a sine, does not vanish."""
    h = np.arange(parity, n // 2 + 1, 2)
    return h[(h > 0) & (2 * h < n)] if sine else h


def block(rho: np.ndarray, code: Code) -> np.ndarray:
    """Return ``b_σp(h) = Σ u(x) u(y) g_σp(x, y) [cos or sin] [cos or sin]``."""
    n = rho.shape[0]
    first, second = (matrix(n, code[0][i], code[1][i]) for i in range(2))
    return first @ fold(rho, code) @ second.T


def name(code: Code) -> str:
    """Return a block's name, as in 'σ = 01, sin sin'."""
    return f"σ = {code[0][0]}{code[0][1]}, " + " ".join("sin" if p else "cos" for p in code[1])


def example() -> str:
    """Return the example as text, every step checked."""
    au = symfft.asymmetric_unit(GROUP, (8, 8, 1))
    values = np.arange(au.size, dtype=np.float64)
    rho = symfft.expand_from_au(values, au)[:, :, 0]
    operators = diagonal_operators(au.space_group)
    lines = [
        f"p4gm, 8 x 8 points, {au.size} orbits, numbered; density = number of the orbit",
        *rows(rho, "{:3.0f}"),
        "",
        "D: " + ", ".join(f"τ = {a}{b} ε = {c}{d}" for (a, b), (c, d) in operators),
        f"dual code: {len(dual_code(operators))} blocks of 16",
    ]
    f = np.zeros((8, 8), dtype=complex)
    for code in dual_code(operators):
        h, k = (frequencies(8, code[0][i], code[1][i]) for i in range(2))
        b = block(rho, code)
        f[np.ix_(h, k)] = (-1j) ** sum(code[1]) * b
        lines += ["", f"{name(code)}: g", *rows(fold(rho, code), "{:5.0f}")]
        lines += [f"b at h = {h.tolist()}, k = {k.tolist()}", *rows(b, "{:9.3f}")]
    expected = np.fft.fft2(rho)[:5, :5]
    assert np.allclose(f[:5, :5], expected, rtol=0, atol=1e-12)
    hkl = np.unique(symfft.real_basis(au).hkl, axis=0)
    unique = symfft.structure_factors(symfft.au_dft(values, au), au, hkl)
    pairs = zip(hkl[:, :2].tolist(), unique.real, strict=True)
    listed = [f"F({h} {k}) = {v:.3f}" for (h, k), v in pairs]
    assert np.allclose(unique.imag, 0, atol=1e-12)
    lines += ["", f"au_dft: {len(unique)} unique structure factors, all real"]
    lines += [", ".join(listed[i : i + 6]) for i in range(0, len(listed), 6)]
    return "\n".join(lines)


def rows(array: np.ndarray, form: str) -> list[str]:
    """Return a matrix as lines of text."""
    return ["".join(form.format(v + 0.0 if abs(v) > 1e-12 else 0.0) for v in line) for line in array]


def draw(path: Path, n: int = 16) -> None:
    """Draw orbits and wedge, the reflections of each block, and the blocks."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import Polygon, Rectangle

    au = symfft.asymmetric_unit(GROUP, (n, n, 1))
    codes = dual_code(diagonal_operators(au.space_group))
    colours = dict(zip(codes, ("C0", "C2", "C1", "C3"), strict=True))
    figure, (direct, reciprocal, blocks) = plt.subplots(1, 3, figsize=(14, 4.9), layout="constrained")

    coefficients = np.random.default_rng(5).standard_normal(au.size)
    coefficients[symfft.real_basis(au).length > 3.2 / n] = 0
    direct.imshow(symfft.expand_from_au(symfft.au_real_idft(coefficients, au), au)[:, :, 0], cmap="PuOr")
    direct.add_patch(Rectangle((-0.5, -0.5), n // 4 + 1, n // 4 + 1, fill=False, lw=2, ec="k"))
    m = n // 4
    direct.add_patch(Polygon([(-0.5, -0.5), (m + 0.5, -0.5), (m + 0.5, m + 0.5)], fill=False, lw=2, ec="k", hatch="//"))
    direct.set_title(f"{n}² points, {au.size} orbits;\nbox of the folds and its wedge")

    reciprocal.set(xlim=(-0.5, n // 2 + 0.5), ylim=(n // 2 + 0.5, -0.5), aspect="equal", xlabel="k", ylabel="h")
    chosen = {c: c[0] != (1, 0) for c in codes}
    seen: set[tuple[int, int]] = set()
    for code in codes:
        for h, k in product(*(frequencies(n, code[0][i], code[1][i]).tolist() for i in range(2))):
            follows = not chosen[code] or (code[0][0] == code[0][1] and k < h)
            seen.add((h, k))
            box = Rectangle((k - 0.5, h - 0.5), 1, 1, fc=colours[code], ec="w", alpha=0.3 if follows else 1)
            reciprocal.add_patch(box)
    for h, k in product(range(n // 2 + 1), repeat=2):
        if (h, k) not in seen:
            reciprocal.plot(k, h, "x", color="0.4", ms=5)
    reciprocal.set_title(
        "reflections by block; pale: from the diagonal mirror,\ncrosses: absent (one index 0 or N/2, the other odd)"
    )

    top = 0.0
    blocks.set(aspect="equal", title="blocks: full colour is computed")
    for code in codes:
        h, k = (frequencies(n, code[0][i], code[1][i]).tolist() for i in range(2))
        for i, j in product(range(len(h)), range(len(k))):
            follows = not chosen[code] or (code[0][0] == code[0][1] and j < i)
            blocks.add_patch(Rectangle((j, top + i), 1, 1, fc=colours[code], ec="w", alpha=0.3 if follows else 1))
        relation = {(1, 0): "= - transpose of σ = 01"}.get(code[0], "symmetric" if code[0][0] == code[0][1] else "")
        blocks.text(len(k) + 0.6, top + len(h) / 2, f"{name(code)}\n{relation}", va="center")
        top += len(h) + 0.8
    blocks.set(xlim=(-0.5, 14), ylim=(top, -0.5))
    blocks.axis("off")
    direct.set(xlabel="y · N", ylabel="x · N")
    figure.savefig(path, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", action="store_true", help="draw docs/images/fourier_blocks.png")
    print(example())
    if parser.parse_args().picture:
        draw(Path(__file__).parent / "images" / "fourier_blocks.png")

"""What the results of files are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

#: Suffixes that say how a file is packed or which program wrote it, and are not part of its name.
SUFFIXES = (".gz", ".xz", ".bz2", ".zst", ".chgcar", ".vasp", ".cube", ".cub", ".ccp4", ".mrc", ".map", ".json", ".h5")
#: End of the name of a file of latents.
LATENT = ".latent.npz"


def names_of(paths: Sequence[Path]) -> list[str]:
    """Name the results of files, each differently: by the file's name, with its folders where names are equal.

    Examples
    --------
    >>> names_of([Path("a/CHGCAR"), Path("b/CHGCAR"), Path("NaCl.CHGCAR.gz")])
    ['a_CHGCAR', 'b_CHGCAR', 'NaCl']
    """
    depth, parts = [1] * len(paths), [(*path.absolute().parts[1:-1], bare_name(path.name)) for path in paths]
    while True:
        names = ["_".join(part[-d:]) for part, d in zip(parts, depth, strict=True)]
        times = Counter(names)
        longer = [times[name] > 1 and d < len(part) for name, part, d in zip(names, parts, depth, strict=True)]
        if not any(longer):
            break
        depth = [d + more for d, more in zip(depth, longer, strict=True)]
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        names[place] = name if times[name] == 1 else f"{name}-{seen[name]}"
    return names


def bare_name(name: str) -> str:
    """Strip what says only how a file is written."""
    while any(name.lower().endswith(suffix) and len(name) > len(suffix) for suffix in (LATENT, *SUFFIXES)):
        name = name[: -len(LATENT)] if name.lower().endswith(LATENT) else name.rpartition(".")[0]
    return name

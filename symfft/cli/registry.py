"""The subcommands of `symfft`: one line each."""

from __future__ import annotations

from symfft.cli.command import Program

PROGRAM = Program(
    name="symfft",
    description="Symmetry of densities: look, check, symmetrize, reduce to the asymmetric unit, convert, draw.",
    package="symfft.cli",
    commands={
        "info": ("info:INFO", "tell what files hold: cell, grid, space group, asymmetric unit, electrons"),
        "check": ("check:CHECK", "check densities against every operator of a space group"),
        "symmetrize": ("symmetrize:SYMMETRIZE", "average a density over its space group"),
        "reduce": ("reduced:REDUCE", "store a density on its asymmetric unit"),
        "expand": ("reduced:EXPAND", "bring a reduced density back to the whole grid"),
        "convert": ("convert:CONVERT", "convert between formats, grids and cells"),
        "view": ("view:VIEW", "write an interactive page: isosurfaces, atoms, lattice planes, differences"),
        "diff": ("making:DIFF", "subtract densities from a density"),
        "average": ("measuring:AVERAGE", "average over planes or slabs, along one vector of the cell"),
        "profile": ("measuring:PROFILE", "values along a line between two points"),
        "integrate": ("measuring:INTEGRATE", "integrate over spheres around atoms, a sphere or a box"),
        "supercell": ("making:SUPERCELL", "repeat the cell, or go to a primitive one"),
        "isosurface": ("making:ISOSURFACE", "write a surface of constant density as a mesh"),
        "bader": ("bader:BADER", "divide a density among its atoms: charges, volumes, moments"),
        "critical-points": ("topology:CRITICAL_POINTS", "find where the gradient vanishes, with density and Laplacian"),
        "plot": ("plot:PLOT", "draw lattice planes through atoms and bonds, or the asymmetric unit"),
        "sf": ("sf:SF", "structure factors in electrons: a table, or an MTZ or CIF file"),
        "warmup": ("warmup:WARMUP", "compile everything now, so that no later call waits for the compiler"),
        "completion": ("completion:COMPLETION", "print a script that lets a shell complete subcommands and files"),
    },
    extras={
        "h5py": "symfft[io]",
        "backports": "symfft[io]",
        "matplotlib": "symfft[plot]",
        "shtab": "symfft[completion]",
        "torch": "torch",
    },
    verbosity=True,
)

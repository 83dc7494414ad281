"""The subcommands of `symfft-vae`: one line each."""

from __future__ import annotations

from symfft.cli.command import Program

PROGRAM = Program(
    name="symfft-vae",
    description="Densities to learn from, models of them, evaluation, new densities, and all of it in one go.",
    package="symfft_models.cli",
    commands={
        "data": ("data:DATA", "look at the densities of the package, or at a file of a set"),
        "fetch": ("fetch:FETCH", "fetch densities of the Materials Project or of parquet collections"),
        "prepare": ("prepare:PREPARE", "check, standardize and pack a collection of files"),
        "export": ("export:EXPORT", "write a set as parquet, CHGCARs or pictures, or count and measure it"),
        "train": ("train:TRAIN", "train a model"),
        "evaluate": ("evaluate:EVALUATE", "measure models on the test split"),
        "sample": ("sample:SAMPLE", "generate densities as CHGCAR files"),
        "atoms": ("atoms:ATOMS", "find the atoms of a crystal from its density alone"),
        "verdict": ("verdict:VERDICT", "judge densities as materials: atoms, novelty, DFT, stability"),
        "predict": ("predict:PREDICT", "predict the densities of structures"),
        "properties": ("properties:PROPERTIES", "tell how well properties can be predicted, and learn their model"),
        "fit": ("fit:FIT", "learn the model behind predict"),
        "compare": ("compare:COMPARE", "compare predictions with computed densities"),
        "reconstruct": ("reconstruct:RECONSTRUCT", "encode and decode density files"),
        "ship": ("ship:SHIP", "put a run's weights into the package"),
        "demo": ("demo:DEMO", "train, evaluate, generate, check, draw"),
    },
    interrupted="interrupted; the same command goes on where this one stopped",
    extras={
        **dict.fromkeys(("torch", "accelerate", "safetensors", "tensorboard", "matplotlib", "ase"), "symfft[models]"),
        **dict.fromkeys(("h5py", "tqdm"), "symfft[models]"),
        **dict.fromkeys(("pyarrow", "distributed"), "symfft[data]"),
        "mp_api": "symfft[fetch]",
    },
)

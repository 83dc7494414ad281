"""Validate with several gloo ranks, then in one process: ``python ranks_job.py DENSITIES RANKS…``, a line of JSON each.

The ranks are forked, so that torch is loaded once; each makes its own model and its own accelerator.
"""

from __future__ import annotations

import json
import os
import socket
import sys

import torch
from accelerate import Accelerator
from synthetic import synthetic_entries
from train_job import TINY

import symfft_models.train as training
from symfft_models.model.config import load_config
from symfft_models.model.density_table import grids_of, tabulate
from symfft_models.model.vae import DensityVAE


def validate(count: int) -> dict[str, object] | None:
    """Return PSNR, NMAE and the rows that all ranks evaluated together; None but on the first rank."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    entries = synthetic_entries("val", 2)[:count]
    model = DensityVAE(load_config("demo", TINY), grids_of(entries)).eval()
    rows: list[int] = []
    original = training.gather_object

    def gather_object(found):
        rows.extend(row for row, _ in original(found))
        return original(found)

    training.gather_object = gather_object
    accelerator = Accelerator(cpu=True)
    psnr, nmae = training.validation_figures(model, tabulate(entries, model.representation), accelerator, chunk=2)
    training.gather_object = original
    return {"psnr": psnr, "nmae": nmae, "rows": rows} if accelerator.is_main_process else None


def in_ranks(ranks: int, count: int) -> None:
    """Fork the ranks, and wait for all of them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(ranks):
        child = os.fork()
        if child == 0:
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
            os.environ |= {name: str(value) for name, value in place.items()}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
            found = validate(count)
            if found:
                print(json.dumps(found), flush=True)
            torch.distributed.destroy_process_group()
            os._exit(0)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        sys.exit(f"ranks ended with {codes}")


if __name__ == "__main__":
    count, *numbers = map(int, sys.argv[1:])
    for ranks in numbers:
        in_ranks(ranks, count)
    print(json.dumps(validate(count)))

"""`python -m symfft_models.data.prepare`."""

import argparse
import sys

from symfft_models.data.prepare.command import add_prepare_arguments, run_prepare

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m symfft_models.data.prepare", description="Prepare density files.")
    add_prepare_arguments(parser)
    sys.exit(run_prepare(parser.parse_args()))

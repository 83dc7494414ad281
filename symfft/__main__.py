"""``python -m symfft``: the command ``symfft``."""

import sys

from symfft.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""Run the command as `python -m symfft.cli`."""

import sys

from symfft.cli import main

sys.exit(main())

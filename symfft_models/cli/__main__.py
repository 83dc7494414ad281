"""Run the command as `python -m symfft_models.cli`."""

import sys

from symfft_models.cli import main

sys.exit(main())

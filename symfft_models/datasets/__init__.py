"""Where sets of densities come from, and how they are written in other formats."""

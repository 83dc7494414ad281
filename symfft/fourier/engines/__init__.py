"""What computes a transform: blocks, planes, a subgroup, or the full grid; :mod:`symfft.fourier.plan` chooses."""

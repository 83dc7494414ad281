"""What a density is worth as a material: its atoms, novelty, agreement with a model and with DFT, and stability."""

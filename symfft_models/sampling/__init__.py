"""New densities: where latents are drawn from, and what is written."""

"""The exact Fourier transform of densities on their asymmetric unit."""

from symfft.fourier.dft import au_dft, au_idft, structure_factors

__all__ = ["au_dft", "au_idft", "structure_factors"]

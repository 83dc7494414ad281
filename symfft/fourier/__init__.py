"""The exact Fourier transform of densities on their asymmetric unit."""

from symfft.fourier.dft import au_dft, au_idft, structure_factors
from symfft.fourier.real import RealBasis, au_real_dft, au_real_idft, real_basis

__all__ = ["RealBasis", "au_dft", "au_idft", "au_real_dft", "au_real_idft", "real_basis", "structure_factors"]

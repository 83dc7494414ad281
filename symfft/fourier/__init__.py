"""The exact Fourier transform of densities on their asymmetric unit."""

"""Plans of the exact Fourier transform: from the orbits of a grid to its unique structure factors and back."""

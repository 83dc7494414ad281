"""From a crystal to its density: superposed atoms and what their neighbours change, as structure factors.

The density is a sum of pseudoatoms, as in the multipole model of N. K. Hansen and P. Coppens (Acta Cryst. A34, 909,
1978): each is an expansion in radial functions and in the spherical harmonics that its site allows. Its coefficients
are a Gaussian process of the atom's element and neighbours, so that every prediction is a distribution: its mean is the
predicted density, its width the error bar, and a few structure factors of a density narrow it to that density.
"""

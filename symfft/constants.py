"""Physical constants: CODATA 2022 (https://physics.nist.gov/cuu/Constants)."""

#: Bohr radius in Å.
BOHR = 0.529177210544
#: Hartree energy in eV.
HARTREE = 27.211386245981
#: e²/(4πε₀) in eV·Å.
COULOMB = HARTREE * BOHR

r"""
A field theory: the gyroid
==========================

Densities are not the only periodic fields with symmetry. Block copolymers, surfactants and liquid crystals order into
phases that field theories find by minimising a free energy, with Fourier transforms in every step. Here they run on
the asymmetric unit.

The Landau–Brazovskii free energy of an order parameter ψ with mean 0 is

.. math:: f[\psi] = \left\langle \tfrac12 \big[(\nabla^2 + 1)\psi\big]^2 + \tfrac{\tau}{2}\psi^2
          - \tfrac{\gamma}{6}\psi^3 + \tfrac1{24}\psi^4 \right\rangle .

"""

# %%
# A phase is a space group, a grid, a cell whose size will be found too, and the stars of reflections in which it
# begins.
import time
from itertools import product

import matplotlib.pyplot as plt
import numpy as np

import symfft

TAU, GAMMA = -0.5, 0.45
HEXAGONAL = np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 1]])
PHASES = {
    "lamellae": (47, (32, 1, 1), np.eye(3), [(1, 0, 0)]),
    "cylinders": (191, (36, 36, 1), HEXAGONAL, [(1, 0, 0)]),
    "spheres": (229, (32, 32, 32), np.eye(3), [(1, 1, 0)]),
    "gyroid": (230, (32, 32, 32), np.eye(3), [(2, 1, 1), (2, 2, 0)]),
}


class Phase:
    """A field on the asymmetric unit of its group."""

    def __init__(self, number, shape, cell, stars, amplitudes):
        self.au = symfft.asymmetric_unit(number, shape)
        self.weight = self.au.multiplicity / np.prod(shape)  # of the values, in means over the cell
        self.power = self.au.hkl_multiplicity / np.prod(shape) ** 2  # of |F|², likewise
        reciprocal = 2 * np.pi * np.linalg.inv(cell).T
        self.squares = ((self.au.hkl @ reciprocal) ** 2).sum(axis=1)  # |G|² where the edge is 1
        self.edge = np.linalg.norm(stars[0] @ reciprocal)  # then the first star has |G| = 1
        basis = symfft.real_basis(self.au)
        vector = np.zeros(self.au.size)
        for star, amplitude in zip(stars, amplitudes, strict=True):
            same = (np.sort(np.abs(basis.hkl), axis=1) == np.sort(np.abs(star))).all(axis=1)
            vector[np.flatnonzero(same)[0]] = amplitude
        psi = symfft.au_real_idft(vector, self.au)
        self.psi = 1.5 * psi / np.abs(psi).max()

    def energy(self):
        """The free energy f."""
        factors = symfft.au_dft(self.psi, self.au)
        bent = (self.power * np.abs((1 - self.squares / self.edge**2) * factors) ** 2).sum()
        local = TAU / 2 * self.psi**2 - GAMMA / 6 * self.psi**3 + self.psi**4 / 24
        return bent / 2 + (self.weight * local).sum()

    def relax(self, steps=300, step=0.5):
        """Go down the gradient, implicitly in the stiff quadratic term; return the energies on the way."""
        energies = [self.energy()]
        for _ in range(steps):
            force = TAU * self.psi - GAMMA / 2 * self.psi**2 + self.psi**3 / 6
            factors = symfft.au_dft(self.psi - step * force, self.au)
            factors /= 1 + step * (1 - self.squares / self.edge**2) ** 2
            factors[self.squares == 0] = 0  # the mean stays 0
            spectrum = self.power * np.abs(factors) ** 2 * self.squares
            self.edge = np.sqrt((spectrum * self.squares).sum() / spectrum.sum())  # df/d(edge) = 0
            self.psi = symfft.au_idft(factors, self.au)
            energies.append(self.energy())
        return energies


# %%
# Each phase relaxes on its own asymmetric unit. Which signs of its stars make a phase is not known beforehand: all are
# tried, and the lowest energy counts.
phases, histories = {}, {}
for name, description in PHASES.items():
    trials = []
    for signs in product((1.0, -1.0), repeat=len(description[3])):
        phase = Phase(*description, np.array(signs) * [1.0, 0.4][: len(signs)])
        trials.append((phase.relax(), phase))
    histories[name], phases[name] = min(trials, key=lambda trial: trial[0][-1])
    au = phases[name].au
    print(
        f"{name:10} {au.space_group.symbol:10} {au.size:4} of {np.prod(au.shape):5} values, "
        f"edge {phases[name].edge:7.4f}, f = {histories[name][-1]:.5f}"
    )
print("most stable:", min(histories, key=lambda name: histories[name][-1]))

# %%
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name, energies in histories.items():
    ax.plot(energies, label=name)
ax.set(xlabel="step", ylabel="free energy f", xlim=(0, 100), ylim=(-0.29, -0.15))
ax.legend()
plt.show()

# %%
# What the symmetry is worth: one forward and one inverse transform of the gyroid, against SciPy's of the full cell.
import scipy.fft

au, psi = phases["gyroid"].au, phases["gyroid"].psi
cell = symfft.expand_from_au(psi, au)


def best_of(function, repeats=50):
    """The shortest of many times, in ms."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def full_cell():
    return scipy.fft.irfftn(scipy.fft.rfftn(cell), cell.shape)


def asymmetric_unit():
    return symfft.au_idft(symfft.au_dft(psi, au), au)


assert np.allclose(full_cell(), symfft.expand_from_au(asymmetric_unit(), au))
full, exact = best_of(full_cell), best_of(asymmetric_unit)
print(f"full cell {full:.3f} ms, asymmetric unit {exact:.3f} ms: {full / exact:.0f} times faster")

# %%
# And the phase itself: two networks that never meet.
from symfft.view import density_page

edge = phases["gyroid"].edge
density_page(symfft.Density(cell, edge * np.eye(3), [], [], kind="other"), title="gyroid, Ia-3d")

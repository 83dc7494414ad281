r"""
Gradients in torch: orbital-free DFT
====================================

Transforms of torch tensors carry gradients, so that whatever can be written on the asymmetric unit can be minimised
there. Here it is the energy of the valence electrons of aluminium, without orbitals: Thomas–Fermi and von Weizsäcker
kinetic energy, Hartree and exchange energy, and ions as empty-core pseudopotentials.

In atomic units, with the density :math:`\rho = \varphi^2`,

.. math:: E = \int \Big[ \tfrac{3}{10}(3\pi^2)^{2/3} \rho^{5/3} - \tfrac34 (3/\pi)^{1/3} \rho^{4/3} \Big]
          + \tfrac{\lambda}{2} \int |\nabla\varphi|^2
          + \frac{\Omega}{2} \sum_{\mathbf G \ne 0} \frac{4\pi}{G^2} |\rho_{\mathbf G}|^2
          + \Omega \sum_{\mathbf G \ne 0} v_{\mathbf G}\, \rho_{\mathbf G}^* .

"""

# %%
# Aluminium: face-centred cubic, three valence electrons, core radius 1.12 bohr. Integrals over the cell are sums over
# the asymmetric unit with multiplicities, sums over **G** are sums over unique reflections with theirs.
import matplotlib.pyplot as plt
import numpy as np
import torch

import symfft

A, VALENCE, CORE, LAMBDA, SHAPE = 7.65, 3.0, 1.12, 0.2, (36, 36, 36)
sites = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
au = symfft.asymmetric_unit("F m -3 m", SHAPE)
points, volume = np.prod(SHAPE), A**3
print(f"{points} points, {au.size} unknowns")

weight = torch.as_tensor(au.multiplicity * volume / points)  # ∫ f = Σ weight · f
power = torch.as_tensor(au.hkl_multiplicity / points**2)  # Σ_G |f_G|² = Σ power · |F|²
squares = (2 * np.pi / A) ** 2 * (au.hkl**2).sum(axis=1)  # G²
coulomb = np.where(squares > 0, 4 * np.pi / np.where(squares > 0, squares, 1), 0)

# the potential of the ions, v_G = -Z (4π/G²) cos(G r_c) S_G / Ω
phases = np.exp(-2j * np.pi * au.hkl @ sites.T).sum(axis=1)
ionic = symfft.au_idft(-VALENCE * coulomb * np.cos(np.sqrt(squares) * CORE) * phases / volume * points, au)
ionic, squares, coulomb = (torch.as_tensor(np.ascontiguousarray(x.real)) for x in (ionic, squares, coulomb))

# %%
# The energy, as it stands above:
electrons = VALENCE * len(sites)


def density_of(u):
    """φ and ρ with the right number of electrons."""
    phi = u * torch.sqrt(electrons / (weight * u**2).sum())
    return phi, phi**2


def energy(u):
    phi, rho = density_of(u)
    local = (
        0.3 * (3 * np.pi**2) ** (2 / 3) * rho ** (5 / 3) - 0.75 * (3 / np.pi) ** (1 / 3) * rho ** (4 / 3) + ionic * rho
    )
    gradient = volume * (power * squares * symfft.au_dft(phi, au).abs() ** 2).sum()
    hartree = volume * (power * coulomb * symfft.au_dft(rho, au).abs() ** 2).sum()
    return (weight * local).sum() + LAMBDA / 2 * gradient + hartree / 2


# %%
# It is minimised from the uniform density by L-BFGS; torch sends the gradient back through the transforms.
u = torch.ones(au.size, dtype=torch.float64, requires_grad=True)
optimiser = torch.optim.LBFGS([u], max_iter=100, history_size=10, tolerance_grad=1e-8, line_search_fn="strong_wolfe")
history = []


def closure():
    optimiser.zero_grad()
    total = energy(u)
    total.backward()
    history.append(float(total.detach()))
    return total


optimiser.step(closure)
rho = density_of(u.detach())[1]
print(f"{history[0]:.6f} Ha for the uniform density, {history[-1]:.6f} Ha after {len(history)} evaluations")
print(f"gradient at the end: {float(u.grad.abs().max()):.1e}")

# %%
# The gradient is that of the full problem restricted to symmetric densities. A step along any direction confirms it:
direction = torch.as_tensor(np.random.default_rng(0).standard_normal(au.size))
start = torch.as_tensor(1 + 0.1 * np.random.default_rng(1).random(au.size)).requires_grad_(True)
energy(start).backward()
slope, h = float(start.grad @ direction), 1e-5
with torch.no_grad():
    difference = float(energy(start + h * direction) - energy(start - h * direction)) / (2 * h)
print(f"slope from torch {slope:.8f}, from differences {difference:.8f}")

# %%
# The density, with the plane that holds four atoms of a face. Cores are empty, electrons gather between neighbours.
from symfft.plot import plot_slices

bohr = 0.529177
crystal = symfft.Density(
    symfft.expand_from_au(rho.numpy(), au) / bohr**3, A * bohr * np.eye(3), sites, np.full(4, 13), comment="Al"
)
figure = plot_slices(crystal, "F m -3 m", at=(0, 0, 0), isolines=8, title="aluminium, orbital-free")

# %%
figure, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
ax.semilogy(np.array(history[:-1]) - history[-1] + 1e-12)
ax.set(xlabel="evaluation", ylabel="energy above the end (Ha)")
plt.show()

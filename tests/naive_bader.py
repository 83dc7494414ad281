"""The weight method of Yu and Trinkle on a whole cell, in plain Python, with plateaus taken together."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
from scipy.spatial import Voronoi


def facets(lattice, shape):
    """Steps to the neighbours in the Voronoi cell and area over distance, from many nearby points."""
    step = np.asarray(lattice) / np.array(shape)[:, None]
    steps = np.array(list(product(range(-3, 4), repeat=3)))
    points = steps @ step
    origin = len(points) // 2
    cells = Voronoi(points)
    found = []
    for pair, corners in zip(cells.ridge_points, cells.ridge_vertices):
        if origin in pair and -1 not in corners:
            other = int(pair.sum()) - origin
            ring = cells.vertices[corners]
            area = sum(
                np.linalg.norm(np.cross(ring[i] - ring[0], ring[i + 1] - ring[0])) / 2 for i in range(1, len(ring) - 1)
            )
            distance = np.linalg.norm(points[other])
            if area > 1e-8 * distance**2:
                found.append((tuple(steps[other].tolist()), area / distance))
    return found


def basins(rho, lattice):
    """Weights of every point in the basins of all maxima: a list of arrays, in the order of falling maxima."""
    shape = rho.shape
    around = facets(lattice, shape)

    def neighbours(point):
        for step, conductance in around:
            yield tuple((p + s) % n for p, s, n in zip(point, step, shape)), conductance

    weights = {}
    maxima = []
    points = sorted(product(*map(range, shape)), key=lambda p: -rho[p])
    start = 0
    while start < len(points):
        stop = start
        while stop < len(points) and rho[points[stop]] == rho[points[start]]:
            stop += 1
        level = points[start:stop]
        flat = set()
        for p in level:
            flows = defaultdict(float)
            total = 0.0
            for q, c in neighbours(p):
                if rho[q] > rho[p]:
                    total += c * (rho[q] - rho[p])
                    for basin, w in weights[q].items():
                        flows[basin] += c * (rho[q] - rho[p]) * w
            if total:
                weights[p] = {b: f / total for b, f in flows.items()}
            else:
                flat.add(p)
        while flat:
            component, waiting = set(), [flat.pop()]
            exits = defaultdict(float)
            while waiting:
                p = waiting.pop()
                component.add(p)
                for q, c in neighbours(p):
                    if rho[q] != rho[p] or q in component:
                        continue
                    if q in flat:
                        flat.remove(q)
                        waiting.append(q)
                    elif q not in waiting:
                        for basin, w in weights[q].items():
                            exits[basin] += c * w
            if exits:
                total = sum(exits.values())
                shared = {b: f / total for b, f in exits.items()}
            else:
                maxima.append(rho[points[start]])
                shared = {len(maxima) - 1: 1.0}
            for p in component:
                weights[p] = shared
        start = stop
    grids = [np.zeros(shape) for _ in maxima]
    for p, shares in weights.items():
        for basin, w in shares.items():
            grids[basin][p] = w
    return grids, maxima

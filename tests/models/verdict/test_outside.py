"""Jobs of the programs that verdicts ask, and what is made of their results."""

from __future__ import annotations

import json

import numpy as np
import pytest

from symfft_models.crystals.relaxed import load_relaxed
from symfft_models.verdict.outside import FACTORS, _length_to_vertex, gpaw_jobs, gpaw_result, stability


def test_all_volumes_have_the_k_points_of_the_crystal(tmp_path):
    """Some of these crystals would get others at another volume."""
    crystals = [item.crystal for item in load_relaxed() if item.crystal.space_group == 221][:40]
    names = gpaw_jobs(crystals, tmp_path, volumes=True)
    jobs = [json.loads(line) for line in (tmp_path / "gpaw" / "queue" / "jobs.jsonl").read_text().splitlines()]
    assert [job["id"] for job in jobs] == names
    each = 1 + len(FACTORS)
    for start in range(0, len(jobs), each):
        assert len({tuple(job["kpoints"]) for job in jobs[start : start + each]}) == 1
        volumes = [np.linalg.det(job["cell"]) for job in jobs[start : start + each]]
        assert volumes[1] / volumes[0] == pytest.approx(FACTORS[0] ** 3, rel=1e-4)


def test_what_other_programs_left_damaged_is_said_to_be(tmp_path):
    crystal = load_relaxed()[0].crystal
    for name in ("gpaw/results", "gpaw/failures", "potential"):
        (tmp_path / name).mkdir(parents=True)
    assert gpaw_result(crystal, tmp_path) == "not computed yet"
    assert stability(crystal, tmp_path)["not_possible"]["stability"].endswith("not computed yet")
    (tmp_path / "gpaw" / "failures" / f"{crystal.id}.json").write_text("{")
    assert "the job is tried again" in gpaw_result(crystal, tmp_path)
    (tmp_path / "gpaw" / "results" / f"{crystal.id}.npz").write_bytes(b"PK\x03\x04 cut")
    assert "it is computed again" in gpaw_result(crystal, tmp_path)
    lines = tmp_path / "potential" / "results.jsonl"
    for text, message in (("[]\n", "line 1"), (json.dumps({"id": crystal.id}) + "\n", "unreadable")):
        lines.write_text(text)
        assert message in stability(crystal, tmp_path)["not_possible"]["stability"]


def test_the_lowest_energy_of_a_parabola():
    volumes = np.array([90.0, 100.0, 110.0])
    curve = np.polynomial.Polynomial.fit(volumes, (volumes - 105) ** 2, 2)
    assert _length_to_vertex(curve, 100.0) == pytest.approx(100 * (1.05 ** (1 / 3) - 1))
    assert np.isnan(_length_to_vertex(np.polynomial.Polynomial.fit(volumes, -((volumes - 105) ** 2), 2), 100.0))

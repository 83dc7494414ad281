"""From a stored set to generated files: evaluation, sampling, pictures and the commands."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from synthetic import synthetic_entries
from train_job import TINY

from symfft import SpaceGroup, asymmetric_unit, check_symmetry, read_chgcar
from symfft_models.cli import main
from symfft_models.data.store import write_set
from symfft_models.evaluation import report as report_page
from symfft_models.evaluation.held_out import PAPER_PSNR, evaluate, format_table, reconstruct, training_line
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.model.density_table import tabulate
from symfft_models.model.vae import DensityVAE, fit_statistics
from symfft_models.sampling.prior import Draw, fit_prior
from symfft_models.sampling.sample import decode_draw, lattice_points, nearest, with_atoms

OVERRIDES = [*TINY, "model.codec=true", "train.epochs=2"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "densities.h5"
    parts = [synthetic_entries("train", 4), synthetic_entries("val", 1, 50), synthetic_entries("test", 2, 70)]
    write_set(path, [entry for part in parts for entry in part], {"title": "synthetic"})
    return path


@pytest.fixture(scope="module")
def demo(stored, tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "run"
    words = [word for change in [*OVERRIDES, f"data.path={stored}"] for word in ("--set", change)]
    assert main(["demo", "--out", str(out), "--quiet", *words]) == 0
    return out


@pytest.fixture(scope="module")
def fitted():
    from symfft_models.model.config import load_config

    torch.manual_seed(0)
    shapes = dict.fromkeys((221, 225, 227), (16, 16, 16))
    model = DensityVAE(load_config("demo", OVERRIDES), shapes).eval()
    train = tabulate(synthetic_entries("train", 6), model.representation)
    fit_statistics(model, train)
    return model, train, tabulate(synthetic_entries("test", 2, 70), model.representation)


def test_evaluation_is_the_metrics_of_each_structure(fitted):
    model, train, test = fitted
    report = evaluate(model, test, train)
    estimates = reconstruct(model, test)
    by_id = {row["id"]: row for row in report["structures"]}
    assert len(by_id) == len(test)
    for entry, estimate in zip(test.entries, estimates, strict=True):
        unit = asymmetric_unit(entry.space_group, entry.shape)
        density = entry.electrons / entry.lattice[0, 0] ** 3
        truth = entry.values.astype(float) * density / (entry.values @ unit.multiplicity / 16**3)
        expected = density_metrics(truth, estimate * density, unit.multiplicity)
        assert by_id[entry.id]["psnr"] == pytest.approx(expected["psnr"], abs=0.05)
        assert by_id[entry.id]["nmae"] == pytest.approx(expected["nmae"], rel=0.02)
        assert abs(by_id[entry.id]["electron_error"]) < 1e-12
    for number, group in report["groups"].items():
        rows = [row["psnr"] for row in report["structures"] if str(row["space_group"]) == number]
        assert group["n"] == len(rows) == 4 if number != "227" else 2
        assert group["model"]["psnr"]["mean"] == pytest.approx(np.mean(rows))
        assert group["model"]["psnr"]["p5"] == pytest.approx(np.percentile(rows, 5))
        assert group["paper_psnr"] == PAPER_PSNR[int(number)]
        assert group["pca"]["floats"] <= 10
        assert group["stars"]["floats"] == 10


def test_untrained_model_measures_as_its_codec(fitted):
    model, train, test = fitted
    for group in evaluate(model, test, train)["groups"].values():
        assert group["model"]["psnr"]["mean"] == pytest.approx(group["codec"]["psnr"]["mean"], abs=0.1)


def test_table_has_a_line_for_each_group(fitted):
    model, train, test = fitted
    report = evaluate(model, test, train)
    lines = format_table(report).splitlines()
    assert "paper" in lines[0]
    assert [line.split()[0] for line in lines[2:5]] == ["221", "225", "227"]
    for line, group in zip(lines[2:5], report["groups"].values(), strict=True):
        assert f"{group['model']['psnr']['mean']:.2f}" in line
        assert f"{group['pca']['psnr']['mean']:.2f}" in line
        assert line.rstrip().endswith(f"{group['paper_psnr']:.2f}")


def test_a_training_point_generates_its_own_density(fitted):
    """Decoding a posterior mean gives back the density, the cell and the electrons it came from."""
    model, train, _ = fitted
    for index in range(3):
        prior = fit_prior(model, train, index)
        entry = train.entries[prior.rows[0]]
        values, a, electrons = decode_draw(model, index, Draw(prior.points[0], entry.prototype, prior.rows[0]))
        assert a == pytest.approx(entry.lattice[0, 0], rel=1e-5)
        each = lattice_points(SpaceGroup.from_number(entry.space_group))
        assert electrons % each == 0
        assert abs(electrons - entry.electrons) <= each / 2
        density = with_atoms(model, index, values, a, entry)
        assert density.electrons == pytest.approx(electrons, rel=1e-12)
        unit = model.representation.units[index]
        psnr = density_metrics(entry.values, values * entry.electrons / electrons, unit.multiplicity)["psnr"]
        assert psnr > 40
        name, distance = nearest(values, train, model, index)
        assert name == entry.id
        weight = unit.multiplicity / 16**3
        shapes = values / (values @ weight), entry.values / (entry.values @ weight)
        assert distance == pytest.approx(100 * np.abs(shapes[0] - shapes[1]) @ weight, rel=1e-4, abs=1e-5)


def test_lattice_points_are_the_centring():
    assert [lattice_points(SpaceGroup.from_number(n)) for n in (221, 225, 227, 229, 166)] == [1, 4, 4, 2, 3]


def test_demo_leaves_everything(demo):
    for name in ("weights.safetensors", "metrics.json", "table.txt", "config.json", "report.html"):
        assert (demo / name).stat().st_size > 0, name
    for name in ("curves", "rates", "samples", "generation", "worst", "slices-221", "slices-225", "slices-227"):
        assert (demo / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for number in (221, 225, 227):
        assert len(list((demo / "samples").glob(f"{number}-*.CHGCAR"))) == 3
    metrics = json.loads((demo / "metrics.json").read_text())
    assert len(metrics["structures"]) == 12
    assert set(metrics["rate_distortion"]) == set(metrics["generation"]) == {"221", "225", "227"}
    assert set(metrics["active_units"]) == {"221", "225", "227"}
    training = json.loads((demo / "training.json").read_text())
    assert metrics["training"] == training
    assert training_line(training) in (demo / "table.txt").read_text()
    assert training_line(training) in (demo / "report.html").read_text()


class Page(HTMLParser):
    """What a page shows and what it would fetch."""

    def __init__(self):
        super().__init__()
        self.pictures, self.fetched, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if tag == "img" and name == "src" and value.startswith("data:image/png;base64,"):
                self.pictures.append(base64.b64decode(value.partition(",")[2]))
            elif name in ("src", "href", "srcset", "action") or tag in ("script", "link", "iframe"):
                self.fetched.append((tag, name, value))

    def handle_data(self, data):
        self.text.append(data)


def test_report_is_one_page_with_every_part_and_no_network(demo):
    page = Page()
    page.feed((demo / "report.html").read_text(encoding="utf-8"))
    assert page.fetched == []
    assert len(page.pictures) == 8
    assert all(picture.startswith(b"\x89PNG") for picture in page.pictures)
    text = " ".join(page.text)
    assert "://" not in text
    metrics = json.loads((demo / "metrics.json").read_text())
    for group in metrics["groups"].values():
        assert f"{group['model']['psnr']['mean']:.2f}" in text
        assert f"{group['model']['nmae']['mean']:.2f}" in text
    worst = min(metrics["structures"], key=lambda row: row["psnr"])
    assert worst["id"] in text
    for part in ("Rate and distortion", "worst cases", "Generated densities", "written and read back", "Training"):
        assert part in text


def test_names_in_a_report_are_text_not_markup():
    page = Page()
    page.feed(report_page.table(["<b>"], [["<script>alert(1)</script>", "a&b"]]))
    assert page.fetched == []
    assert "<script>alert(1)</script>" in page.text


def test_written_samples_are_symmetric_and_hold_their_electrons(demo):
    report = json.loads((demo / "samples" / "samples.json").read_text())
    assert len(report["samples"]) == 9
    assert report["failures"] == 0
    for entry in report["samples"]:
        density = read_chgcar(demo / "samples" / entry["file"])
        assert check_symmetry(density.values, entry["space_group"]).is_symmetric(1e-9)
        assert density.electrons == pytest.approx(entry["electrons"], rel=1e-9)
        assert density.lattice == pytest.approx(entry["lattice_constant"] * np.eye(3), abs=1e-6)
        found = SpaceGroup.from_structure(density.lattice, density.positions, density.numbers)
        assert found.number == entry["space_group"]
        assert np.isfinite(entry["nearest_nmae"])


def test_samples_differ_and_follow_the_seed(demo, tmp_path):
    def drawn(seed):
        out = tmp_path / str(seed)
        assert main(["sample", str(demo), "-o", str(out), "-n", "2", "--seed", str(seed), "--quiet"]) == 0
        return [entry["lattice_constant"] for entry in json.loads((out / "samples.json").read_text())["samples"]]

    first = drawn(1)
    assert len(set(first)) == 6
    assert drawn(1) == first
    assert set(drawn(2)).isdisjoint(first)


def test_commands_print_json_alone_on_stdout(demo, capsys):
    assert main(["evaluate", str(demo), "--json", "--no-html", "--draws", "3"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["groups"]["225"]["n"] == 4
    assert report["generation"]["225"]["draws"] == 3
    assert "html" not in report
    assert main(["evaluate", str(demo), "--no-html", "--draws", "0"]) == 0
    assert "F m -3 m" in capsys.readouterr().out


def test_two_models_are_compared_on_one_page(demo, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(report_page, "reconstruction_pictures", lambda *_: [])  # drawn once already, by the demo
    monkeypatch.setattr(report_page, "worst_cases", lambda *_: [])
    weights = demo / "weights.safetensors"
    page = tmp_path / "page.html"
    assert main(["evaluate", str(demo), str(weights), "--json", "--draws", "0", "-o", str(page)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["models"]) == {demo.name, weights.name}
    text = page.read_text(encoding="utf-8")
    assert f"{demo.name}: 10 floats" in text
    assert f"{weights.name}: 10 floats" in text


def test_demo_goes_on_from_a_finished_training(demo, capsys, monkeypatch):
    pages = []
    monkeypatch.setattr(report_page, "write_report", lambda path, *_, **__: pages.append(path))
    before = (demo / "weights.safetensors").stat().st_mtime_ns
    assert main(["demo", "--out", str(demo), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["failures"] == 0
    assert "finished training" in captured.err
    assert "paper" in captured.err
    assert (demo / "weights.safetensors").stat().st_mtime_ns == before
    assert pages == [demo / "report.html"]


def test_errors_are_one_line_and_an_exit_code(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / "nothing")]) == 1
    assert main(["train", "--out", str(tmp_path / "run"), "--set", "train.epoch=1"]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("symfft-vae: error: ") for line in lines)
    with pytest.raises(SystemExit) as stopped:
        main(["sample", str(tmp_path), "-n", "0"])
    assert stopped.value.code == 2

"""`symfft plot`."""

from __future__ import annotations

from crystals import crystal


def test_plot_writes_a_picture(save, run, run_json, tmp_path):
    path = save(crystal(194))
    for name, magic in [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml")]:
        code, result = run_json(
            "plot", path, "-o", tmp_path / name, "--unit", "--log", "--isolines", "3", "--at", "0.3,0.7,0.25"
        )
        assert (code, result["space_group"]["number"], result["notes"]) == (0, 194, [])
        assert (tmp_path / name).read_bytes().startswith(magic)
    assert run("plot", path, "-o", tmp_path / "a.txt")[0] == 2
    assert run("plot", path, "-o", tmp_path / "b.png", "--quantity", "magnetization")[0] == 2
    assert not (tmp_path / "b.png").exists()


def test_plot_without_an_asymmetric_unit_says_why(save, run_json, tmp_path):
    _, result = run_json("plot", save(crystal(14, shape=(6, 9, 10))), "-o", tmp_path / "a.png", "--unit")
    assert "does not fit" in result["notes"][0]
    _, result = run_json("plot", save(crystal(14), "rho.ccp4"), "-o", tmp_path / "b.png", "--unit")
    assert "no atoms" in result["notes"][0]
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_plot_draws_lattice_planes(save, run, run_json, tmp_path):
    path = save(crystal(62))
    code, result = run_json("plot", path, "-o", tmp_path / "a.png")
    assert (code, len(result["planes"])) == (0, 2)
    wanted = ("--plane", "1,1,0", "--plane", "0,0,2@1", "--range", "0,0.5", "--isolines", "3")
    _, result = run_json("plot", path, "-o", tmp_path / "b.png", *wanted)
    assert [plane.split(" ")[0] for plane in result["planes"]] == ["(110)", "(001)"]
    assert result["planes"][1].endswith("at 0.5")
    for refused in (
        ["--plane", "0,0,0"],
        ["--plane", "1,1"],
        ["--plane", "1,1,0.5"],
        ["--range", "1,0"],
        ["--at", "0,0,0"],
    ):
        assert run("plot", path, "-o", tmp_path / "c.png", *refused)[0] == 2
    assert run("plot", path, "-o", tmp_path / "c.png", "--unit", "--plane", "1,0,0")[0] == 2
    assert not (tmp_path / "c.png").exists()

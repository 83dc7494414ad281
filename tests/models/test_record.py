"""What a run writes: a curve on the terminal, a log that an interruption cannot spoil."""

from __future__ import annotations

import json

import pytest

from symfft_models.model.checkpoint import LOG
from symfft_models.model.config import Config
from symfft_models.record import HEADING, Record, curve_line, keep_log_until, seconds_to


def evaluation(step: int, minutes: float, psnr: float, nmae: float = 1.0) -> dict[str, float]:
    return {"step": step, "minutes": minutes, "val/psnr": psnr, "val/nmae": nmae}


def test_the_curve_grows_line_by_line_above_the_bar(tmp_path, capsys):
    record = Record(tmp_path, Config(), 0, progress=True)
    record.add_evaluation(evaluation(0, 0.0, 10.0, 62.0))
    record.add_evaluation(evaluation(20, 0.4, 44.0, 2.5))
    record.say("step 20")
    record.move(0.5)
    record.close()
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.replace("\r", "\n").splitlines() if "dB" in line or line == HEADING]
    assert lines == [HEADING, curve_line(evaluation(0, 0.0, 10.0, 62.0)), curve_line(evaluation(20, 0.4, 44.0, 2.5))]
    assert [line.count("#") for line in lines] == [0, 5, 22]
    assert "2.50 %  44.0 dB" in lines[2]
    assert "step 20" in err
    assert any((tmp_path / "tensorboard").iterdir())


def test_without_progress_nothing_is_shown(tmp_path, capsys):
    record = Record(tmp_path, Config(), 0, progress=False)
    record.add_evaluation(evaluation(0, 0.0, 10.0))
    record.move(1.0)
    record.close()
    assert capsys.readouterr() == ("", "")
    assert json.loads((tmp_path / LOG).read_text()) == evaluation(0, 0.0, 10.0)


@pytest.mark.parametrize("psnr", [-5.0, 0.0, 1.9])
def test_a_bar_is_never_negative(psnr):
    assert "#" not in curve_line(evaluation(0, 0.0, psnr))


def test_a_continued_log_has_each_step_once(tmp_path):
    log = tmp_path / LOG
    entries = [
        evaluation(0, 0.0, 10.0),
        {"step": 1, "minutes": 0.1, "loss": 3.0},
        {"step": 2, "minutes": 0.2, "loss": 2.0},
    ]
    entries += [evaluation(2, 0.2, 12.0), {"step": 3, "minutes": 0.3, "loss": 1.0}]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"step": 4, "mi')
    keep_log_until(log, 2)
    assert [json.loads(line) for line in log.read_text().splitlines()] == entries[:3]


def test_seconds_to_a_level_are_those_of_the_first_evaluation_at_it(tmp_path):
    log = tmp_path / LOG
    entries = [
        evaluation(0, 0.0, 12.0),
        {"step": 10, "minutes": 0.5, "train/psnr": 70.0},
        evaluation(20, 1.0, 44.0),
        evaluation(40, 2.0, 43.0),
        evaluation(60, 3.0, 59.9),
    ]
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert seconds_to(log, before=2.5) == {"44": 62.5, "60": None}

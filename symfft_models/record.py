"""What a training leaves behind while it goes on: log, TensorBoard, a bar, and a curve that grows line by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from symfft.io.atomic import remove_partial_files, write_text
from symfft_models.model.checkpoint import LOG, read_log
from symfft_models.model.config import CONFIG, Config
from symfft_models.progress import progress_bar

#: Levels of the validation split's PSNR in dB; the summary says when each was first reached.
LEVELS = (44, 60)
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
#: dB per character of the curve.
STROKE = 2.0
HEADING = "    step  minutes   validation: NMAE     PSNR"


class Record:
    """What the main process writes while a run goes on."""

    def __init__(self, out: Path, config: Config, step: int, progress: bool) -> None:
        out.mkdir(parents=True, exist_ok=True)
        remove_partial_files(out)
        write_text(out / CONFIG, config.to_json())
        keep_log_until(out / LOG, step)
        self.log = out / LOG
        self.board = SummaryWriter(str(out / "tensorboard"), purge_step=step)
        self.bar = progress_bar(total=100, unit="%", desc="training", disable=not progress, bar_format=BAR)
        self.show(HEADING)

    def show(self, line: str) -> None:
        """Write a line above the bar, where there is one."""
        if not self.bar.disable:
            self.bar.write(line, file=sys.stderr)

    def add(self, entry: Mapping[str, float]) -> None:
        """Add figures of a step to log and board."""
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        for name in entry.keys() - {"step"}:
            self.board.add_scalar(name, entry[name], int(entry["step"]))

    def add_evaluation(self, entry: Mapping[str, float]) -> None:
        """Add figures of the validation split, and the next line of the curve."""
        self.add(entry)
        self.show(curve_line(entry))

    def say(self, text: str) -> None:
        """Write beside the bar how the run stands."""
        self.bar.set_postfix_str(text, refresh=False)

    def move(self, done: float) -> None:
        """Move the bar to a share of the run."""
        self.bar.n = round(100 * min(1.0, done), 1)
        self.bar.update(0)

    def close(self) -> None:
        """Finish bar and board."""
        self.bar.n = 100
        self.bar.close()
        self.board.close()


def curve_line(entry: Mapping[str, float]) -> str:
    """Write figures of the validation split as a line whose bar is as long as the PSNR.

    Examples
    --------
    >>> curve_line({"step": 40, "minutes": 0.31, "val/nmae": 8.05, "val/psnr": 33.2})
    '      40      0.3            8.05 %  33.2 dB  ################'
    """
    bar = "#" * max(0, int(entry["val/psnr"] / STROKE))
    figures = f"{entry['val/nmae']:15.2f} %{entry['val/psnr']:6.1f} dB"
    return f"{int(entry['step']):8d}{entry['minutes']:9.1f} {figures}  {bar}"


def seconds_to(log: Path, before: float = 0.0) -> dict[str, float | None]:
    """Say after how many seconds the validation PSNR was first found at each of `LEVELS`, None where it never was.

    `before` is what passed before the log's clock started.
    """
    found = [(before + 60 * entry["minutes"], entry["val/psnr"]) for entry in read_log(log) if "val/psnr" in entry]
    return {str(level): next((seconds for seconds, psnr in found if psnr >= level), None) for level in LEVELS}


def keep_log_until(path: Path, step: int) -> None:
    """Drop what an interrupted run logged after its last checkpoint, so that no step is logged twice."""
    if path.exists():
        # The evaluation at `step` itself is about to be repeated; the training step that led there is not.
        kept = [
            entry for entry in read_log(path) if entry["step"] < step or (entry["step"] == step and "loss" in entry)
        ]
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in kept))

"""Judging predictions: several processes give to the last bit what one does."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.datasets.paw import paw_path
from symfft_models.evaluation import predictions
from symfft_models.evaluation.predictions import Judged
from symfft_models.predict import DensityPredictor
from symfft_models.scattering.densities import Observations

ROWS = 15


@pytest.fixture(scope="module")
def model():
    return DensityPredictor.load_shipped().model


def test_processes_give_what_one_gives(model, monkeypatch):
    """The first crystals of the hard list, with the linear algebra of all processes in one thread."""
    whole = predictions.judged_on
    monkeypatch.setattr(predictions, "judged_on", lambda path, split: Observations(whole(path, split).entries[:ROWS]))
    several = Judged.of(model, paw_path(), ["hard"], jobs=2)
    monkeypatch.setattr(predictions, "judged_on", whole)
    judge = predictions._Judge(model, paw_path())
    alone = [judge(("hard", row)) for row in range(ROWS)]
    assert several.rows["hard"] == alone
    assert [o.id for o in several.found["hard"]] == [row["id"] for row in alone]


def test_report_holds_splits_with_figures_and_rows(model):
    judge = predictions._Judge(model, None)
    row = judge(("test", 0))
    found = {"test": predictions.judged_on(None, "test")[:1]}
    report = Judged(model, found, {"test": [row]}).report()
    assert report["splits"]["test"]["rows"] == [row]
    assert {figures["group"] for figures in report["splits"]["test"]["summary"]} == {"all", row["group"]}
    assert report["facts"] == dict(model.facts)
    assert np.isfinite([row["nmae"], row["bar"], row["superposed"]]).all()

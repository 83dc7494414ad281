"""A model in a file: the same model again."""

from __future__ import annotations

import numpy as np

from symfft_models.scattering.training import train
from symfft_models.scattering.weights_file import load_model, save_model


def test_a_file_holds_the_model_exactly_but_for_its_draws(few_crystals, small, tmp_path):
    model = train(few_crystals, small)
    save_model(tmp_path / "model.safetensors", model)
    again = load_model(tmp_path / "model.safetensors")
    for crystal in (observation.crystal for observation in few_crystals):
        np.testing.assert_array_equal(again.coefficients(crystal).mean, model.coefficients(crystal).mean)
        np.testing.assert_array_equal(again.familiarity(crystal), model.familiarity(crystal))
    np.testing.assert_allclose(again.draws, model.draws, rtol=2**-11, atol=1e-7)

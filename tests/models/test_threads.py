"""How many threads learning takes."""

from __future__ import annotations

import pytest
import torch

from symfft_models.threads import one_core_left


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_one_core_is_left_and_comes_back(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    during = []

    @one_core_left()
    def interrupted():
        during.append(torch.get_num_threads())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (during, torch.get_num_threads()) == ([3], 4)


@pytest.mark.usefixtures("four_threads")
def test_the_user_decides(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    with one_core_left():
        assert torch.get_num_threads() == 4


def test_one_core_is_not_left(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with one_core_left():
        assert torch.get_num_threads() == 1
    torch.set_num_threads(before)

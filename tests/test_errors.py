"""Every exception of both packages goes from process to process whole."""

import copy
import importlib
import inspect
import multiprocessing
import pickle
import pkgutil

import pytest

import symfft
import symfft_models
from symfft import read_chgcar
from symfft.errors import ChgcarFormatError


def exceptions():
    for package in (symfft, symfft_models):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if module.name.endswith(("__main__", "gpaw_worker")):
                continue
            for kind in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(kind) and issubclass(kind, BaseException) and kind.__module__ == module.name:
                    yield kind


EXCEPTIONS = sorted(set(exceptions()), key=lambda kind: (kind.__module__, kind.__name__))


def instance(kind):
    """Make an exception, with an argument of its type for each parameter of its constructor."""
    if "__init__" not in vars(kind) and not issubclass(kind, symfft.DensityFormatError):
        return kind("what, value, rule and remedy", 7)
    arguments, named = [], {}
    for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        value = 7 if "int" in str(parameter.annotation) or "float" in str(parameter.annotation) else f"the {name}"
        if "Mapping" in str(parameter.annotation):
            value = {"residual": 1.5}
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named["measured"] = 1.5
        else:
            arguments.append(value)
    return kind(*arguments, **named)


def test_all_are_found():
    assert {k.__name__ for k in EXCEPTIONS} >= {"SymfftError", "ChgcarFormatError", "Refused", "CheckpointError"}


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_an_exception_survives_pickling_and_copying(kind):
    error = instance(kind)
    error.add_note("a note")
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for again in (*copies, copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert again.args == error.args
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_broken_file_in_a_pool_of_processes_is_an_error_not_a_hang(method, tmp_path):
    (tmp_path / "broken").write_text("no density\n")
    with (
        multiprocessing.get_context(method).Pool(1) as pool,
        pytest.raises(ChgcarFormatError, match="broken") as error,
    ):
        pool.map_async(read_chgcar, [tmp_path / "broken"]).get(timeout=120)
    assert error.value.path == str(tmp_path / "broken")

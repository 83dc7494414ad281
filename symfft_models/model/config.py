"""Settings: typed, read from TOML presets, changed by dotted overrides, and refused where a name or type is wrong."""

from __future__ import annotations

import difflib
import json
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from symfft_models.setting import ConfigError, check, setting


@dataclass(frozen=True)
class DataConfig:
    """Which densities."""

    path: str = setting("", "file of a set; empty: the densities that come with the package")
    space_groups: tuple[int, ...] = setting((221, 225, 227), "space groups of the model")
    origin_shift: bool = setting(True, "train on both choices of origin, half a cell diagonal apart")


@dataclass(frozen=True)
class ModelConfig:
    """Size and parts of the model (`symfft_models.model.vae`): a codec, a network, or both.

    In the domain "stars" a patch is that many neighbours of the `stars` coefficients that are kept, and attention goes
    over all patches; `window` and `site_power` are not used.
    """

    latent: int = setting(128, "floats that a density is coded in", above=0)
    channels: int = setting(64, "channels of the first stage", above=0)
    depths: tuple[int, ...] = setting((2, 2), "blocks of each stage")
    heads: tuple[int, ...] = setting((4, 8), "attention heads of each stage")
    patch: int = setting(4, "edge of a patch", above=0)
    window: int = setting(4, "patches along the edge of an attention window", above=0)
    condition_channels: int = setting(32, "channels that lattice constant and mean density become", above=0)
    domain: str = setting(
        "envelope-dct",
        "what the network reads and writes: envelope-dct, real or stars",
        choices=("envelope-dct", "real", "stars"),
    )
    site_power: float = setting(1.0, "the envelope holds rho / R_m**site_power, R_m the order of the site's symmetry")
    stars: int = setting(512, "coefficients kept in the domain stars", above=0)
    scale: str = setting("coefficient", "one unit per group or per coefficient", choices=("group", "coefficient"))
    magnitude: bool = setting(True, "tell the network the length of the reciprocal vectors")
    codec: bool = setting(False, "begin with a fitted codec")
    network: bool = setting(True, "train a network")
    linear: bool = setting(False, "a linear path beside the transformer, one per space group")
    posterior: float = setting(
        1.0, "standard deviation that the posterior starts with, where there is no codec", above=0
    )


@dataclass(frozen=True)
class LossConfig:
    """Kind of loss and the factors of its three terms (`symfft_models.model.loss`)."""

    kind: str = setting(
        "paper", "paper, or peak: the negative PSNR in place of its reconstruction terms", choices=("paper", "peak")
    )
    divergence: float = setting(1.0, "factor of the divergence of densities")
    reconstruction: float = setting(1.0, "factor of the reconstruction of structure factors")
    latent: float = setting(1e-4, "factor of the divergence of the latent from a normal distribution")
    latent_warmup: float = setting(0.2, "share of the run after which that factor is whole", least=0, most=1)


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation."""

    batch: int = setting(128, "densities per step, over all processes", above=0)
    epochs: float = setting(300.0, "times that each density is seen", above=0)
    max_minutes: float = setting(0.0, "end the run, schedule complete, after this time; 0: no limit", least=0)
    learning_rate: float = setting(1e-3, "largest learning rate", above=0)
    beta1: float = setting(0.8, "of AdamW", least=0, most=1)
    beta2: float = setting(0.999, "of AdamW", least=0, most=1)
    weight_decay: float = setting(0.0, "of AdamW and Muon", least=0)
    optimizer: str = setting("adamw", "adamw, or muon for matrices and adamw for the rest", choices=("adamw", "muon"))
    matrix_rate: float = setting(0.02, "largest learning rate of matrices under Muon", above=0)
    momentum: float = setting(0.95, "of Muon", least=0, most=1)
    warmup: float = setting(0.05, "share of the run in which the learning rate rises", least=0, most=1)
    final_rate: float = setting(0.01, "learning rate at the end, as a share of the largest", least=0, most=1)
    clip: float = setting(0.5, "largest norm of the gradient", above=0)
    ema: float = setting(0.999, "decay of the averaged weights, which are the ones that are kept", least=0, most=1)
    seed: int = setting(0, "of everything random")
    precision: str = setting(
        "no", "bf16 runs the body of the network in bfloat16; no: float32 everywhere", choices=("no", "bf16")
    )
    compile: bool = setting(False, "compile the body of the network (docs/distributed.md says where that pays)")
    log_every: int = setting(10, "steps between lines of the log", above=0)
    evaluate_every: int = setting(200, "steps between evaluations on the validation split", above=0)
    checkpoint_every: int = setting(100, "steps between checkpoints", above=0)


@dataclass(frozen=True)
class SampleConfig:
    """Generation (`symfft_models.sampling`)."""

    per_group: int = setting(3, "densities per space group", above=0)
    temperature: float = setting(1.0, "0: training densities; 1: all that lies between them", least=0)
    seed: int = setting(0, "of the draws")


@dataclass(frozen=True)
class Config:
    """Everything that decides a run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)

    def to_json(self) -> str:
        """Return the settings as JSON, which `from_json` reads back."""
        return json.dumps(asdict(self), indent=2)


#: File of a run folder that holds its settings.
CONFIG = "config.json"


def presets() -> list[str]:
    """List the names of the presets that come with the package."""
    return sorted(item.name.removesuffix(".toml") for item in (files("symfft_models") / "presets").iterdir()
                  if item.name.endswith(".toml"))  # fmt: skip


def load_config(preset: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Read a preset (its name, or a path to a TOML file) and apply overrides like ``train.epochs=10``.

    Raises
    ------
    ConfigError
        For an unknown preset, section or key, or a value of the wrong kind.

    Examples
    --------
    >>> load_config("paper", ["train.epochs=10"]).train.epochs
    10.0
    """
    name = str(preset)
    if name in presets():
        source = (files("symfft_models") / "presets") / f"{name}.toml"
    elif Path(name).is_file():
        source = Path(name)
    else:
        raise ConfigError(f"no preset or TOML file {name!r}; presets are {', '.join(presets())}")
    try:
        tree = tomllib.loads(source.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from None
    return override(merge(Config(), tree), overrides)


def chosen_config(preset: str | Path, changes: Iterable[str] = (), run: Path | None = None) -> Config:
    """Return the settings of an earlier run where there are some, else the preset's; then apply the changes."""
    earlier = run and run / CONFIG
    if earlier and earlier.exists():
        try:
            return override(from_json(earlier.read_text(encoding="utf-8")), changes)
        except UnicodeDecodeError as error:
            raise ConfigError(f"{earlier} is not text: {error}; delete it to begin with the preset again") from None
        except ConfigError as error:
            raise ConfigError(f"{earlier}: {error}") from None
    return load_config(preset, changes)


def describe_settings() -> str:
    """List every setting with its default and what it is, one line each.

    Examples
    --------
    >>> print(describe_settings().splitlines()[3].strip())
    model.latent=128  floats that a density is coded in
    """
    rows = [
        (f"{section.name}.{one.name}={json.dumps(one.default)}", one.metadata["text"])
        for section in fields(Config)
        for one in fields(type(getattr(Config(), section.name)))
    ]
    width = max(len(name) for name, _ in rows if len(name) < 44)
    return "\n".join(f"  {name.ljust(width)}  {text}" for name, text in rows)


def override(config: Config, changes: Iterable[str]) -> Config:
    """Apply changes like ``train.epochs=10``."""
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise ConfigError(f"override {change!r} must read section.key=value, like train.epochs=10")
        config = _merge(config, nest(key.strip().split("."), parse_value(value.strip())), "")
    return checked(config)


def from_json(text: str) -> Config:
    """Read settings written by `Config.to_json`.

    Raises
    ------
    ConfigError
        For text that is not a JSON object of settings.
    """
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the settings are not valid JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ConfigError(f"the settings must be a JSON object of sections, got {type(tree).__name__}")
    return merge(Config(), tree)


def training_command(config: Config, out: str = "RUN") -> str:
    """Return the command that trains with these settings: the nearest preset, and what differs from it.

    Examples
    --------
    >>> training_command(load_config("paper", ["train.epochs=10"]))
    'symfft-vae train --preset paper --set train.epochs=10.0 --out RUN'
    """

    def changes(preset: str) -> list[str]:
        ours, theirs = asdict(config), asdict(load_config(preset))
        return [
            f"{section}.{key}={json.dumps(value)}"
            for section, settings in ours.items()
            for key, value in settings.items()
            if value != theirs[section][key]
        ]

    preset = min(presets(), key=lambda name: len(changes(name)))
    words = [word for change in changes(preset) for word in ("--set", change)]
    return shlex.join(["symfft-vae", "train", "--preset", preset, *words, "--out", out])


def nest(keys: list[str], value: Any) -> dict[str, Any]:
    """Turn ``["a", "b"], 1`` into ``{"a": {"b": 1}}``."""
    return {keys[0]: nest(keys[1:], value) if len(keys) > 1 else value}


def parse_value(text: str) -> Any:
    """Read a value as TOML would; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def merge(config: Config, tree: Mapping[str, Any]) -> Config:
    """Return `config` with the settings of `tree` in place of its own, every one checked."""
    return checked(_merge(config, tree, ""))


def checked(config: Config) -> Config:
    """Refuse values out of range, and settings that do not go together."""
    for section in fields(config):
        check(getattr(config, section.name), f"{section.name}.")
    if not (config.model.codec or config.model.network):
        raise ConfigError("a model needs a codec, a network or both; set model.codec=true or model.network=true")
    if config.model.domain == "stars" and len(config.model.depths) > 1:
        raise ConfigError(
            f"model.depths {list(config.model.depths)} has several stages, which halve a grid, and stars lie on none; "
            "set one, like model.depths=[4] model.heads=[4]"
        )
    return config


def _merge(section: Any, tree: Mapping[str, Any], prefix: str) -> Any:
    known = get_type_hints(type(section))
    changes = {}
    for key, value in tree.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"unknown setting {prefix}{key}; {hint}")
        current = getattr(section, key)
        if is_dataclass(current):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{prefix}{key} is a section of settings, got {value!r}; set {prefix}{key}.NAME")
            changes[key] = _merge(current, value, f"{prefix}{key}.")
        else:
            changes[key] = _convert(value, known[key], prefix + key)
    return replace(section, **changes)


def _convert(value: Any, kind: Any, name: str) -> Any:
    if isinstance(value, int) and not -(2**53) <= value <= 2**53:
        raise ConfigError(f"{name} is out of range: {value if abs(value) < 10**30 else 'an integer of many digits'}")
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not value:
            raise ConfigError(f"{name} must be a non-empty list, got {value!r}")
        return tuple(_convert(item, get_args(kind)[0], name) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} must be of type {kind.__name__}, got {value!r}")
    return value

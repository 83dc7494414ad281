"""Settings: typed, read from TOML presets, changed by dotted overrides, and refused where a name or type is wrong."""

from __future__ import annotations

import difflib
import json
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from symfft import SymfftError


class ConfigError(SymfftError):
    """A setting is unknown, or has a value it cannot take."""


@dataclass(frozen=True)
class DataConfig:
    """Which densities. An empty `path` means those that come with the package."""

    path: str = ""
    space_groups: tuple[int, ...] = (221, 225, 227)
    origin_shift: bool = True


@dataclass(frozen=True)
class ModelConfig:
    """Size and parts of the model (`symfft_models.model.vae`): a codec, a network, or both.

    `domain` is what the network reads and writes (`symfft_models.model.representation`). In the domain "stars" a patch
    is that many neighbours of the `stars` coefficients that are kept, and attention goes over all patches; `window` and
    `site_power` are not used. `scale` says whether the network sees and writes numbers in units of one number a space
    group or of one a coefficient, `magnitude` whether it is told the length of the reciprocal vectors.
    """

    latent: int = 128
    channels: int = 64
    depths: tuple[int, ...] = (2, 2)
    heads: tuple[int, ...] = (4, 8)
    patch: int = 4
    window: int = 4
    condition_channels: int = 32
    domain: str = "envelope-dct"
    site_power: float = 1.0
    stars: int = 512
    scale: str = "coefficient"
    magnitude: bool = True
    codec: bool = False
    network: bool = True


@dataclass(frozen=True)
class LossConfig:
    """Kind of loss and the factors of its three terms (`symfft_models.model.loss`)."""

    kind: str = "paper"
    divergence: float = 1.0
    reconstruction: float = 1.0
    latent: float = 1e-4
    latent_warmup: float = 0.2


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation.

    `batch` is the global batch, over all processes; `max_minutes` 0 means no limit. `precision` "bf16" runs the body
    of the network in bfloat16; transforms, heads and losses stay in float32. `compile` compiles the body
    (docs/distributed.md says where that pays).
    """

    batch: int = 128
    epochs: float = 300.0
    max_minutes: float = 0.0
    learning_rate: float = 1e-3
    beta1: float = 0.8
    beta2: float = 0.999
    weight_decay: float = 0.0
    warmup: float = 0.05
    final_rate: float = 0.01
    clip: float = 0.5
    ema: float = 0.999
    seed: int = 0
    precision: str = "no"
    compile: bool = False
    log_every: int = 10
    evaluate_every: int = 200
    checkpoint_every: int = 100


@dataclass(frozen=True)
class SampleConfig:
    """Generation: densities per space group, and the width of the draw (`symfft_models.sampling.prior`)."""

    per_group: int = 3
    temperature: float = 1.0
    seed: int = 0


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


CHOICES = {
    "model.domain": ("envelope-dct", "real", "stars"),
    "model.scale": ("group", "coefficient"),
    "loss.kind": ("paper", "peak"),
    "train.precision": ("no", "bf16"),
}
POSITIVE = (
    "model.latent", "model.channels", "model.patch", "model.window", "model.condition_channels", "model.stars",
    "train.batch", "train.epochs", "train.learning_rate", "train.clip", "train.log_every", "train.evaluate_every",
    "train.checkpoint_every", "sample.per_group",
)  # fmt: skip
SHARES = ("loss.latent_warmup", "train.warmup", "train.final_rate", "train.ema", "train.beta1", "train.beta2")


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
        text = ((files("symfft_models") / "presets") / f"{name}.toml").read_text(encoding="utf-8")
    elif Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    else:
        raise ConfigError(f"no preset or TOML file {name!r}; presets are {', '.join(presets())}")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from None
    return override(merge(Config(), tree), overrides)


def override(config: Config, changes: Iterable[str]) -> Config:
    """Apply changes like ``train.epochs=10``."""
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise ConfigError(f"override {change!r} must read section.key=value, like train.epochs=10")
        config = _merge(config, nest(key.strip().split("."), parse_value(value.strip())), "")
    return checked(config)


def from_json(text: str) -> Config:
    """Read settings written by `Config.to_json`."""
    return merge(Config(), json.loads(text))


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
    for name in POSITIVE:
        if not _get(config, name) > 0:
            raise ConfigError(f"{name} must be positive, got {_get(config, name)}")
    for name in SHARES:
        if not 0 <= _get(config, name) <= 1:
            raise ConfigError(f"{name} must lie between 0 and 1, got {_get(config, name)}")
    if not (config.model.codec or config.model.network):
        raise ConfigError("a model needs a codec, a network or both; set model.codec=true or model.network=true")
    for name, choices in CHOICES.items():
        if _get(config, name) not in choices:
            raise ConfigError(f"{name} must be one of {', '.join(choices)}, got {_get(config, name)!r}")
    if config.model.domain == "stars" and len(config.model.depths) > 1:
        raise ConfigError(
            f"model.depths {list(config.model.depths)} has several stages, which halve a grid, and stars lie on none; "
            "set one, like model.depths=[4] model.heads=[4]"
        )
    return config


def _get(config: Config, name: str) -> Any:
    section, key = name.split(".")
    return getattr(getattr(config, section), key)


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
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not value:
            raise ConfigError(f"{name} must be a non-empty list, got {value!r}")
        return tuple(_convert(item, get_args(kind)[0], name) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} must be of type {kind.__name__}, got {value!r}")
    return value

"""The configuration of an experiment: one TOML file, one frozen dataclass a section."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from wetread.errors import UsageError
from wetread.image.transforms import RASTER

__all__ = ["Config", "DataConfig", "DecoderConfig", "EncoderConfig", "FindingsConfig", "load_config"]

#: What an encoder can begin with and be computed in.
INITS = ("imagenet", "random")
PRECISIONS = ("bf16", "fp32")
#: Pixels to a cell of an encoder's last features.
_STRIDE = 32
#: Pixels to a cell of the detector's deepest features.
_DEEPEST = 16


@dataclass(frozen=True)
class DataConfig:
    """``manifest``: JSON lines of ``wetread data prepare``; ``other_films``: a folder with ``films.csv``, or empty."""

    manifest: str = ""
    other_films: str = ""
    train_splits: tuple[str, ...] = ("train", "extra")
    min_concept: int = 12
    min_wording: int = 10


@dataclass(frozen=True)
class EncoderConfig:
    """The film encoder. ``init`` is ``imagenet`` or ``random``; ``warmup_epochs`` are spent on the other films.

    ``joint``: those of ChestX-ray14 are taught beside the run's own, for the findings both name. ``continued``: the
    folder of a run or bundle of the same folds, whose encoders are trained on. ``members``: networks a fold, each from
    a seed of its own; network n is blind to fold n % folds. ``place_epochs``: of the head that tells where the labels
    lie, on the trained encoder; 0: none. ``finish_epochs``: each network is then trained on with all teachers, at
    ``finish_rate`` and with its first ``finish_frozen`` blocks as they are, and ships in place of the blind one, which
    stays behind to calibrate; 0: the blind ones ship. ``precision``: ``bf16`` where the device computes in it, else
    single; ``fp32`` always single. ``small_epochs``: so many of the first epochs, of the warm-up's and of a fold's
    each, see the films at ``small_size``, which takes half the time (progressive learning; Tan & Le 2021,
    "EfficientNetV2: Smaller Models and Faster Training").
    """

    init: str = "imagenet"
    continued: str = ""
    joint: bool = True
    size: int = 224
    neck: int = 256
    folds: int = 3
    members: int = 1
    epochs: int = 5
    warmup_epochs: int = 3
    batch: int = 16
    learning_rate: float = 8e-4
    weight_decay: float = 0.05
    ema: float = 0.998
    dropout: float = 0.2
    place_epochs: int = 6
    finish_epochs: int = 0
    finish_rate: float = 4e-4
    finish_frozen: int = 5
    precision: str = "bf16"
    small_epochs: int = 0
    small_size: int = 160


@dataclass(frozen=True)
class DetectorConfig:
    """The detector of findings that are drawn into films; ``epochs`` 0: none. ``ema``: see ``encode.Average``.

    ``small_epochs``: so many of the first epochs see the films at ``small_size`` (see ``EncoderConfig``).
    """

    epochs: int = 0
    batch: int = 16
    learning_rate: float = 1.5e-3
    ema: float = 0.998
    small_epochs: int = 0
    small_size: int = 192


@dataclass(frozen=True)
class FindingsConfig:
    """Calibration of the findings: ``folds`` of the cross-fitting, ``beta`` of the thresholds.

    ``least``: what is less probable is not asserted, however rare the finding; ``least_right``: of what is asserted so
    large a share is expected to be right, of each finding; ``least_further``: likewise of findings
    beyond the 14 labels (``report.further``). ``least_word``: words of so many indications are read (0: none is).
    """

    folds: int = 5
    beta: float = 1.0
    least: float = 0.0
    least_right: float = 0.0
    least_further: float = 0.35
    least_word: int = 8


@dataclass(frozen=True)
class DecoderConfig:
    """The language model and its phases of training: words, consensus, and self-critical where it has epochs.

    ``consensus_width``, ``department_weight``, ``consensus_noise``: by what studies are alike (``consensus.Likeness``).
    ``meteor_weight``, ``rouge_weight``: what METEOR's words and ROUGE-L are worth beside CIDEr. ``between``: so many
    studies that might be (``consensus.between``) are taught beside each teacher; an epoch of the consensus has them
    all. ``ema``: see ``encode.Average``. ``told_odds``: whether drafts are written with how probable findings are, too,
    or with what is asked of them and the department alone (``ReportDecoder.forget``).
    """

    width: int = 192
    layers: int = 2
    heads: int = 6
    dropout: float = 0.2
    max_tokens: int = 110
    min_word: int = 3
    epochs: int = 12
    batch: int = 32
    learning_rate: float = 1e-3
    ema: float = 0.998
    label_smoothing: float = 0.05
    consensus_epochs: int = 16
    consensus_width: float = 4.0
    consensus_noise: float = 10.0
    department_weight: float = 1.0
    consensus_often: int = 3
    consensus_short: int = 9
    between: int = 0
    meteor_weight: float = 1.5
    scst_epochs: int = 0
    scst_samples: int = 5
    scst_learning_rate: float = 1e-4
    cider_weight: float = 1.0
    rouge_weight: float = 1.0
    label_weight: float = 1.0
    told_odds: bool = True
    beams: int = 1


@dataclass(frozen=True)
class Config:
    name: str = "run"
    version: str = "0"
    seed: int = 1
    run_dir: str = ""
    data: DataConfig = field(default_factory=DataConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    findings: FindingsConfig = field(default_factory=FindingsConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    def digest(self) -> str:
        """SHA-256 of everything that decides the result; paths do not."""
        values = asdict(self)
        values.pop("run_dir")
        values["data"].pop("manifest")
        values["data"].pop("other_films")
        values["encoder"]["continued"] = bool(values["encoder"]["continued"])
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _section(kind: type, values: dict[str, Any], where: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    for key in values:
        if key not in known:
            raise UsageError(f"{where}: unknown setting '{key}'; known are {', '.join(sorted(known))}")
    cleaned = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    for key, value in cleaned.items():
        default = getattr(kind(), key)
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            cleaned[key] = float(value)
        elif type(value) is not type(default):
            raise UsageError(f"{where}: '{key}' must be of type {type(default).__name__}, not {value!r}")
    return kind(**cleaned)


def _path(value: str, base: Path) -> str:
    named = os.path.expandvars(value)
    if "$" in named:
        raise UsageError(f"the path {named} names a variable that is not set; export it and run again")
    expanded = Path(named).expanduser()
    return str(expanded if expanded.is_absolute() else (base / expanded).resolve())


def _check_encoder(config: EncoderConfig, where: str) -> None:
    none = ("warmup_epochs", "place_epochs", "finish_epochs", "finish_frozen", "small_epochs")
    for key, least in (("folds", 2), ("members", 1), *((key, 0) for key in none)):
        if getattr(config, key) < least:
            raise UsageError(f"{where}: '{key}' must be at least {least}")
    if config.small_size % _STRIDE or not _STRIDE <= config.small_size <= config.size:
        raise UsageError(f"{where}: 'small_size' must be a multiple of {_STRIDE}, at most {config.size}")
    for key, known in (("init", INITS), ("precision", PRECISIONS)):
        if getattr(config, key) not in known:
            raise UsageError(f"{where}: '{key}' must be one of {', '.join(known)}, not '{getattr(config, key)}'")


def _check_detector(config: DetectorConfig, where: str) -> None:
    if config.epochs < 0 or config.batch < 1:
        raise UsageError(f"{where}: 'epochs' must be at least 0 and 'batch' at least 1")
    if not config.learning_rate > 0:
        raise UsageError(f"{where}: 'learning_rate' must be above 0; .0015 is usual")
    if config.small_epochs < 0:
        raise UsageError(f"{where}: 'small_epochs' must be at least 0")
    if config.small_size % _DEEPEST or not _DEEPEST <= config.small_size <= RASTER:
        raise UsageError(f"{where}: 'small_size' must be a multiple of {_DEEPEST}, at most {RASTER}")


def _check_findings(config: FindingsConfig, where: str) -> None:
    for key in ("least", "least_right", "least_further"):
        if not 0 <= getattr(config, key) < 1:
            raise UsageError(f"{where}: '{key}' is a probability, from 0 to below 1")
    if config.least_word < 0:
        raise UsageError(f"{where}: 'least_word' must be at least 0")


def _check_decoder(config: DecoderConfig, where: str) -> None:
    for key in ("consensus_width", "consensus_noise"):
        if not getattr(config, key) > 0:
            raise UsageError(f"{where}: '{key}' must be above 0; 1 to 30 have been tried")
    for key in ("meteor_weight", "rouge_weight"):
        if not getattr(config, key) >= 0:
            raise UsageError(f"{where}: '{key}' must be at least 0; .5 to 4 have been tried")
    if config.between < 0:
        raise UsageError(f"{where}: 'between' must be at least 0")
    if not 0 <= config.ema < 1:
        raise UsageError(f"{where}: 'ema' must lie between 0 and 1")


def load_config(path: str | Path) -> Config:
    """Read a configuration; its paths are relative to the file and may name environment variables.

    Raises:
        UsageError: the file is absent, no TOML, or has an unknown or ill-typed setting.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the configuration {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration {path} is no TOML: {error}") from error
    sections = {
        "data": DataConfig,
        "encoder": EncoderConfig,
        "detector": DetectorConfig,
        "findings": FindingsConfig,
        "decoder": DecoderConfig,
    }
    built = {k: _section(kind, values.pop(k, {}), f"{path} [{k}]") for k, kind in sections.items()}
    config = _section(Config, {**values, **built}, str(path))
    if not config.data.manifest or not config.run_dir:
        raise UsageError(f"{path}: 'run_dir' and 'manifest' in [data] must be set")
    if config.encoder.size != 224:
        raise UsageError(f"{path} [encoder]: 'size' must be 224: evidence lies on maps of 14×14 cells of 16 pixels")
    base = path.resolve().parent
    data = asdict(config.data)
    data["manifest"] = _path(config.data.manifest, base)
    data["other_films"] = _path(config.data.other_films, base) if config.data.other_films else ""
    _check_encoder(config.encoder, f"{path} [encoder]")
    _check_detector(config.detector, f"{path} [detector]")
    _check_findings(config.findings, f"{path} [findings]")
    _check_decoder(config.decoder, f"{path} [decoder]")
    if config.encoder.continued:
        config = replace(config, encoder=replace(config.encoder, continued=_path(config.encoder.continued, base)))
    rest = {f.name: getattr(config, f.name) for f in fields(Config)}
    return Config(**{**rest, "run_dir": _path(config.run_dir, base), "data": DataConfig(**data)})

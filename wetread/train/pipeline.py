"""The stages of an experiment, in order; each leaves its result in the run folder and is skipped when it is there."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import torch

from wetread.errors import UsageError
from wetread.train.config import Config
from wetread.train.stages.bundle import export_bundle
from wetread.train.stages.findings import fit_findings
from wetread.train.stages.networks import (
    build_targets,
    finish_encoders,
    learn_detector,
    learn_encoders,
    learn_places,
    look_at_films,
    pack_films,
    warm_up,
)
from wetread.train.stages.run import Run
from wetread.train.stages.words import fit_departments, teach_decoder

__all__ = ["STAGES", "run_stages"]

log = logging.getLogger("wetread.train")

STAGES = {
    "pack": pack_films,
    "detector": learn_detector,
    "warmup": warm_up,
    "targets": build_targets,
    "encoder": learn_encoders,
    "finish": finish_encoders,
    "places": learn_places,
    "outputs": look_at_films,
    "findings": fit_findings,
    "departments": fit_departments,
    "decoder": teach_decoder,
    "export": export_bundle,
}


def run_stages(config: Config, only: str | None = None, fold: int | None = None, threads: int | None = None) -> None:
    """Run all stages, or the one named; of the encoders all, or that of the fold named (one process each).

    Raises:
        UsageError: there is no such stage, the manifest has no study to learn from, or there is nothing to continue.
    """
    if only is not None and only not in STAGES:
        raise UsageError(f"there is no stage '{only}'; they are {', '.join(STAGES)}")
    earlier = config.encoder.continued
    if earlier and not any(any(Path(earlier).glob(name)) for name in ("bundle.json", "encoder*.safetensors")):
        raise UsageError(f"{earlier} is neither a bundle nor a run with encoders; correct encoder.continued")
    if threads:
        torch.set_num_threads(threads)
    run = Run.open(config, fold)
    if run.finishes and (~run.teachers).sum() < 2:
        raise UsageError(
            f"{config.data.manifest} has no two studies that teach nothing (split val), by which finished networks are"
            " brought to scale; add some or set encoder.finish_epochs = 0"
        )
    if fold is not None and fold not in run.networks:
        raise UsageError(f"there is no network {fold}; they are 0 to {run.networks[-1]}")
    (run.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (run.folder / "config.json").write_text(json.dumps({"digest": config.digest()}))
    torch.manual_seed(config.seed)
    keep = logging.FileHandler(run.folder / "train.log")
    keep.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(keep)
    for name, stage in STAGES.items():
        if only in (None, name):
            log.info("stage %s", name)
            try:
                stage(run)
            except FileNotFoundError as error:
                if str(run.folder) not in str(error):
                    raise
                raise UsageError(
                    f"stage '{name}' needs what an earlier stage writes ({error}); run that one first"
                ) from error

"""``wetread train CONFIG``: run an experiment, stage by stage."""

from __future__ import annotations

import argparse

from wetread.errors import ExtraMissing

HELP = "Run an experiment: from a manifest to calibrated networks. Interrupted stages resume. Needs the extra 'train'."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="the experiment's TOML file (see runs/)")
    parser.add_argument("--stage", metavar="NAME", help="run this stage alone (default: all, in order)")
    one = "of the stages 'encoder', 'finish', 'places' and 'outputs', do network K alone (from 0)"
    parser.add_argument("--fold", type=int, metavar="K", help=one)
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: all cores)")


def run(args: argparse.Namespace) -> int:
    import logging

    from wetread.train.config import load_config

    config = load_config(args.config)
    try:
        from wetread.train.pipeline import run_stages
    except ImportError as error:
        raise ExtraMissing("wetread train", "train") from error
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    run_stages(config, args.stage, args.fold, args.threads)
    return 0

"""Does the exported decoder write what the torch decoder writes? Greedy text on all of val, token by token.

    python benchmarks/agreement.py CONFIG

CONFIG is the experiment's file; its run folder holds the decoder and the exported bundle.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
from command import command
from safetensors.torch import load_file

from wetread.model.tokenizer import BEGIN, END, PAD, Tokenizer
from wetread.train.compose import generate
from wetread.train.config import load_config
from wetread.train.consensus import Profile
from wetread.train.decoder import Memory, ReportDecoder
from wetread.train.stages.findings import load_asking
from wetread.train.stages.run import Run, load_targets
from wetread.train.stages.seen import load_seen
from wetread.train.stages.words import load_departments, memory_of, new_decoder


def onnx_greedy(bundle: Path, memory: Memory, decoder: ReportDecoder, limit: int) -> list[int]:
    """One study's tokens by the exported graphs, the same plain greedy choice as ``generate``."""
    read = onnxruntime.InferenceSession(str(bundle / "memory.onnx"))
    step = onnxruntime.InferenceSession(str(bundle / "decoder.onnx"))
    feed = {name: getattr(memory, name).numpy() for name in memory.__dataclass_fields__}
    (cross,) = read.run(None, feed)
    n = cross.shape[2]
    past = decoder.empty_past(n).numpy()
    token, done, written = np.full(n, BEGIN), np.zeros(n, bool), []
    for place in range(limit):
        inputs = {"token": token, "place": np.array([place]), "past": past, "cross": cross}
        logits, past = step.run(None, inputs)
        logits[:, [PAD, BEGIN]] = -np.inf
        token = np.where(done, PAD, logits.argmax(-1))
        written.append(token)
        done |= token == END
        if done.all():
            break
    return np.stack(written, 1).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    run = Run.open(load_config(parser.parse_args().config))
    bundle = run.folder / "bundle"
    tokenizer = Tokenizer.load(bundle / "vocabulary.json")
    asking = load_asking(run)
    asked = asking(asking.probability, load_seen(run).worn(load_targets(run).names))
    val = np.array([row.split == "val" for row in run.rows])
    memory = memory_of(Profile(asking.probability, load_departments(run)[0]), asked).rows(val)
    decoder = new_decoder(run.config, len(tokenizer))
    decoder.load_state_dict(load_file(run.folder / "decoder.safetensors"))
    limit = run.config.decoder.max_tokens
    expected = generate(decoder.eval(), memory, limit).tolist()
    got = onnx_greedy(bundle, memory, decoder, limit)
    same = sum([t for t in a if t != PAD] == [t for t in b if t != PAD] for a, b in zip(expected, got, strict=True))
    print(f"{same} of {len(expected)} val studies: the same greedy text from the exported and the torch decoder")


if __name__ == "__main__":
    command(main)

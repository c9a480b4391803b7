"""Does the exported decoder write what the torch decoder writes? Greedy text on all of val, token by token.

    python benchmarks/agreement.py CONFIG

CONFIG is the experiment's file; its run folder holds the decoder and the exported bundle.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from command import command
from safetensors.torch import load_file

from wetread.model.findings import commands_of
from wetread.model.tokenizer import BEGIN, END, PAD, Tokenizer
from wetread.report.further import FURTHER
from wetread.train import lessons
from wetread.train.compose import generate
from wetread.train.config import load_config
from wetread.train.decoder import Memory, ReportDecoder
from wetread.train.pipeline import Run, load_seen


def onnx_greedy(bundle: Path, memory: Memory, decoder: ReportDecoder, limit: int) -> list[int]:
    """One study's tokens by the exported graphs, the same plain greedy choice as ``generate``."""
    read = onnxruntime.InferenceSession(str(bundle / "memory.onnx"))
    step = onnxruntime.InferenceSession(str(bundle / "decoder.onnx"))
    feed = {name: getattr(memory, name).numpy() for name in memory.__dataclass_fields__}
    cross, mask = read.run(None, feed)
    past = decoder.empty_past(len(mask)).numpy()
    token, done, written = np.full(len(mask), BEGIN), np.zeros(len(mask), bool), []
    for place in range(limit):
        inputs = {"token": token, "place": np.array([place]), "past": past, "cross": cross, "mask": mask}
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
    seen = load_seen(run)
    with np.load(run.folder / "findings.npz", allow_pickle=False) as stored:
        probability, positive_from = stored["probability"], stored["positive_from"]
        both = np.concatenate((probability, stored["further_probability"]), 1)
    rows = lessons.reader_rows(run.rows, seen.studies, seen.outputs, seen.scales, seen.concepts(), both, tokenizer)
    index = torch.tensor([i for i, row in enumerate(run.rows) if row.split == "val"])
    commands = torch.from_numpy(commands_of(probability, positive_from))[index]
    silent = torch.zeros_like(rows["indication"][index])
    memory = Memory(rows["concepts"][index], rows["maps"][index].float(), rows["views"][index], commands, silent)
    c = run.config.decoder
    concepts = seen.studies.mean.shape[1]
    shape = c.width, c.layers, c.heads, c.dropout, c.max_tokens
    decoder = ReportDecoder(len(tokenizer), concepts, *shape, further=len(FURTHER))
    decoder.load_state_dict(load_file(run.folder / "decoder.safetensors"))
    expected = generate(decoder.eval(), memory, c.max_tokens).tolist()
    got = onnx_greedy(bundle, memory, decoder, c.max_tokens)
    same = sum([t for t in a if t != PAD] == [t for t in b if t != PAD] for a, b in zip(expected, got, strict=True))
    print(f"{same} of {len(expected)} val studies: the same greedy text from the exported and the torch decoder")


if __name__ == "__main__":
    command(main)

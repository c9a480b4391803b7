"""What a training step of the encoder costs on this processor in bfloat16, with and without the quick convolutions.

    python benchmarks/step.py [--films N] [--repeats N]

One thread, forward and backward, random films; of each the best of the repeats. ``wetread.train.depthwise`` says why.
"""

from __future__ import annotations

import argparse
import copy
import time

import torch
from command import command
from section import table

from wetread.errors import UsageError
from wetread.train.depthwise import quicken
from wetread.train.encode import mixed
from wetread.train.encoder import FilmEncoder

#: Concepts of the default bundle, side of its input.
CONCEPTS, SIDE = 481, 224


def step(network: FilmEncoder, films: torch.Tensor) -> float:
    """Seconds of one forward and backward pass."""
    network.zero_grad(set_to_none=True)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(films)[0]
    logits.float().square().mean().backward()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=28, help="of a batch (default: 28, of 16 studies)")
    parser.add_argument("--repeats", type=int, default=4)
    args = parser.parse_args()
    if min(args.films, args.repeats) < 1:
        raise UsageError("--films and --repeats must be at least 1")
    if not mixed("bf16", torch.device("cpu")):
        raise UsageError("this processor has no bfloat16 of its own, so that nothing is trained in it here")
    torch.set_num_threads(1)
    films = torch.rand(args.films, 1, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    rows = [["first blocks left as they are", "as it is, ms a film", "quick, ms a film", "times faster"]]
    for frozen in (0, 5):
        slow = FilmEncoder(CONCEPTS).to(memory_format=torch.channels_last).train()
        for part in slow.first_blocks(frozen):
            part.requires_grad_(False)
        quick = copy.deepcopy(slow)
        quicken(quick)
        took = [1000 * min(step(n, films) for _ in range(args.repeats)) / args.films for n in (slow, quick)]
        rows.append([str(frozen), f"{took[0]:.0f}", f"{took[1]:.0f}", f"{took[0] / took[1]:.1f}"])
    print(table(rows))


if __name__ == "__main__":
    command(main)

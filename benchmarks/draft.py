"""What a draft costs: warm and cold time, memory, throughput, each stage's share, and the distance to the floor.

    python benchmarks/draft.py [--film FILE]... [--bundle BUNDLE] [--markdown]

The study has two views (by default the RG1 film of pydicom-data twice, as it has no lateral). The floor is the
encoders' multiply-adds over the rate of a large matrix product measured in the same run, on the same threads.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from command import command

RUNS = 15


def example() -> Path:
    from pydicom.data import get_testdata_file

    return Path(str(get_testdata_file("RG1_UNCR.dcm")))


def peak_rate(threads: int) -> float:
    """Multiply-adds a second of a 1024×1024 single-precision product in onnxruntime: the best of several."""
    import onnxruntime
    from onnx import TensorProto, helper

    n = 1024
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [n, n]) for x in "ab"],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [n, n])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    a = np.random.default_rng(0).random((n, n), dtype=np.float32)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        session.run(None, {"a": a, "b": a})
        best = min(best, time.perf_counter() - start)
    return n**3 / best


def multiply_adds(bundle: Path) -> float:
    """Of one film through all encoders: its convolutions, from the shapes that they give when they are run."""
    import onnx
    import onnxruntime
    from onnx import helper

    total = 0.0
    for path in sorted(bundle.glob("encoder*.onnx")):
        model = onnx.load(path)
        weights = {t.name: list(t.dims) for t in model.graph.initializer}
        casts = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Cast"}
        convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
        del model.graph.output[:]
        model.graph.output.extend(helper.make_empty_tensor_value_info(n.output[0]) for n in convolutions)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        outputs = session.run(None, {"film": np.zeros((1, 1, 224, 224), np.float32)})
        for node, out in zip(convolutions, outputs, strict=True):
            kernel = weights[casts.get(node.input[1], node.input[1])]
            total += float(out.size * np.prod(kernel[1:]))
    return total


def measure_child(films: list[str], bundle: str | None) -> dict:
    """In a fresh process: the first draft after import, then warm drafts, then peak memory."""
    code = (
        "import json,sys,time,resource;t=time.perf_counter();from wetread.draft import Drafter;"
        "d=Drafter.load(sys.argv[1] or None);f=sys.argv[2:];d.draft(f);cold=time.perf_counter()-t;w=[]\n"
        f"for _ in range({RUNS}):\n s=d.draft(f).seconds;w.append(dict(s))\n"
        "print(json.dumps({'first':cold,'warm':w,'rss':resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*1024}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, bundle or "", *films], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def cold_shell(films: list[str], bundle: str | None) -> float:
    """Wall time of ``wetread draft`` from the shell; the median of five."""
    command = [sys.executable, "-m", "wetread", "draft", *films, *(["--model", bundle] if bundle else [])]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--film", action="append", type=Path)
    parser.add_argument("--bundle")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    films = [str(f) for f in (args.film or [example()] * 2)]
    from wetread.model.bundle import default_path

    bundle = Path(args.bundle) if args.bundle else default_path()
    threads = min(4, len(os.sched_getaffinity(0)))
    child = measure_child(films, args.bundle)
    warm = {k: statistics.median(s[k] for s in child["warm"]) for k in ("read", "encode", "decode", "total")}
    parts = [s["read"] + s["encode"] + s["decode"] for s in child["warm"]]
    rest = [s["total"] - part for s, part in zip(child["warm"], parts, strict=True)]
    ops = multiply_adds(bundle) * len(films)
    rate = peak_rate(threads)
    rows = {
        "warm, whole study, s": warm["total"],
        "of it reading the files": warm["read"],
        "of it encoding": warm["encode"],
        "of it writing": warm["decode"],
        "of it grounding, checks, rest": statistics.median(rest),
        "the same on top of the remaining draft": statistics.median(r / p for r, p in zip(rest, parts, strict=True)),
        "cold from the shell, s": cold_shell(films, args.bundle),
        "peak memory, MB": child["rss"] / 1e6,
        "studies a second, one after another": 1 / warm["total"],
        "encoder multiply-adds, 10⁹": ops / 1e9,
        "rate of a large matrix product, 10⁹ multiply-adds/s": rate / 1e9,
        "encoding over its floor": warm["encode"] / (ops / rate),
    }
    rows["peak memory of this script, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    if args.markdown:
        print(f"{threads} threads, {len(films)} views.\n")
        print("| what | figure |\n| --- | --- |")
        print("\n".join(f"| {k} | {v:.3g} |" for k, v in rows.items() if "script" not in k))
    else:
        print("\n".join(f"{k:<55}{v:>12.3f}" for k, v in rows.items()))


if __name__ == "__main__":
    command(main)

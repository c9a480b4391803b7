"""What README's first command costs on a fresh clone: wall time, size, and that no torch comes with it.

python benchmarks/install.py        (clones this repository into a temporary folder; needs the package registry)
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILM = "from pydicom.data import get_testdata_file as film; print(film('RG1_UNCR.dcm'))"


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        clone = Path(place) / "wetread"
        run(["git", "clone", "--quiet", str(ROOT), str(clone)], Path(place))
        start = time.perf_counter()
        run(["scripts/install", "demo"], clone)
        installed = time.perf_counter() - start
        python = str(clone / ".venv" / "bin" / "python")
        size = int(run(["du", "-sm", ".venv"], clone).split()[0])
        packages = run([python, "-m", "pip", "list", "--format=freeze"], clone).lower()
        film = run([python, "-c", FILM], clone).strip()
        start = time.perf_counter()
        report = run([python, "-m", "wetread", "draft", film, "--out", "out"], clone)
        drafted = time.perf_counter() - start
        print("| what | figure |\n| --- | --- |")
        print(f"| `scripts/install demo` in a fresh clone, s | {installed:.0f} |")
        print(f"| size of the environment (pip and the test films of pydicom-data in it), MB | {size} |")
        print(f"| torch installed | {'yes' if 'torch==' in packages else 'no'} |")
        print(f"| draft of RG1 with its picture, from the shell, s | {drafted:.1f} |")
        print(f"| sentences printed | {report.count('.')} |")


if __name__ == "__main__":
    main()

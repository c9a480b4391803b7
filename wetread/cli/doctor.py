"""``wetread doctor``: whether this installation works, part by part, each with its remedy."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from wetread.errors import WetreadError

__all__ = ["HELP", "Check", "configure", "examine", "run"]

HELP = "Check the installation: the model bundle, the decoders, optional parts; each with its remedy."

State = Literal["ok", "absent", "failed"]

#: Bytes that should be free where temporary files go.
_ROOM = 200 * 2**20

#: A frame of 64×64 pixels in each compressed transfer syntax, dark left and bright right: 32 and 224 in the 8 bits of
#: JPEG baseline, else 512 and 3584 of 12 bits; zlib, then base 85.
_SAMPLES: dict[str, str] = {
    "RLELossless": ("c-muPU|?_nVMYeBz(b~od?OhjWEfZo02x)KL;"),
    "JPEG2000Lossless": (
        "c-s5#|38pHlK})Apcn>F`Hb9*jQ@iectA`BRu&cp#{V%4!VU=;83oAbe+q*t1EX_MYGO%hib7JQf`373o>zdYyFyuNQE_H|o`R8{sh-jQ"
        "2@G6dV^e_UOuqj>hBNF<@eiBp$3Jl~a45(9EI$58f<avCVa&<IrBC|Wx9mUuNsd7=k6qDauVDl;C*!{p6Q&>kq{LwQ$$oW|`!Sa(Dsr6;"
        "6Q=*KKmLi2A@0{v``KLg|KDT)0NZj$!2"
    ),
    "JPEGLSLossless": (
        "c-s4a<NtRCZXN~)1_wq)L5Bag7&sUi8NlE_Ba1+bq972cO!8Ej<N*@X|If@Ok=TX>$^R>`U&PlU!;#?3Bq4C1hXa9T2s0)4a5fsKu^=-y"
        "=x{R;K{Wio2>`vfF?a"
    ),
    "JPEGBaseline8Bit": (
        "c-n1^y$!-J6ok*gCXVd{C)g$%Fb0;8B0<GQjKV4@=xO<B7=Zzh9xok2++FqQbVpZu!taOO03iUu20gIFtSF|iBu8nbq*SIX=h_+Ptg*Ik"
        "I$t+!W35lVU4|H=TdevN`YyykBdkV77NP~6k$9iCzhx@s!T(VHze7*m4KA;M;y4~q5k$uNt$@=XMz;@`&>xo"
    ),
    "JPEGLosslessSV1": (
        "c-s4a<Nsj>ZUF`d1_wq)L5BZF7{nMD85tQ+01yBFTMQgPQK0yN`U60b2$&Sp0T@dRu6zTG!P)?0>A)C_2{0BnT>YqFqlRHItp5K^0AZaZVE"
    ),
    "JPEGExtended12Bit": (
        "c-nPM%MHRX6mv>LLz9N2B%vEH29b~|(Gwdn3afy`ohzRUBQOBc<MoD+uzj*Eo38YP8~SYzAppSyJ+Q%~C`K_#mQ+%frL3!Js!VN+uC;D#"
        ">l*8=)-E}}2r))8Uv?>UZHR$R&;}V<2oE|V@jh>V!#3;(_v7;a9ct{ZaUqC|V*i%FjPMG;ig4TkhrbEkJ||)$pa"
    ),
}


#: The parts whose failure is the model's (exit code 4).
_WEIGHTS = ("model bundle", "image guard")


@dataclass(frozen=True)
class Check:
    """One part of the installation.

    Attributes:
        part: what was checked.
        state: ``ok``; ``absent``, an optional part that is not installed; ``failed``.
        detail: what was found.
        remedy: what to do, empty where nothing is to be done.
        needed: drafting a report needs it.
    """

    part: str
    state: State
    detail: str
    remedy: str = ""
    needed: bool = False


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the checks as JSON")
    parser.add_argument("--model", metavar="BUNDLE", help="check another model bundle")


def run(args: argparse.Namespace) -> int:
    """0 if a report can be drafted, 4 if the bundle is bad, 1 if another needed part is."""
    checks = examine(args.model)
    broken = [check for check in checks if check.needed and check.state != "ok"]
    code = 0 if not broken else 4 if any(check.part in _WEIGHTS for check in broken) else 1
    if args.json:
        print(json.dumps({"usable": code == 0, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        print("\n".join(_rows(checks)))
        print("\nReports can be drafted." if code == 0 else "\nReports cannot be drafted: see what failed above.")
        print("Research use; not a medical device.")
    return code


def _rows(checks: list[Check]) -> Iterator[str]:
    width = max(len(check.part) for check in checks)
    for check in checks:
        yield f"{check.state:<6}  {check.part:<{width}}  {check.detail}"
        if check.remedy:
            yield f"{'':<6}  {'':<{width}}  → {check.remedy}"


def examine(bundle: str | None = None) -> list[Check]:
    """All checks, in the order in which they are shown; none raises."""
    return [
        _guarded("python", _python, needed=True),
        _guarded("onnxruntime", _onnxruntime, needed=True),
        _guarded("model bundle", lambda: _bundle(bundle), needed=True),
        _guarded("image guard", _guard, needed=True),
        *_decoders(),
        *(_guarded(f"reading {suffix.upper()}", partial(_picture, suffix), needed=True) for suffix in _PICTURES),
        _guarded("font of the pictures", _font),
        _guarded("temporary files", _temporary, needed=True),
        *_extras(),
    ]


def _guarded(part: str, check: Callable[[], Check], needed: bool = False) -> Check:
    """The check; whatever it raises becomes a failure, so that the other checks still run."""
    try:
        return check()
    except Exception as error:
        what = str(error) if isinstance(error, WetreadError) else f"{type(error).__name__}: {error}"
        return Check(part, "failed", " ".join(what.split()), _REINSTALL, needed)


_REINSTALL = "install it again: pip install --force-reinstall wetread"


def _python() -> Check:
    version = importlib.metadata.version("wetread")
    return Check(
        "python", "ok", f"{platform.python_version()} on {platform.platform()}; wetread {version}", needed=True
    )


def _onnxruntime() -> Check:
    import onnxruntime

    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return Check("onnxruntime", "ok", f"{onnxruntime.__version__}, runs on {providers}", needed=True)


def _bundle(path: str | None) -> Check:
    """Verifies every file's checksum, opens every network, and reads a grey film with the encoders."""
    import numpy as np
    import onnxruntime

    from wetread.model.bundle import Bundle
    from wetread.model.runtime import OnnxFilmReader

    part = "model bundle"
    remedy = _REINSTALL if path is None else "export it again, or name another bundle"
    try:
        bundle = Bundle.load(path)
        reader = OnnxFilmReader(bundle, threads=1)
        for graph in sorted(bundle.folder.glob("*.onnx")):
            onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
        seen = reader(np.full((1, 1, reader.size, reader.size), 0.5, np.float32))
    except Exception as error:
        return Check(part, "failed", " ".join(str(error).split()), remedy, needed=True)
    if not np.isfinite(seen.logits).all():
        return Check(part, "failed", "its encoder gives no numbers on this machine", remedy, needed=True)
    size = sum(file.stat().st_size for file in bundle.folder.iterdir()) / 1e6
    info = bundle.info
    return Check(
        part, "ok", f"{info.name} {info.version}, {info.sha256[:12]}, {size:.1f} MB, in {bundle.folder}", needed=True
    )


def _guard() -> Check:
    """The weights that tell a chest film from another picture are there and answer."""
    import numpy as np

    from wetread.image.guard import assess

    blank = np.linspace(0, 1, 128 * 128, dtype=np.float32).reshape(128, 128)
    if assess(blank).refusal is None:
        return Check("image guard", "failed", "it takes a plain gradient for a chest film", _REINSTALL, needed=True)
    return Check("image guard", "ok", "refuses what is no chest film", needed=True)


def _decoders() -> list[Check]:
    return [_decoder(name) for name in _SAMPLES]


def _sample(name: str) -> Any:
    """A dataset in memory whose only frame is the sample."""
    import base64
    import zlib

    from pydicom import uid
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate

    bits = 8 if name == "JPEGBaseline8Bit" else 12
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = getattr(uid, name)
    ds.Modality, ds.PhotometricInterpretation = "CR", "MONOCHROME2"
    ds.Rows = ds.Columns = 64
    ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 if bits == 8 else 16, bits, bits - 1
    ds.PixelData = encapsulate([zlib.decompress(base64.b85decode(_SAMPLES[name]))])
    ds["PixelData"].VR = "OB"
    return ds


def _decoder(name: str) -> Check:
    """Decodes the sample as a film would be."""
    from pydicom import uid

    part = f"decoding {name}"
    optional = name == "JPEGExtended12Bit"

    def check() -> Check:
        """Near, because the lossy ones ring at the edge; the columns beside it are left out."""
        from wetread.image.dicom import film_of

        if optional and not _installed("imagecodecs"):
            return Check(part, "absent", getattr(uid, name).name, "pip install 'wetread[jpeg12]'")
        stored = film_of(_sample(name), "sample").stored.astype(int)
        dark, bright = (32, 224) if name == "JPEGBaseline8Bit" else (512, 3584)
        near = bright // 32
        if abs(stored[:, :24] - dark).max() > near or abs(stored[:, 40:] - bright).max() > near:
            return Check(part, "failed", "it decodes to other pixels than were encoded", _REINSTALL, not optional)
        return Check(part, "ok", getattr(uid, name).name, needed=not optional)

    return _guarded(part, check, needed=not optional)


_PICTURES = ("png", "jpeg", "tiff")


def _picture(suffix: str) -> Check:
    import numpy as np
    from PIL import Image

    from wetread.image.plain import read_picture

    film = np.full((64, 64), 32, np.uint8)
    film[:, 32:] = 224
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sample.{suffix}"
        Image.fromarray(film).save(path)
        values, _ = read_picture(path)
    part = f"reading {suffix.upper()}"
    if values.shape != film.shape or not values[:, :24].max() < values[:, 40:].min():
        return Check(part, "failed", "it decodes to other pixels than were encoded", _REINSTALL, needed=True)
    return Check(part, "ok", f"Pillow {importlib.metadata.version('pillow')}", needed=True)


def _font() -> Check:
    from PIL import ImageFont, features

    part = "font of the pictures"
    if not features.check("freetype2"):
        return Check(part, "failed", "Pillow was built without FreeType", "pip install --force-reinstall pillow")
    font = ImageFont.load_default(12)
    if not isinstance(font, ImageFont.FreeTypeFont):
        return Check(part, "failed", "Pillow has no scalable font", "pip install --upgrade pillow")
    return Check(part, "ok", f"{font.getname()[0]}, comes with Pillow")


def _temporary() -> Check:
    folder = Path(tempfile.gettempdir())
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")
    free = shutil.disk_usage(folder).free
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    detail = f"{folder}, {free / 2**30:.1f} GiB free; {cores} cores"
    if free < _ROOM:
        return Check("temporary files", "failed", detail, "make room there, or point TMPDIR elsewhere", needed=True)
    return Check("temporary files", "ok", detail, needed=True)


def _installed(distribution: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extras() -> list[Check]:
    """Each extra of the package's own metadata, by whether its distributions are installed."""
    needs: dict[str, list[str]] = {}
    for requirement in importlib.metadata.requires("wetread") or []:
        match = re.match(r"([\w.-]+).*;.*extra == ['\"]([\w-]+)['\"]", requirement)
        if match and match[1] != "wetread" and match[2] != "test":
            needs.setdefault(match[2], []).append(match[1])
    checks = []
    for extra, names in needs.items():
        lacking = [name for name in names if _installed(name) is None]
        detail = f"lacks {', '.join(lacking)}" if lacking else ", ".join(names)
        remedy = f"pip install 'wetread[{extra}]'" if lacking else ""
        checks.append(Check(f"extra '{extra}'", "absent" if lacking else "ok", detail, remedy))
    return checks

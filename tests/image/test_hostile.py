"""Files that are damaged, or made to harm: one sentence each, within bounds, never a traceback."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from tests.image.make import dataset, ramp, write
from wetread.errors import InputError, WetreadError
from wetread.image import dicom
from wetread.image.codestream import FrameSize, frame_size
from wetread.image.film import raw_film
from wetread.image.read import read_study, read_view


def refused(path: object, pattern: str) -> str:
    with pytest.raises(InputError, match=pattern) as error:
        read_view(path, check=False)
    message = str(error.value)
    assert error.value.exit_code == 3
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [b"hello\n" * 99, b"\0" * 500, b"GIF89a" + b"\0" * 500, b"%PDF-1.7" * 50])
def test_what_is_no_image(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "f.png").write_bytes(content)
    refused(path, "no DICOM, PNG, JPEG or TIFF")


def test_what_is_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "absent.dcm", "does not exist")
    refused(tmp_path, "folder")
    (tmp_path / "empty.dcm").touch()
    refused(tmp_path / "empty.dcm", "empty")
    (tmp_path / "loop.dcm").symlink_to(tmp_path / "loop.dcm")
    refused(tmp_path / "loop.dcm", "link")
    refused("a\0b", "no valid file name")
    refused("x" * 5000, "cannot be opened")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    refused(tmp_path / "pipe.dcm", "pipe")
    refused("/dev/zero", "device")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)  # root may read everything, so a mode of 000 would not do
    refused(tmp_path / "f.dcm", "may not be read")


def test_a_name_with_control_characters_stays_one_line(tmp_path: Path) -> None:
    assert "\\n" in refused(tmp_path / "a\nb\x1b[31m.dcm", "does not exist")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "dcm"])
def test_cut_off(tmp_path: Path, suffix: str, share: float) -> None:
    from PIL import Image

    path = tmp_path / f"f.{suffix}"
    if suffix == "dcm":
        write(path, dataset(ramp()))
    else:
        noise = np.random.default_rng(0).integers(0, 255, (200, 200)).astype(np.uint8)
        Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "damaged|cut off|export|no DICOM")


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_cut_off_compressed(tmp_path: Path, syntax: str) -> None:
    ds = dataset(ramp(), bits=16)
    ds.compress(syntax, encoding_plugin="pydicom" if syntax == RLELossless else "pylibjpeg")
    path = write(tmp_path / "f.dcm", ds)
    path.write_bytes(path.read_bytes()[:-400])
    refused(path, "cut off|damaged")


@pytest.mark.parametrize(
    ("rows", "columns", "pattern"),
    [(65535, 65535, "more than"), (8000, 8000, "cut off"), (0, 80, "rows"), (30, 80, "too few"), (97, 80, "cut off")],
)
def test_absurd_sizes_ask_for_no_memory(tmp_path: Path, rows: int, columns: int, pattern: str) -> None:
    refused(write(tmp_path / "f.dcm", dataset(ramp(), Rows=rows, Columns=columns)), pattern)


@pytest.mark.parametrize(
    ("keyword", "value", "pattern"),
    [
        ("BitsAllocated", 32, "bits"),
        ("BitsAllocated", 1, "bits"),
        ("BitsStored", 40, "bits"),
        ("SamplesPerPixel", 7, "samples"),
        ("NumberOfFrames", 2_000_000_000, "cut off"),
        ("NumberOfFrames", 0, "frames"),
    ],
)
def test_pixel_descriptions_that_do_not_fit(tmp_path: Path, keyword: str, value: int, pattern: str) -> None:
    refused(write(tmp_path / "f.dcm", dataset(ramp(), **{keyword: value})), pattern)


def _header(ds_bytes: bytes, syntax: str) -> bytes:
    def element(tag: int, vr: bytes, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HH2sH", 2, tag, vr, len(value)) + value

    meta = element(0x10, b"UI", syntax.encode())
    return b"\0" * 128 + b"DICM" + element(0, b"UL", struct.pack("<I", len(meta))) + meta + ds_bytes


def _bomb(path: Path) -> Path:
    packer = zlib.compressobj(6, wbits=-15)
    zeros = bytes(2**20)
    body = b"".join(packer.compress(zeros) for _ in range(170)) + packer.flush()
    path.write_bytes(_header(body, DeflatedExplicitVRLittleEndian))
    assert path.stat().st_size < 2**20
    return path


def test_a_deflate_bomb_is_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom, "MAX_FILE", 2**22)  # the whole bound is tried in a process of its own, below
    refused(_bomb(tmp_path / "bomb.dcm"), "inflates to more than")


def test_nested_sequences_end_in_a_sentence(tmp_path: Path) -> None:
    start = struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    (path := tmp_path / "deep.dcm").write_bytes(_header(start * 2000, ExplicitVRLittleEndian))
    refused(path, "nested too deeply")


def test_endless_elements_end_in_a_sentence(tmp_path: Path) -> None:
    element = struct.pack("<HH2sH", 0x0009, 0x1001, b"LO", 0)
    (path := tmp_path / "many.dcm").write_bytes(_header(element * 110_000, ExplicitVRLittleEndian))
    refused(path, "more elements than any film's")


def test_a_program_in_the_preamble(tmp_path: Path) -> None:
    path = write(tmp_path / "f.dcm", dataset(ramp()))
    path.write_bytes(b"MZ" + path.read_bytes()[2:])
    refused(path, "program")


def test_a_frame_larger_than_declared_is_not_decoded(tmp_path: Path) -> None:
    siz = struct.pack(">HHHIIIIIIIIHBBB", 0xFF51, 41, 0, 60000, 60000, 0, 0, 60000, 60000, 0, 0, 1, 15, 1, 1)
    ds = dataset(ramp(), syntax=JPEG2000Lossless)
    ds.PixelData = encapsulate([b"\xff\x4f" + siz + b"\0" * 200])
    refused(write(tmp_path / "f.dcm", ds), "compressed frame 60000×60000")


def test_frame_sizes() -> None:
    assert frame_size(bytes.fromhex("ffd8ffe00004aaaaffc1000b0c0060005001011100")) == FrameSize(96, 80, 1, 12)
    assert frame_size(bytes.fromhex("ffd8fff7000b10006000500101110000")) == FrameSize(96, 80, 1, 16)
    assert frame_size(b"\xff\xd8") is None
    assert frame_size(b"\xff\xd8\xff\xc0\0\x0b\x08") is None
    assert frame_size(b"nothing") is None


def test_a_picture_bomb_is_not_decoded(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    (path := tmp_path / "bomb.png").write_bytes(png)
    refused(path, "more than|bomb")


@pytest.mark.skipif(sys.platform != "linux", reason="needs the resource limits of Linux")
def test_memory_stays_bounded(tmp_path: Path) -> None:
    """In 1 GB of address space beyond the libraries', the bombs still end in their sentence."""
    _bomb(tmp_path / "bomb.dcm")
    write(tmp_path / "huge.dcm", dataset(ramp(), Rows=65535, Columns=65535))
    code = (
        "import resource, sys, pydicom, numpy, PIL.Image\n"
        "from wetread.image import dicom\n"
        "from wetread.errors import InputError\n"
        "from wetread.image.read import read_view\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**30,) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        read_view(path)\n"
        "    except InputError as error:\n"
        "        print(error)\n"
    )
    files = [str(tmp_path / name) for name in ("bomb.dcm", "huge.dcm")]
    done = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 2
    assert "memory" not in done.stdout


def _base_files(folder: Path) -> list[bytes]:
    window = {"WindowCenter": "2048", "WindowWidth": "4096", "PixelPaddingValue": 0, "RescaleSlope": "1"}
    plain = dataset(ramp(), **window)
    files = [write(folder / "a", plain), write(folder / "b", dataset(ramp(), syntax="1.2.840.10008.1.2"))]
    for index, (syntax, plugin) in enumerate([(RLELossless, "pydicom"), (JPEG2000Lossless, "pylibjpeg")]):
        ds = dataset(ramp(), bits=16)
        ds.compress(syntax, encoding_plugin=plugin)
        files.append(write(folder / f"c{index}", ds))
    return [f.read_bytes() for f in files]


@pytest.mark.parametrize("seed", range(5))
def test_mutated_files_raise_nothing_else(tmp_path: Path, seed: int) -> None:
    """Bytes flipped, cut out, doubled or set to extremes: a film, or a WetreadError, and nothing else."""
    rng = random.Random(seed)
    bases = _base_files(tmp_path)
    path = tmp_path / "mutant"
    outcomes = set()
    for _ in range(60):
        data = bytearray(rng.choice(bases))
        for _ in range(rng.choice([1, 1, 2, 8])):
            # The header is short and matters most.
            at = rng.randrange(min(len(data), rng.choice([700, 700, 1200, 10**6])))
            kind = rng.randrange(4)
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                data[at : at + 2] = rng.choice([b"\0\0", b"\xff\xff", b"\x80\0", b"\1\0"])
            elif kind == 2:
                del data[at : at + rng.randrange(1, 40)]
            else:
                data[at:at] = data[at : at + rng.randrange(1, 40)]
        path.write_bytes(data)
        for read in (lambda p: read_view(p, check=False), raw_film):
            try:
                read(path)
                outcomes.add("read")
            except WetreadError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_a_folder_of_junk_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a")
    (tmp_path / "table.csv").write_text("b")
    with pytest.raises(InputError, match=r"\.csv, \.txt"):
        read_study([tmp_path])
    (tmp_path / "film.dcm").write_text("no film")
    with pytest.raises(InputError, match=r"film\.dcm is named like a film"):
        read_study([tmp_path])

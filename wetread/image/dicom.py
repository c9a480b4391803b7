"""DICOM: the dataset, its stored values and what they look like.

pydicom parses and third-party decoders decompress; this module bounds what they are given (size, nesting, inflation),
picks one fixed decoder for each transfer syntax, so that the same file gives the same pixels everywhere, and turns
whatever they raise into one sentence.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pydicom
from pydicom import uid
from pydicom.encaps import get_frame
from pydicom.pixels import apply_color_lut, pixel_array

from wetread.errors import InputError, NotAChestFilm, WetreadError
from wetread.image.codestream import frame_size
from wetread.image.files import MAX_FILE, check_size, read_bytes, short_name
from wetread.image.grey import grey_of
from wetread.image.luts import modality_values, padding_mask, percentile_window, voi_table, window_of

__all__ = ["DicomFilm", "NotAnImage", "facts_of", "film_of", "read_dataset", "render", "spacing_of", "translated"]

#: Reads of the parser before a file is refused: a film's header has some hundred elements, each a few reads.
_MAX_READS = 100_000
_EXECUTABLES = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa")
#: The one decoder of each compressed transfer syntax (pydicom's names of its plugins); 12-bit JPEG is done here.
#: RLE is left to pydicom itself: pylibjpeg-rle 2.2 panics on segments that are too long, past ``except Exception``.
_DECODERS = {
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
_NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
#: Modalities (PS3.3 C.7.3.1.1.1) that a plain film may carry: OT and SC are what converters write.
_FILMS = {"CR", "DX", "DR", "RG", "DG", "OT", "SC", ""}
_MODALITIES = {
    "CT": "a CT image", "MR": "an MR image", "US": "an ultrasound image", "NM": "a nuclear medicine image",
    "PT": "a PET image", "MG": "a mammogram", "XA": "an angiogram", "RF": "a fluoroscopy image",
    "IO": "a dental film", "PX": "a panoramic dental film", "ES": "an endoscopic picture",
    "XC": "a photograph", "GM": "a microscopic picture", "SM": "a slide", "OP": "a picture of the eye",
    "BMD": "a bone density image", "TG": "a thermogram",
}  # fmt: skip
#: Objects beside the films of a study that are no images.
_DOCUMENTS = {
    "SR", "PR", "KO", "DOC", "SEG", "REG", "FID", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "PLAN", "AU", "ECG",
    "HD", "RWV", "ASMT", "EPS", "RESP", "HC", "ANN", "M3D", "STAIN",
}  # fmt: skip


class NotAnImage(NotAChestFilm):
    """A DICOM object that is no image: a report, a presentation state, a plan."""

    document = True


@dataclass(frozen=True)
class DicomFilm:
    """Stored values of one film, and where they are padding.

    Attributes:
        ds: the dataset without its pixel data.
        stored: (rows, columns) integers as stored, one sample a pixel.
        padding: (rows, columns) bool, or None where nothing is padding.
        inverted: low values are dense (MONOCHROME1).
        warnings: what reading noticed.
    """

    ds: pydicom.Dataset
    stored: np.ndarray
    padding: np.ndarray | None
    inverted: bool
    warnings: tuple[str, ...] = field(default=())


class _Metered(io.BytesIO):
    """A file in memory that refuses to be read in endless small steps."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise ValueError("its header has more elements than any film's")
        return super().read(size)


@contextmanager
def translated(name: str, doing: str) -> Iterator[None]:
    """Third-party parsers and decoders raise whatever they like on damaged data: one sentence for all of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except WetreadError:
        raise
    except RecursionError as error:
        raise InputError(f"{name}: its sequences are nested too deeply for a film; export it again") from error
    except MemoryError as error:
        raise InputError(f"{name}: it asks for more memory than there is; export it again") from error
    except Exception as error:
        text = " ".join(str(error).split()).rstrip(".")[:160] or type(error).__name__
        raise InputError(f"{name} {doing} ({text}); the file is damaged or cut off, export it again") from error


def _undeflated(data: bytes, name: str) -> bytes:
    """The file with its deflated dataset inflated, within ``MAX_FILE``, and its transfer syntax renamed to match.

    pydicom would inflate without a bound.
    """
    deflated = uid.DeflatedExplicitVRLittleEndian.encode()
    if deflated not in data[132:4096]:
        return data
    tag, vr, size, length = struct.unpack_from("<I2sHI", data, 132)
    if (tag, vr, size) != (0x00000002, b"UL", 4):  # the group's length (PS3.10 7.1)
        raise ValueError("its meta information lacks its length")
    start = 144 + length
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    body = inflater.decompress(data[start:], MAX_FILE)
    if inflater.unconsumed_tail:
        raise InputError(f"{name} inflates to more than {MAX_FILE:,} bytes; no film is that large, export it again")
    if not inflater.eof:
        raise ValueError("its deflated data end early")
    return data[:start].replace(deflated, uid.ExplicitVRLittleEndian.encode().ljust(len(deflated), b"\0")) + body


def read_dataset(path: str | os.PathLike[str]) -> pydicom.Dataset:
    """Parse a DICOM file, bounded in time and memory.

    Raises:
        InputError: it is no DICOM file, damaged, or made to harm.
    """
    name = short_name(path)
    data = read_bytes(path)
    if data.startswith(_EXECUTABLES) and data[128:132] == b"DICM":
        raise InputError(f"{name} hides a program in its preamble; do not open it, and export the film again")
    with translated(name, "cannot be parsed"):
        return pydicom.dcmread(_Metered(_undeflated(data, name)), force=True)


def _integer(ds: pydicom.Dataset, keyword: str, default: int | None = None) -> int:
    value = ds.get(keyword)
    if value is None or value == "":
        if default is None:
            raise ValueError(f"{keyword} is missing")
        return default
    return int(value)


def _refuse_other_objects(ds: pydicom.Dataset, name: str) -> None:
    modality = str(ds.get("Modality") or "").strip().upper()
    if modality in _DOCUMENTS:
        raise NotAnImage(f"{name} is no image (modality {modality}); name the film's own file")
    if modality not in _FILMS:
        what = _MODALITIES.get(modality, "no plain film")
        raise NotAChestFilm(f"{name} is {what} (modality {modality}); wetread reads plain chest radiographs (CR, DX)")
    missing = [k for k in ("Rows", "Columns", "BitsAllocated", "PixelData") if k not in ds]
    if "PixelData" in missing:
        raise InputError(f"{name} has no pixel data, or was cut off before it; export the film again")
    if missing:
        raise InputError(f"{name} lacks {' and '.join(missing)} of the image pixel module; export the film again")


def _check_bounds(ds: pydicom.Dataset, path: str | os.PathLike[str]) -> int:
    """Refuse what cannot be a film or does not fit its own pixel data; returns the number of frames."""
    name = short_name(path)
    rows, columns, allocated = (_integer(ds, k) for k in ("Rows", "Columns", "BitsAllocated"))
    samples, frames = _integer(ds, "SamplesPerPixel", 1), _integer(ds, "NumberOfFrames", 1)
    check_size(path, rows, columns)
    stored = _integer(ds, "BitsStored", allocated)
    if allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise InputError(f"{name} has {allocated} bits a pixel ({stored} stored); films of 8 to 16 bits can be read")
    if samples not in (1, 3) or frames < 1:
        raise InputError(f"{name} declares {samples} samples a pixel and {frames} frames; export the film again")
    if not _syntax(ds).is_compressed:
        halved = str(ds.get("PhotometricInterpretation")) == "YBR_FULL_422"
        expected = rows * columns * samples * frames * allocated // 8 * (2 if halved else 3) // 3
        if len(ds.PixelData) < expected:
            raise InputError(
                f"{name} is cut off: {len(ds.PixelData):,} bytes of pixel data where {expected:,} are declared; "
                "export the film again"
            )
    return frames


def _syntax(ds: pydicom.Dataset) -> uid.UID:
    """The transfer syntax; where the file does not name it, the one that it was parsed by."""
    syntax = ds.file_meta.get("TransferSyntaxUID") if hasattr(ds, "file_meta") else None
    if syntax:
        return uid.UID(syntax)
    implicit, little = ds.original_encoding
    if not little:
        return uid.ExplicitVRBigEndian
    return uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian


def _jpeg12(frame: bytes, name: str) -> np.ndarray:
    """A frame of JPEG Extended with 12 bits, which Pillow and GDCM refuse."""
    try:
        import imagecodecs
    except ImportError as error:
        raise InputError(f"{name} is 12-bit JPEG, which needs the extra: pip install 'wetread[jpeg12]'") from error
    return np.asarray(imagecodecs.jpeg_decode(frame))


def _first_frame(ds: pydicom.Dataset, path: str | os.PathLike[str], frames: int) -> np.ndarray:
    """Decoded samples of the first frame: (rows, columns) or (rows, columns, 3) integers."""
    name, syntax = short_name(path), _syntax(ds)
    if not hasattr(ds, "file_meta"):
        ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax in _NATIVE:
        return pixel_array(ds, index=0)
    if syntax not in _DECODERS:
        raise InputError(f"{name} is stored as {syntax.name}, which cannot be read; export it uncompressed")
    frame = get_frame(ds.PixelData, 0, number_of_frames=frames)
    size = frame_size(frame) if syntax != uid.RLELossless else None
    if size is not None:
        if (size.rows, size.columns) != (ds.Rows, ds.Columns):
            raise InputError(
                f"{name} declares {ds.Rows}×{ds.Columns} pixels and its compressed frame {size.rows}×{size.columns}; "
                "the file is damaged, export it again"
            )
        if syntax == uid.JPEGExtended12Bit and size.bits > 8:
            return _jpeg12(frame, name)
    elif syntax != uid.RLELossless:
        raise ValueError("its compressed frame has no header")
    return pixel_array(ds, index=0, decoding_plugin=_DECODERS[syntax])


def _cleaned(samples: np.ndarray, ds: pydicom.Dataset) -> np.ndarray:
    """Without what older films carry in the bits above ``BitsStored`` (overlays), the sign extended."""
    allocated = samples.dtype.itemsize * 8
    spare = allocated - _integer(ds, "BitsStored", allocated)
    if spare <= 0 or samples.dtype.kind not in "iu":
        return samples
    return (samples << spare) >> spare


def film_of(ds: pydicom.Dataset, path: str | os.PathLike[str]) -> DicomFilm:
    """Decode the (first) frame of a dataset.

    Raises:
        NotAChestFilm: another modality, a document, a colour picture.
        InputError: pixels are missing, damaged, or more than any film has.
    """
    name = short_name(path)
    notes: list[str] = []
    with translated(name, "cannot be decoded"):
        _refuse_other_objects(ds, name)
        frames = _check_bounds(ds, path)
        samples = _first_frame(ds, path, frames)
        photometric = str(ds.get("PhotometricInterpretation") or "MONOCHROME2").strip().upper()
        if photometric == "PALETTE COLOR":
            samples = apply_color_lut(samples, ds)[..., :3]
        if samples.ndim == 3:
            stored, padding = grey_of(samples, name), None
        else:
            stored = _cleaned(samples, ds)
            padding = padding_mask(ds, stored)
        if stored.shape != (ds.Rows, ds.Columns):
            raise ValueError(f"it has {stored.shape} pixels where {ds.Rows}×{ds.Columns} are declared")
    if frames > 1:
        notes.append(f"{name} has {frames} frames; only the first was read.")
    if str(ds.get("PresentationIntentType") or "").strip().upper() == "FOR PROCESSING":
        notes.append(f"{name} holds raw detector values ('for processing'); the processed film is the one to read.")
    return DicomFilm(ds, stored, padding, photometric == "MONOCHROME1", tuple(notes))


def render(film: DicomFilm) -> tuple[np.ndarray, tuple[str, ...]]:
    """Presentation values in [0, 1], float32, bright = dense, by the file's first VOI LUT or window.

    Without one, or where it would show nothing, a window over the film's own values is used (and a warning given).
    """
    with translated("the film", "cannot be rendered"):
        values = modality_values(film.ds, film.stored)
        table = voi_table(film.ds, values)
        notes: tuple[str, ...] = ()
        if table is not None:
            shown = table[0].astype(np.float32) / np.float32(2 ** table[1] - 1)
        else:
            window = window_of(film.ds)
            shown = (window or percentile_window(values, film.padding)).apply(values)
            inside = shown if film.padding is None else shown[~film.padding]
            if window is not None and np.ptp(inside[::7]) < 0.02:
                notes = ("The file's own window shows nothing of the film; another one was chosen.",)
                shown = percentile_window(values, film.padding).apply(values)
    shown = np.clip(shown, 0, 1)
    if film.inverted:
        shown = 1 - shown
    if film.padding is not None:
        shown[film.padding] = 0
    return shown, notes


def _age(ds: pydicom.Dataset) -> str:
    """The patient's age string (PS3.5 6.2, AS), from the dates of birth and study where it is absent."""
    age = str(ds.get("PatientAge") or "").strip().upper()
    if age:
        return age
    try:
        born, seen = (
            date(int(text[:4]), int(text[4:6]), int(text[6:8]))
            for text in (str(ds.get("PatientBirthDate") or ""), str(ds.get("StudyDate") or ""))
        )
    except ValueError:
        return ""
    years = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    if not 0 <= years < 130:
        return ""
    return f"{years:03d}Y" if years >= 2 else f"{(seen - born).days // 30:03d}M"


def facts_of(ds: pydicom.Dataset) -> dict[str, str]:
    """The facts of the header that drafting may use (see ``wetread.types.View``), as text, absent ones left out."""
    keywords = (
        "PatientSex", "BodyPartExamined", "ViewPosition", "Modality", "StudyInstanceUID", "SOPInstanceUID",
    )  # fmt: skip
    facts = {}
    with translated("the film", "has a header that cannot be read"):
        for keyword in keywords:
            facts[keyword] = str(ds.get(keyword) or "").strip()
        facts["PatientAge"] = _age(ds)
        spacing = spacing_of(ds)
        if spacing is not None:
            facts["PixelSpacing"] = "\\".join(f"{v:g}" for v in spacing[:2])
    return {k: v for k, v in facts.items() if v}


def spacing_of(ds: pydicom.Dataset) -> tuple[float, float, str] | None:
    """Millimetres between rows and between columns, and where: 'patient' or 'detector'; None where unknown.

    PixelSpacing is calibrated; ImagerPixelSpacing is measured at the detector, larger than in the patient
    (PS3.3 10.7). A spacing of 0.000, which some exporters write, is none.
    """
    for keyword, where in (("PixelSpacing", "patient"), ("ImagerPixelSpacing", "detector")):
        value = ds.get(keyword)
        try:
            row, column = (float(v) for v in value)
        except (TypeError, ValueError):
            continue
        if 0 < row < 10 and 0 < column < 10:
            # The same number as the detector's means that nobody calibrated it.
            same = keyword == "PixelSpacing" and value == ds.get("ImagerPixelSpacing")
            return row, column, "detector" if same else where
    return None

"""Small DICOM files with a known content, written by pydicom."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

SHARED = Path(os.environ.get("WETREAD_SHARED", Path(__file__).parents[3] / "shared"))


def ramp(rows: int = 96, columns: int = 80, top: int = 4095) -> np.ndarray:
    """A diagonal ramp from 0 to top, so that a flip, a shift or a lost bit shows."""
    y, x = np.mgrid[0:rows, 0:columns]
    return np.rint((y * 2 + x) / (2 * rows + columns - 3) * top).astype(np.uint16)


def dataset(pixels: np.ndarray, *, bits: int = 12, syntax: str = ExplicitVRLittleEndian, **more: Any) -> FileDataset:
    """A CR instance of (rows, columns[, 3]) integers."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["film"])
    meta.TransferSyntaxUID = UID(syntax)
    ds = FileDataset(
        "", {}, file_meta=meta, preamble=b"\0" * 128,
        is_implicit_VR=meta.TransferSyntaxUID.is_implicit_VR, is_little_endian=meta.TransferSyntaxUID.is_little_endian,
    )  # fmt: skip
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.Modality, ds.PatientName, ds.StudyInstanceUID = "CR", "Test^Film", "1.2.3.4"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored = min(bits, ds.BitsAllocated)
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    order = ">" if syntax == "1.2.840.10008.1.2.2" else "<"
    ds.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    return ds


def write(path: Path, ds: pydicom.Dataset, **options: Any) -> Path:
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    if syntax.is_compressed:
        ds["PixelData"].is_undefined_length = True
    pydicom.dcmwrite(path, ds, enforce_file_format=True, overwrite=True, **options)
    return path

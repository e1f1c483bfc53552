"""A rendering as a file: which formats there are, what each can hold, and its bytes."""

import gzip
import importlib.util
import io
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from common.errors import UsageError
from target_signals.geometry import METRES, Geometry

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}  # → Pillow's name
LONGEST_OF_JPEG = 65_500  # samples along an axis
LONGEST_OF_NIFTI1 = 32_767
MOST_OF_TIFF = (1 << 30) - (1 << 16)  # float32 values, as ImageJ reads 4 GiB


def volume_as_nifti(values: np.ndarray, affine: np.ndarray, suffix: str) -> bytes:
    import nibabel

    kind = nibabel.Nifti1Image if max(values.shape) <= LONGEST_OF_NIFTI1 else nibabel.Nifti2Image
    image = kind(values, affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), mtime=0) if suffix == ".nii.gz" else image.to_bytes()


def volume_as_tiff(values: np.ndarray, affine: np.ndarray, suffix: str) -> bytes:
    """A page for each sample along the first axis, with sizes of voxels as ImageJ has them; directions are lost."""
    import tifffile

    buffer, (z, y, x) = io.BytesIO(), np.linalg.norm(affine[:3, :3], axis=0)
    sizes = {"axes": "ZYX", "spacing": z, "unit": "mm"}
    tifffile.imwrite(buffer, values, imagej=True, resolution=(1 / x, 1 / y), metadata=sizes)
    return buffer.getvalue()


def volume_as_itk(values: np.ndarray, affine: np.ndarray, suffix: str) -> bytes:
    """NRRD and MetaImage. ITK's axes are the array's in reverse, and its x and y point the other way."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(values)
    found = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[:, [2, 1, 0, 3]]
    spacing = np.linalg.norm(found[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((found[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(found[:3, 3].tolist())
    with tempfile.TemporaryDirectory() as folder:  # it writes to a path alone
        path = Path(folder) / f"volume{suffix}"
        sitk.WriteImage(image, str(path))
        return path.read_bytes()


VOLUMES: dict[str, Callable[[np.ndarray, np.ndarray, str], bytes]] = {
    **dict.fromkeys((".nii", ".nii.gz"), volume_as_nifti),
    **dict.fromkeys((".tif", ".tiff"), volume_as_tiff),
    **dict.fromkeys((".nrrd", ".mha"), volume_as_itk),
}
PACKAGES = {**dict.fromkeys((".nii", ".nii.gz"), "nibabel"), **dict.fromkeys((".nrrd", ".mha"), "SimpleITK")}
FORMATS = f"pictures {' '.join(PICTURES)}, volumes {' '.join(VOLUMES)}, any values .npy"


def suffix_of(out: Path) -> str:
    """The ending that names a format; UsageError where there is none such."""
    name = out.name[1:].lower()  # an ending alone is a name without one
    found = [ending for ending in (*PICTURES, *VOLUMES, ".npy") if name.endswith(ending)]
    if not found:
        raise UsageError(f"cannot write '{out}', whose ending names none of the formats: {FORMATS}")
    return max(found, key=len)


def check(shape: Sequence[int], dim: int, channels: int, suffix: str) -> None:
    """UsageError for values [*shape, channels] that no file of this format can hold, or not without a package."""
    if suffix == ".npy":
        return
    sort, formats, held = ("picture", PICTURES, (1, 3)) if dim == 2 else ("volume", VOLUMES, (1,))
    if suffix not in formats:
        raise UsageError(f"a {sort} is written as {' '.join(formats)} or .npy, not as '{suffix}'")
    if channels not in held:
        raise UsageError(f"{channels} channels make no {sort}; write a .npy file")
    if formats[suffix] == "JPEG" and max(shape) > LONGEST_OF_JPEG:
        raise UsageError(
            f"a JPEG has at most {LONGEST_OF_JPEG:,} samples along an axis, got {max(shape):,}; write .png"
        )
    if formats[suffix] is volume_as_tiff and np.prod(shape, dtype=float) > MOST_OF_TIFF:
        raise UsageError(f"a TIFF file of a volume has at most {MOST_OF_TIFF:,} values; write .npy")
    package = PACKAGES.get(suffix)
    if package is not None and importlib.util.find_spec(package) is None:
        raise UsageError(f"writing {suffix} needs {package}; pip install {package}, or this suite as '.[volumes]'")


def encode(values: np.ndarray, dim: int, suffix: str, geometry: Geometry | None = None) -> bytes:
    """[*shape, C], or [*shape] of one channel, as a file: pictures in 8 bit, clipped to [0, 1], all else as it is.

    dim: axes of the lattice. geometry: of a volume's samples; it is written in millimetres where its unit is known.
    """
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, values, allow_pickle=False)
    elif dim == 3:
        return VOLUMES[suffix](values, np.eye(4) if geometry is None else in_millimetres(geometry), suffix)
    else:
        from PIL import Image

        picture = Image.fromarray(np.round(255 * np.clip(values, 0, 1)).astype(np.uint8))
        picture.save(buffer, format=PICTURES[suffix])
    return buffer.getvalue()


def in_millimetres(geometry: Geometry) -> np.ndarray:
    """The affine [4, d + 1] in the unit that all formats have; as it is where its own is not known."""
    scale = METRES[geometry.unit] / METRES["mm"] if geometry.unit else 1.0
    return np.diag([scale, scale, scale, 1.0]) @ geometry.affine

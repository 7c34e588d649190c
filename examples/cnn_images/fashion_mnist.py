"""Fashion-MNIST images for the example: an IDX reader and a fixed, class-balanced split.

Training and validation images come from the official training set only, test images from the
official test set only, and the two are read by different functions: a study that calls
`load_train_validation` never opens the test files.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SHIPPED = Path(__file__).parent / "subset"
PACKAGE = Path("/usr/share/datasets/fashion-mnist")  # of the Debian package
VARIABLE = "FASHION_MNIST_DIR"
SPLIT_KEY = b"hpo_bridge cnn_images"  # the seed of the split: another key, another split
VALIDATION_IMAGES = 2000

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Images:
    """Grey images, uint8 (n, 28, 28), with their labels, uint8 (n,), 0 to 9."""

    pixels: Bytes
    labels: Bytes

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def __getitem__(self, index: slice | NDArray[np.intp]) -> Images:
        """Some of the images: a slice, or an array of their numbers."""
        return Images(self.pixels[index], self.labels[index])


@dataclass(frozen=True)
class Split:
    """Disjoint images for training and for validation, both from the official training set."""

    train: Images
    validation: Images


def read_idx(path: Path) -> Bytes:
    """Read an IDX file of unsigned bytes, gzipped or raw.

    The format is two zero bytes, the type (8: unsigned byte), the number of dimensions, each
    dimension as a big-endian 32-bit integer, then the values.

    Raises:
        ValueError: the file is not such a file or is damaged; the message names it.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    if len(data) < 4 or data[:3] != b"\x00\x00\x08" or not 1 <= data[3] <= 4:
        found = f"starts with {data[:4].hex(' ')}" if data else "is empty"
        raise ValueError(f"{path}: not an IDX file of unsigned bytes: it {found}")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError(f"{path}: the IDX header stops after {len(data)} of {start} bytes")
    shape = tuple(int(size) for size in np.frombuffer(data[4:start], dtype=">u4"))
    count = int(np.prod(shape, dtype=object))
    if len(data) - start != count:
        raise ValueError(
            f"{path}: the IDX header promises {count} bytes {shape}, the file has "
            f"{len(data) - start}"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def read_images(folder: Path, prefix: str) -> Images:
    """Read the images and labels `prefix` ("train" or "t10k") of a folder, and check them."""
    pixels = read_idx(_idx_file(folder, f"{prefix}-images-idx3-ubyte"))
    labels = read_idx(_idx_file(folder, f"{prefix}-labels-idx1-ubyte"))
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28):
        raise ValueError(f"{folder}: the {prefix} images are {pixels.shape}, not (n, 28, 28)")
    if labels.shape != pixels.shape[:1]:
        raise ValueError(f"{folder}: {pixels.shape[0]} {prefix} images, but labels {labels.shape}")
    if labels.size == 0 or int(labels.max()) >= len(CLASSES):
        raise ValueError(f"{folder}: the {prefix} labels are not all 0 to {len(CLASSES) - 1}")
    return Images(pixels, labels)


def _idx_file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise ValueError(f"{folder}: no file {name}.gz or {name}")


def balanced(images: Images) -> Images:
    """Put images in the example's fixed order: one of each class in turn, shuffled within it.

    The shuffle sorts by a keyed hash of the pixels instead of drawing random numbers. So it does
    not depend on numpy's version or on the order in the file, and the order of the shipped subset
    is the beginning of the order of the full set: a split that fits in the subset has the same
    images on a machine with the full set.
    """
    ranks = []
    for label in range(len(CLASSES)):
        members = np.flatnonzero(images.labels == label)
        digests = [
            hashlib.blake2b(images.pixels[i].tobytes(), digest_size=16, key=SPLIT_KEY).digest()
            for i in members
        ]
        ranks.append(members[sorted(range(len(members)), key=digests.__getitem__)])
    shortest = min(len(rank) for rank in ranks)
    return images[np.stack([rank[:shortest] for rank in ranks], axis=1).ravel()]


def folder_in_use() -> Path:
    """The folder that $FASHION_MNIST_DIR names, else the Debian package's, else the subset's."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_dir():
            raise ValueError(f"{VARIABLE}={named}: there is no such folder")
        return Path(named)
    return PACKAGE if PACKAGE.is_dir() else SHIPPED


def load_train_validation(
    train_images: int | None = None, validation_images: int | None = None
) -> Split:
    """Load images to train on and images to choose hyperparameters by.

    Args:
        train_images: how many; a multiple of 10. All that validation leaves by default: 58,000 of
            the full set, 6,000 of the shipped subset.
        validation_images: how many; a multiple of 10. 2,000 by default.

    Raises:
        ValueError: there are fewer images than asked for, or the files are damaged.
    """
    images = _official_train(folder_in_use())
    n_valid = VALIDATION_IMAGES if validation_images is None else validation_images
    n_train = len(images) - n_valid if train_images is None else train_images
    for name, n in (("train_images", n_train), ("validation_images", n_valid)):
        if not isinstance(n, int) or n <= 0 or n % len(CLASSES):
            raise ValueError(f"{name}: {n!r}, not a positive multiple of {len(CLASSES)}")
    if n_valid + n_train > len(images):
        raise ValueError(
            f"{n_train} training and {n_valid} validation images asked for, {folder_in_use()} "
            f"has {len(images)} together; for 60,000: apt-get install dataset-fashion-mnist, or "
            f"set {VARIABLE} to a folder with the four IDX files"
        )
    return Split(train=images[n_valid : n_valid + n_train], validation=images[:n_valid])


@lru_cache(maxsize=2)
def _official_train(folder: Path) -> Images:
    return balanced(read_images(folder, "train"))


def load_test() -> Images:
    """Load the test images: all 10,000 of the full set, or the shipped subset's 2,000.

    For the one final score of a finished study, and for nothing else.
    """
    return balanced(read_images(folder_in_use(), "t10k"))

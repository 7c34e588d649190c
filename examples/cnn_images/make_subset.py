"""Write the subset of Fashion-MNIST that is shipped in `subset/`.

    apt-get install dataset-fashion-mnist
    python make_subset.py [FOLDER WITH THE FOUR IDX FILES]

8,000 images of the official training set and 2,000 of the official test set, the same number of
each class. The same input gives the same arrays (and, with the same zlib, the same files).
"""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path

from fashion_mnist import PACKAGE, SHIPPED, Bytes, balanced, read_images

SIZES = {"train": 8000, "t10k": 2000}


def write_idx(path: Path, array: Bytes) -> None:
    """Write unsigned bytes as a gzipped IDX file, with no time and no name in the gzip header."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))


def main(source: Path, target: Path = SHIPPED) -> None:
    """Read the full set in `source` and write the subset to `target`."""
    target.mkdir(exist_ok=True)
    for prefix, size in SIZES.items():
        images = balanced(read_images(source, prefix))
        if len(images) < size:
            raise SystemExit(f"{source}: {len(images)} {prefix} images, {size} are needed")
        write_idx(target / f"{prefix}-images-idx3-ubyte.gz", images[:size].pixels)
        write_idx(target / f"{prefix}-labels-idx1-ubyte.gz", images[:size].labels)
    total = sum(path.stat().st_size for path in target.glob("*.gz"))
    print(f"{target}: {SIZES['train']} + {SIZES['t10k']} images, {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE)

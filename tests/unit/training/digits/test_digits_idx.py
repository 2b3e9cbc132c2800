"""IDX files: read exactly, or refused with a message that names the file and the remedy."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from idx_files import write_idx

from pipeline.errors import ConfigurationError
from pipeline.training.digits.idx import read_idx

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_what_is_written_is_read(tmp_path, name):
    write_idx(tmp_path / name, IMAGES)
    read = read_idx(tmp_path / name, dimensions=3)
    assert np.array_equal(read, IMAGES)
    assert read.flags.writeable


def test_gzip_is_known_by_its_content(tmp_path):
    write_idx(tmp_path / "a.gz", IMAGES)
    (tmp_path / "a.gz").rename(tmp_path / "a")
    assert np.array_equal(read_idx(tmp_path / "a", dimensions=3), IMAGES)


def plain(shape=(3, 4, 5), magic=b"\0\0\x08\x03", body=60):
    return magic + struct.pack(f">{len(shape)}I", *shape) + bytes(body)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends inside its header (0 of 16 bytes)"),
        (plain()[:11], "ends inside its header (11 of 16 bytes)"),
        (plain(magic=b"\x89PNG"), "is not an IDX file of unsigned bytes with 3 dimension(s): it begins with 89504e47"),
        (plain(magic=b"\0\0\x0d\x03"), "it begins with 00000d03, expected 00000803"),
        (plain(magic=b"\0\0\x08\x01"), "it begins with 00000801, expected 00000803"),
        (plain(body=59), "is truncated: 3×4×5 = 60 bytes announced, 59 found"),
        (plain(body=61), "is longer than its header says: 3×4×5 = 60 bytes announced, 61 found"),
        (plain(shape=(1 << 31, 1 << 31, 1 << 31)), "is truncated"),
        (gzip.compress(plain(), mtime=0)[:-12], "is a damaged gzip file"),
        (b"\x1f\x8bnonsense", "is a damaged gzip file"),
    ],
    ids=lambda given: given[:40] if isinstance(given, str) else "",
)
def test_invalid_files_are_described(tmp_path, data, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        read_idx(path, dimensions=3)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "--data" in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match="none does not exist"):
        read_idx(tmp_path / "none", dimensions=1)
    with pytest.raises(ConfigurationError, match="is a folder"):
        read_idx(tmp_path, dimensions=1)

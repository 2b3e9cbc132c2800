"""The weights that are shipped are those in the list of their checksums, and each has its model card."""

import hashlib

import pytest

from pipeline.engines.registry import WEIGHTS, expected_digest

FILES = sorted(WEIGHTS.glob("*.safetensors"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_listed_described_and_small_enough(path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert expected_digest(path.stem) == digest
    assert digest in path.with_suffix(".md").read_text(encoding="utf-8")
    assert path.stat().st_size < 16 << 20

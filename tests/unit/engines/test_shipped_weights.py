"""The weights that are shipped are those in the list of their checksums, and each has its model card."""

import hashlib

import numpy as np
import pytest
from skimage import data

from pipeline.engines import Job, inpaint, load_engine, paste
from pipeline.metrics import sharpness
from pipeline.weights import SHIPPED, shipped_digest

pytestmark = pytest.mark.slow

FILES = sorted(SHIPPED.glob("*.safetensors"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_listed_described_and_small_enough(path) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert shipped_digest(path.stem) == digest
    assert digest in path.with_suffix(".md").read_text(encoding="utf-8")
    assert path.stat().st_size < 16 << 20


def test_the_sharp_weights_fill_with_texture_and_name_it_invented() -> None:
    picture = data.gravel()[:256, :256]
    mask = np.zeros((256, 256), np.uint8)
    mask[80:160, 64:200] = 255  # so deep that the faithful weights fill it at a smaller scale
    found = {}
    for name in ("rn-faithful", "rn-sharp"):
        engine = load_engine("rn", weights=name, device="cpu")
        (filled,) = inpaint([Job("scan", picture, mask)], engine)
        restored = np.rint(paste(picture, mask, filled) * 255).astype(np.uint8)
        original = np.repeat(picture[:, :, None], 3, axis=2)
        found[name] = sharpness(restored, mask, original=original)
        assert engine.runtime.endswith(", texture invented") == (name == "rn-sharp")
    assert found["rn-sharp"] > 1.5 * found["rn-faithful"]

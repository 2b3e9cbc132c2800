"""Measuring: true figures where an original is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data
from small_project import published


def test_known_originals_give_true_figures_beside_teleas(project, picture) -> None:
    project.put("a.png")
    (project.inbox.parent / "orig").mkdir()
    before, marked = picture(0)
    Image.fromarray(np.where(marked[..., None] > 0, data.astronaut()[:96, 100:228], before)).save(
        project.inbox.parent / "orig/a.png"
    )
    project.changes["originals"] = str(project.inbox.parent / "orig")
    project.restore(chunks := project.receive())
    row = published(chunks)["a.png"]
    assert row.psnr > row.psnr_hole > 15 and 0.8 < row.ssim <= 1
    assert row.psnr == pytest.approx(row.baseline_psnr, abs=0.05)
    assert row.estimate_samples is None and np.isnan(row.estimate_psnr)

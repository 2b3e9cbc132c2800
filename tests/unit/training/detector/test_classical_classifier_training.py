"""The classical detector's classifier: it can be fitted again and used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.detection.classical import classifier
from pipeline.detection.load import load_detector
from pipeline.training.detector.classical_classifier import examples, fit


def test_a_table_is_fitted_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [skimage.data.chelsea(), skimage.data.coffee()[:300, :400]]
    data = examples(pictures, None, 6, seed=2, smooth=0.5)
    assert data.figures.shape[1] == 18
    assert set(np.unique(data.truth)) == {0.0, 1.0}
    table = fit(data, epochs=8)
    shipped = json.loads(classifier.TABLE.read_text())
    assert {key: np.shape(value) for key, value in table.items()} == {
        key: np.shape(value) for key, value in shipped.items()
    }
    path = tmp_path / "classifier.json"
    path.write_text(json.dumps(table))
    monkeypatch.setattr(classifier, "TABLE", path)
    classifier._load_table.cache_clear()
    try:
        found = load_detector("classical").detect(skimage.data.chelsea()[:100, :120])
        assert all(0 <= (piece.probability or 0) <= 1 for piece in found.components)
    finally:
        classifier._load_table.cache_clear()

"""The three sets of digits."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from idx_files import write_idx

from pipeline.errors import ConfigurationError
from pipeline.training.digits.datasets import load_digits


def test_validation_is_the_end_of_the_training_digits(folder, digits):
    sets = load_digits(folder)
    assert (len(sets.train), len(sets.validation), len(sets.test)) == (200, 40, 40)
    assert np.array_equal(sets.train.images, digits.images[:200])
    assert np.array_equal(sets.validation.labels, digits.labels[200:])


def test_every_missing_file_is_named(tmp_path, folder):
    shutil.copy(folder / "t10k-images-idx3-ubyte", tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load_digits(tmp_path)
    message = str(caught.value)
    assert "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-labels-idx1-ubyte" in message
    assert "t10k-images" not in message


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("t10k-images-idx3-ubyte", np.zeros((40, 28, 27)), "holds images of 27×28, not 28×28"),
        ("t10k-images-idx3-ubyte", np.zeros((39, 28, 28)), "holds 39 images"),
        ("t10k-labels-idx1-ubyte", np.full(40, 10), "holds the label 10"),
    ],
)
def test_sets_that_do_not_fit_are_refused(tmp_path, folder, name, values, message):
    for path in folder.iterdir():
        if not path.name.startswith(name):
            shutil.copy(path, tmp_path)
    write_idx(tmp_path / name, values)
    with pytest.raises(ConfigurationError, match=message):
        load_digits(tmp_path)

"""Values that the ledger stores as JSON."""

from __future__ import annotations

import math

import numpy as np

from pipeline.ledger.rows import json_values


def test_figures_become_values_that_json_can_hold() -> None:
    given = {"a": np.float32(1.5), "b": math.inf, "c": [math.nan, np.int64(2)], "d": {"e": True}, "f": None}
    assert json_values(given) == {"a": 1.5, "b": None, "c": [None, 2], "d": {"e": True}, "f": None}

"""Compare the ratios of a run with those of an earlier one."""

from __future__ import annotations

from collections.abc import Mapping

ALLOWED = 1.15
"""A ratio may be so many times the earlier one."""


def find_regressions(before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """Return a sentence for each ratio that grew by more than 15 %; of all ratios, less is better.

    Ratios that only one run measured are not compared.
    """
    return [
        f"{name}: {now[name]:.2f}, before {value:.2f} ({now[name] / value - 1:+.0%})"
        for name, value in before.items()
        if name in now and value > 0 and now[name] > ALLOWED * value
    ]

"""The precision in which networks compute, where the installation asks for one."""

from __future__ import annotations


def float32_only() -> bool:
    """Return whether the installation's settings ask for float32 where bfloat16 or float16 would be quicker."""
    from pipeline.settings import settings

    return settings().network_precision == "float32"

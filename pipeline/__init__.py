"""Restoration of damaged photographs: masks, Region Normalization inpainting, measurement, traceability."""

import os

__version__ = "0.1.0"

# pyarrow brings two allocators of its own that have taken processes down (apache/arrow, issues 44342 and 50908). The
# thread of the one starts with the import, used or not, and blocks every signal, so that a process dies of it without a
# word. What is written with Arrow here are tables of a few rows. Both are read when pyarrow is loaded, after this.
os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

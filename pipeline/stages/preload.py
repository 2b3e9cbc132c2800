"""Import what the tasks of a run import, once, in the process from which a machine's Airflow forks its tasks.

Only what is imported is shared. Nothing is computed here: threads, and what a GPU has been told, do not survive a fork.
"""

from importlib import import_module

from pipeline.stages.order import CHUNK_STAGES, load_stage

MODULES = (
    *(f"pipeline.stages.{name}" for name in ("receive", "catch_up", "report", "digest", "finish")),
    "pipeline.digests",
    "pipeline.ledger.migrate",
    "pipeline.reports.write",
    # Imported in functions, because they take long.
    *("matplotlib.figure", "openvino", "pandas", "torch", "weasyprint"),
)

for name in MODULES:
    import_module(name)
for stage in CHUNK_STAGES:
    load_stage(stage)

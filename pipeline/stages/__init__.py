"""The stages: plain functions that tasks and the command line call, one module each.

receive → mask → inpaint → measure → publish work on chunks; report, digest and reconcile on the whole batch. Every one
may be run again at any time: finished work is recognised and skipped.
"""

from pipeline.ledger.context import TaskContext

__all__ = ["TaskContext"]

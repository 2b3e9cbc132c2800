"""The stages: plain functions that tasks and the command line call, one module each.

receive → mask → inpaint → measure → publish process chunks (see `order`); report, digest and reconcile process a
whole batch. Every stage may be run again at any time: finished work is recognised and skipped.
"""

from pipeline.ledger.context import TaskContext

__all__ = ["TaskContext"]

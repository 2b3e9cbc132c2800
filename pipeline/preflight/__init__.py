"""Check an installation before anything runs: collections file, folders, weights, ledger, mail server."""

from pipeline.preflight.check import Report, check_installation
from pipeline.preflight.finding import Finding

__all__ = ["Finding", "Report", "check_installation"]

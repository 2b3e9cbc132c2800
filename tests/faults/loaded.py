"""Everything that stages import, imported once in the process from which victims are forked."""

import cv2
import pandas
import weasyprint

import pipeline.digests
import pipeline.engines
import pipeline.metrics
import pipeline.reports
import pipeline.stages.digest
import pipeline.stages.receive
import pipeline.stages.reconcile
import pipeline.stages.report
import tests.faults.victim

__all__ = ["cv2", "pandas", "pipeline", "tests", "weasyprint"]

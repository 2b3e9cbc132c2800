"""Simulate damage over ageing, with the true mask of what is visible of it; used for training and benchmarks."""

from pipeline.simulation.artefacts import ArtefactBank
from pipeline.simulation.kinds import KINDS
from pipeline.simulation.simulate import Damaged, simulate

__all__ = ["KINDS", "ArtefactBank", "Damaged", "simulate"]

"""Simulated damage over simulated ageing, with the true mask of what can be seen of it."""

from pipeline.simulation.artefacts import ArtefactBank
from pipeline.simulation.kinds import KINDS
from pipeline.simulation.simulate import Damaged, simulate

__all__ = ["KINDS", "ArtefactBank", "Damaged", "simulate"]

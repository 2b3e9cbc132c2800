"""Simulated damage over simulated ageing, with the true mask of what can be seen of it."""

from pipeline.damage.simulation.artefacts import ArtefactBank
from pipeline.damage.simulation.kinds import KINDS
from pipeline.damage.simulation.simulate import Damaged, simulate

__all__ = ["KINDS", "ArtefactBank", "Damaged", "simulate"]

"""Engines fill damage: one interface, one small module per engine; windows are planned, packed and blended here."""

from pipeline.engines.interface import Engine, Filled, Job, WindowLayout
from pipeline.engines.registry import ENGINES, load_engine
from pipeline.engines.run import inpaint, paste
from pipeline.imaging.rectangles import Rect

__all__ = ["ENGINES", "Engine", "Filled", "Job", "Rect", "WindowLayout", "inpaint", "load_engine", "paste"]

"""Settings of this installation, collections and recipes, read once and validated."""

from pipeline.settings.collections import Collection, CollectionsFile, Problem, Watch, load_collections
from pipeline.settings.environment import Settings, settings
from pipeline.settings.recipe import Detector, EngineName, Level, MaskMode, Recipe, load_recipe

__all__ = [
    "Collection",
    "CollectionsFile",
    "Detector",
    "EngineName",
    "Level",
    "MaskMode",
    "Problem",
    "Recipe",
    "Settings",
    "Watch",
    "load_collections",
    "load_recipe",
    "settings",
]

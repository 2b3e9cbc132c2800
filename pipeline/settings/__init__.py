"""Read and validate the settings of the installation, the collections and their recipes."""

from pipeline.settings.collections import Collection, CollectionsFile, Problem, Redo, Watch, load_collections
from pipeline.settings.environment import Settings, settings
from pipeline.settings.recipe import DetectorName, EngineName, MaskLevel, MaskMode, Recipe, load_recipe

__all__ = [
    "Collection",
    "CollectionsFile",
    "DetectorName",
    "EngineName",
    "MaskLevel",
    "MaskMode",
    "Problem",
    "Recipe",
    "Redo",
    "Settings",
    "Watch",
    "load_collections",
    "load_recipe",
    "settings",
]

"""Read and validate the settings of the installation, the collections and their recipes."""

from pipeline.settings.collection_parts import Access, Audit, Fixity, Iiif, Watch
from pipeline.settings.collections import Collection, Redo
from pipeline.settings.collections_file import CollectionsFile, Problem, load_collections
from pipeline.settings.environment import Settings, settings
from pipeline.settings.last_good import InForce, collections_in_force
from pipeline.settings.recipe import DetectorName, EngineName, MaskLevel, MaskMode, Recipe, load_recipe, make_recipe

__all__ = [
    "Access",
    "Audit",
    "Collection",
    "CollectionsFile",
    "DetectorName",
    "EngineName",
    "Fixity",
    "Iiif",
    "InForce",
    "MaskLevel",
    "MaskMode",
    "Problem",
    "Recipe",
    "Redo",
    "Settings",
    "Watch",
    "collections_in_force",
    "load_collections",
    "load_recipe",
    "make_recipe",
    "settings",
]

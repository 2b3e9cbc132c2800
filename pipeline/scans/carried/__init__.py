"""What a file carries besides its pixels, listed item by item, and what of it reached the derivative."""

from pipeline.scans.carried.compare import Carried, Change, Loss, compare
from pipeline.scans.carried.inventory import inventory
from pipeline.scans.metadata_item import Item

__all__ = ["Carried", "Change", "Item", "Loss", "compare", "inventory"]

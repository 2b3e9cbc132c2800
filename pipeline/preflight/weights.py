"""Check that the weights that a collection's recipe names are there and of the right kind."""

from __future__ import annotations

from pipeline.preflight.finding import Finding, find_within
from pipeline.settings import Collection, EngineName
from pipeline.weights import Kind, read_weights, shipped_digest, weights_path

KINDS = {EngineName.RN: Kind.INPAINTER, EngineName.DCGAN_DIGITS: Kind.DIGITS}
DEFAULTS = {EngineName.DCGAN_DIGITS: "digits-region"}


def check_weights(collection: Collection, seconds: float) -> list[Finding]:
    """Return what is wrong with the weights of one collection; engines without a network need none.

    Args:
        seconds: how long the file has to answer.
    """
    recipe = collection.recipe
    kind = KINDS.get(recipe.engine)
    if kind is None:
        return []
    name = recipe.weights
    if name == "rn-faithful":  # of a recipe that names none
        name = DEFAULTS.get(recipe.engine, name)

    def check() -> None:
        read_weights(weights_path(name), kind, expected=shipped_digest(name))

    return find_within(seconds, collection.name, f"the weights {name}", check)

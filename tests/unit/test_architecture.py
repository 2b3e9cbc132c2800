"""The layers that are documented are those that the linter holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def documented() -> list[set[str]]:
    """Return the rooms of each numbered layer of the page, top down."""
    layers: list[set[str]] = []
    for line in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\| (\d*) ?\| `(\w+)` \|", line):
            if found[1]:
                assert int(found[1]) == len(layers) + 1
                layers.append(set())
            layers[-1].add(found[2])
    return layers


def test_the_page_shows_the_layers_that_the_linter_holds() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    held = [{name.strip(" ()") for name in layer.split("|")} for layer in layers]
    assert held[0] == {"__main__"}
    assert documented() == held[1:]


def test_every_room_is_in_a_layer() -> None:
    rooms = {
        path.stem for path in (ROOT / "pipeline").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__", "__main__"} <= set().union(*documented())

"""Read the collections file: validated collections, and every mistake with its line and key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.errors import ConfigurationError
from pipeline.settings.collection_parts import Access, Audit, Fixity, Iiif, Watch
from pipeline.settings.collection_places import anchored, misplaced
from pipeline.settings.collections import Collection
from pipeline.settings.plain_errors import PHRASES, describe
from pipeline.settings.recipe import Recipe
from pipeline.settings.yaml_files import duplicate_keys, line_of, parse_yaml, to_python


@dataclass(frozen=True)
class Problem:
    """One mistake in a collections file.

    Attributes:
        collection: name of the collection that it disables, or None for a mistake of the file as a whole.
        line: 1-based line in the file.
        key: dotted key, e.g. `glass-plates.recipe.engine`.
        message: what is wrong, and what is expected.
    """

    collection: str | None
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key}: {self.message}"


@dataclass(frozen=True)
class CollectionsFile:
    """The content of a collections file: the valid collections, and every mistake."""

    path: Path
    collections: tuple[Collection, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    def get(self, name: str) -> Collection:
        """Return one collection by name.

        Raises:
            ConfigurationError: there is no collection of that name, or its entry has a mistake (which is named).
        """
        for collection in self.collections:
            if collection.name == name:
                return collection
        for problem in self.problems:
            if problem.collection == name:
                raise ConfigurationError(f"{self.path}: {problem}")
        known = ", ".join(c.name for c in self.collections) or "none"
        raise ConfigurationError(f"{self.path}: no collection named {name!r} (known: {known})")


def load_collections(path: Path) -> CollectionsFile:
    """Return the collections in a YAML file; an invalid entry disables only its own collection.

    Raises:
        ConfigurationError: the file cannot be read or is not YAML at all.
    """
    try:
        root = parse_yaml("collections file", path)
    except ConfigurationError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            remedy = "copy collections.example.yaml there and edit it, or name another file in RESTORATION_COLLECTIONS"
            raise ConfigurationError(f"collections file {path} does not exist: {remedy}") from error
        raise
    if root is None:
        return CollectionsFile(path)
    entries, problems = _entries(root)
    found: list[Collection] = []
    for name, (line, node) in entries.items():
        collection, wrong = _collection(name, line, node, path)
        problems += wrong
        if collection is not None:
            found.append(collection)
    good = []
    for collection in found:
        line, node = entries[collection.name]
        wrong = [
            Problem(collection.name, line_of(node, [key], line), f"{collection.name}.{key}", message)
            for key, message in misplaced(collection, found)
        ]
        problems += wrong
        if not wrong:
            good.append(collection)
    return CollectionsFile(path, tuple(good), tuple(problems))


def _collection(name: str, line: int, node: yaml.Node, path: Path) -> tuple[Collection | None, list[Problem]]:
    """Return one collection, or all its mistakes.

    Args:
        line: of its name.
        path: of the file, whose folder relative paths are below.
    """
    wrong = [Problem(name, at, ".".join((name, *keys)), "this key appears twice") for keys, at in duplicate_keys(node)]
    try:
        document = to_python(node)
    except ValueError as error:
        return None, [*wrong, Problem(name, line, name, str(error))]
    if not isinstance(document, dict):
        return None, [*wrong, Problem(name, line, name, PHRASES["model_type"])]
    if "name" in document:
        message = "unknown key; a collection's name is the key above its entry"
        wrong.append(Problem(name, line_of(node, ["name"]), f"{name}.name", message))
    try:
        collection = Collection.model_validate(document | {"name": name})
    except ValidationError as error:
        return None, wrong + [_problem(name, line, node, dict(item)) for item in error.errors()]
    return (None, wrong) if wrong else (anchored(collection, path.absolute().parent), [])


def _entries(root: yaml.Node) -> tuple[dict[str, tuple[int, yaml.Node]], list[Problem]]:
    """Return lines and nodes of the collections by name, and the mistakes outside their entries."""
    problems: list[Problem] = []
    entries: dict[str, tuple[int, yaml.Node]] = {}
    expected = "must be a mapping with the one key `collections`"
    if not isinstance(root, yaml.MappingNode):
        return {}, [Problem(None, root.start_mark.line + 1, "(top level)", expected)]
    for key_node, value in root.value:
        line = key_node.start_mark.line + 1
        if key_node.value != "collections":
            problems.append(Problem(None, line, str(key_node.value), expected))
        elif not isinstance(value, yaml.MappingNode):
            problems.append(Problem(None, line, "collections", "must be a mapping of names to collections"))
        else:
            for name_node, node in value.value:
                name, line = str(name_node.value), name_node.start_mark.line + 1
                if name in entries:
                    problems.append(Problem(None, line, name, "this name appears twice; the first entry is used"))
                else:
                    entries[name] = line, node
    return entries, problems


def _problem(name: str, line: int, node: yaml.Node, error: dict[str, Any]) -> Problem:
    """Return a validation error with its line and key."""
    keys: tuple[int | str, ...] = error["loc"]
    models: dict[str, type[BaseModel]] = {
        "recipe": Recipe, "watch": Watch, "fixity": Fixity, "iiif": Iiif, "access": Access, "audit": Audit,
    }  # fmt: skip
    model = models.get(str(keys[0]), Collection) if len(keys) > 1 else Collection
    message = describe(error, model, hidden=frozenset({"name"}))
    if keys == ("name",):
        return Problem(name, line, name, message)
    return Problem(name, line_of(node, keys, line), ".".join([name, *map(str, keys)]), message)

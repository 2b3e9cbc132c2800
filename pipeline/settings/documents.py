"""YAML with places: what a file says as plain values, and on which line each key stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from pipeline.errors import ConfigurationError
from pipeline.escape import error_line

KINDS = {
    "missing": "is missing and has no default",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "invalid_key": "a key must be text; put it in quotes",
}


def compose(what: str, path: Path) -> yaml.Node | None:
    """Return the root node of a YAML file, None when it is empty.

    Args:
        what: the file's role, for messages.

    Raises:
        ConfigurationError: it cannot be read, or is not YAML; names the line.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigurationError(f"{what} {path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{what} {path}: is not UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or error.context
        raise ConfigurationError(f"{what} {path}: line {line}: not valid YAML ({problem})") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{what} {path}: not valid YAML ({error_line(error)})") from error
    return None if root is None or root.tag == "tag:yaml.org,2002:null" else root


def plain(node: yaml.Node) -> Any:
    """Return what a node says as plain Python values.

    Raises:
        ValueError: it holds a tag or a value that stands for none, e.g. the 31st of February.
    """
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise ValueError(error.problem or error.context) from error
    finally:
        loader.dispose()


def line_of(node: yaml.Node, keys: Sequence[int | str], first: int | None = None) -> int:
    """Return the 1-based line of the deepest of these keys that stands below a node.

    Args:
        first: line when none of them does; that of the node's beginning when left out.
    """
    line = first or node.start_mark.line + 1
    current: yaml.Node | None = node
    for key in keys:
        found = None
        if isinstance(current, yaml.MappingNode):
            for key_node, value in current.value:
                if key_node.value == str(key):
                    line, found = key_node.start_mark.line + 1, value
        elif isinstance(current, yaml.SequenceNode) and isinstance(key, int) and key < len(current.value):
            found = current.value[key]
            line = found.start_mark.line + 1
        current = found
    return line


def repeated(node: yaml.Node, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield path and line of every key that stands twice in one mapping: YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in seen:
                yield (*above, key), key_node.start_mark.line + 1
            seen.add(key)
            yield from repeated(value, (*above, key))


def explain(kind: str, message: str, model: type[BaseModel], hidden: frozenset[str] = frozenset()) -> str:
    """Return what is wrong with a value in an archivist's words.

    Args:
        kind: pydantic's type of the mistake.
        message: pydantic's message.
        model: that has the known keys.
        hidden: keys of it that no file may set.
    """
    if kind == "extra_forbidden":
        return f"unknown key; known keys are {', '.join(key for key in model.model_fields if key not in hidden)}"
    text = KINDS.get(kind) or message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]

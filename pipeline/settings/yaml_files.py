"""Read YAML files as Python values, with the line of each key for error messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from pipeline.errors import ConfigurationError
from pipeline.escape import error_line

MESSAGES = {
    "missing": "is missing and has no default",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "invalid_key": "a key must be text; put it in quotes",
}


def parse_yaml(what: str, path: Path) -> yaml.Node | None:
    """Return the root node of a YAML file, None if it is empty.

    Args:
        what: the file's role, for messages.

    Raises:
        ConfigurationError: it cannot be read, or is not YAML; the message names the line.
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


def to_python(node: yaml.Node) -> Any:
    """Return a node as Python values.

    Raises:
        ValueError: it holds an unknown tag or an impossible value, e.g. the 31st of February.
    """
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise ValueError(error.problem or error.context) from error
    finally:
        loader.dispose()


def line_of(node: yaml.Node, keys: Sequence[int | str], first: int | None = None) -> int:
    """Return the 1-based line of the deepest of these nested keys that exists below a node.

    Args:
        first: line to return if none exists; the first line of the node by default.
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


def duplicate_keys(node: yaml.Node, parents: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield path and line of every key that appears twice in a mapping; YAML would silently use the last."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in seen:
                yield (*parents, key), key_node.start_mark.line + 1
            seen.add(key)
            yield from duplicate_keys(value, (*parents, key))


def describe_error(kind: str, message: str, model: type[BaseModel], hidden: frozenset[str] = frozenset()) -> str:
    """Return a message about an invalid value, in words for archivists.

    Args:
        kind: pydantic's error type.
        message: pydantic's message.
        model: the model with the known keys.
        hidden: keys of the model that a file may not set.
    """
    if kind == "extra_forbidden":
        return f"unknown key; known keys are {', '.join(key for key in model.model_fields if key not in hidden)}"
    text = MESSAGES.get(kind) or message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]

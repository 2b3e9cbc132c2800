"""Read YAML files as Python values, with the line of each key for error messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigurationError
from pipeline.settings.plain_errors import describe_yaml


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
        problem = describe_yaml(str(error.problem or error.context))
        raise ConfigurationError(f"{what} {path}: line {line}: not valid YAML: {problem}") from error
    except yaml.YAMLError as error:
        problem = describe_yaml(str(getattr(error, "reason", error)))
        raise ConfigurationError(f"{what} {path}: not valid YAML: {problem}") from error
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
        raise ValueError(describe_yaml(str(error.problem or error.context))) from error
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

"""Say what is wrong with a value, or with a file's YAML, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.escape import one_line

#: By pydantic's type of error; filled in with its context. `{got}` is what was given.
PHRASES = {
    "missing": "is missing and has no default",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "invalid_key": "a key must be text; put it in quotes",
    "string_type": "must be text, not {got}; put it in quotes",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number, not {got}",
    "int_parsing": "must be a whole number, not {got}",
    "int_parsing_size": "is too large a number",
    "int_from_float": "must be a whole number, not {got}",
    "float_type": "must be a number, not {got}",
    "float_parsing": "must be a number, not {got}",
    "finite_number": "must be a finite number, not {got}",
    "bool_type": "must be true or false, not {got}",
    "bool_parsing": "must be true or false, not {got}",
    "greater_than": "must be more than {gt:g}, not {got}",
    "greater_than_equal": "must be {ge:g} or more, not {got}",
    "less_than": "must be less than {lt:g}, not {got}",
    "less_than_equal": "must be {le:g} or less, not {got}",
    "enum": "must be {expected}, not {got}",
    "literal_error": "must be {expected}, not {got}",
    "path_type": "must be a path, not {got}",
}

#: By the beginning of what PyYAML says.
YAML_PHRASES = {
    "found character '\\t'": "a tab; indent with spaces",
    "mapping values are not allowed": "a colon that begins no value here; put text with a colon in quotes",
    "could not find expected ':'": "a key without its colon",
    "expected <block end>": "the indentation does not match the lines above",
    "expected ',' or ']'": "a bracket [ that is not closed",
    "expected ',' or '}'": "a brace { that is not closed",
    "found unexpected end of stream": "a quotation mark that is not closed",
    "found unknown escape": "a backslash in double quotes; use single quotes",
    "could not determine a constructor": "a tag (!…), which has no meaning here; leave it out",
    "found undefined alias": "an alias (*…) without its anchor (&…)",
    "expected a single document": "a second document (---); write everything in one",
    "special characters are not allowed": "a control character",
}


def describe(
    error: Mapping[str, Any], model: type[BaseModel] | None = None, hidden: frozenset[str] = frozenset()
) -> str:
    """Return what is wrong with a value, in words for archivists.

    Args:
        error: one of a `ValidationError`'s errors.
        model: the model whose known keys are named when the key is unknown.
        hidden: keys of the model that a file may not set.
    """
    kind = str(error["type"])
    if kind == "extra_forbidden" and model is not None:
        return f"unknown key; known keys are {', '.join(key for key in model.model_fields if key not in hidden)}"
    given = error.get("input")
    got = one_line(repr(given) if isinstance(given, str) else str(given), 60)
    if kind in PHRASES:
        return PHRASES[kind].format(**{"got": got} | error.get("ctx", {}))
    text = one_line(str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be"), 300)
    return text[:1].lower() + text[1:]


def describe_yaml(problem: str) -> str:
    """Return what is wrong with a file's YAML."""
    return next((words for begin, words in YAML_PHRASES.items() if problem.startswith(begin)), one_line(problem))

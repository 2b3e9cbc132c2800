"""Read the collections file: validated collections, and every mistake with its line and key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.errors import ConfigurationError
from pipeline.settings.recipe import Recipe
from pipeline.settings.yaml_files import MESSAGES, describe_error, duplicate_keys, line_of, parse_yaml, to_python

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
QUEUE = re.compile(r"https?://[^/\s]+/\S+")
RECIPIENT = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


class Watch(BaseModel):
    """When files in the inbox have settled, so that a file still being copied is never read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settle: float = Field(30.0, ge=0, description="seconds for which size and time of every file must not change")
    interval: float = Field(10.0, gt=0, description="seconds between two listings of the inbox")
    marker: str | None = Field(None, description="name of the file that marks a delivery as complete, e.g. `.ready`")
    queue: str | None = Field(None, description="URL of an SQS queue with the bucket's notifications, to avoid listing")

    @field_validator("queue")
    @classmethod
    def _queue(cls, value: str | None) -> str | None:
        if value is not None and not QUEUE.fullmatch(value):
            raise ValueError(
                f"{value!r} is not the URL of a queue such as https://sqs.eu-central-1.amazonaws.com/1/scans"
            )
        return value


class Redo(StrEnum):
    """Which finished scans are done again by themselves; files and masks that were changed always are."""

    NEVER = "never"
    RECIPE = "recipe"
    CHANGED = "changed"


class Collection(BaseModel):
    """A named set of scans with its own inbox, output, schedule, recipients and recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="lower-case letters, digits, - and _; the DAG is called `restore_<name>`")
    title: str = Field("", description="name shown to people; the collection's name when empty")
    inbox: str = Field(min_length=1, description="folder or URI (s3://bucket/prefix) where scans arrive; read only")
    output: str = Field(min_length=1, description="folder or URI for results")
    masks: str | None = Field(None, description="folder or URI of manual masks, paired by path and stem")
    originals: str | None = Field(None, description="folder or URI of undamaged originals, where known")
    schedule: str | None = Field("0 2 * * *", description="cron expression, or null for no scheduled runs")
    timezone: str = Field("UTC", description="IANA time zone of the schedule and of the dates in reports")
    finish_by: str | None = Field(
        None, description="time of day in that time zone, e.g. `06:00`, by which a batch must be done"
    )
    watch: Watch | None = Field(None, description="start when files arrive, in addition to the schedule")
    recipients: tuple[str, ...] = Field((), description="email addresses that receive the digest")
    language: Literal["en", "de"] = Field("en", description="language of report and digest")
    recipe: Recipe = Field(default_factory=Recipe)
    redo: Redo = Field(
        Redo.RECIPE,
        description="finished scans that are done again: `never`, when somebody changed the `recipe`, or `changed`: "
        "also when an update changed software or weights",
    )
    chunk_megapixels: float = Field(100.0, gt=0, description="pixels of work in one chunk, in megapixels")
    chunk_scans: int = Field(64, ge=1, le=1000, description="scans in one chunk at most")
    batch_scans: int = Field(2000, ge=1, description="scans in one batch at most; the others follow in the next")

    @property
    def label(self) -> str:
        """The name shown to people."""
        return self.title or self.name

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("use lower-case letters, digits, - and _, at most 63, starting with a letter or digit")
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/Berlin") from error
        return value

    @field_validator("schedule")
    @classmethod
    def _schedule(cls, value: str | None) -> str | None:
        # Airflow validates each field; this checks only the shape, so that a mistake is reported with its line.
        if value is not None and not value.startswith("@") and len(value.split()) != 5:
            raise ValueError(f"{value!r} is not a cron expression of five fields such as '0 2 * * *'")
        return value

    @field_validator("finish_by")
    @classmethod
    def _finish_by(cls, value: str | None) -> str | None:
        if value is not None and not HOUR.fullmatch(value):
            raise ValueError(f"{value!r} is not a time of day such as '06:00' (in quotes)")
        return value

    @model_validator(mode="after")
    def _queue_of_a_bucket(self) -> Collection:
        if self.watch and self.watch.queue and not self.inbox.startswith(("s3://", "s3a://", "s3n://")):
            raise ValueError("watch.queue: only a bucket (s3://…) has notifications; leave it out for a folder")
        return self

    @field_validator("recipients")
    @classmethod
    def _recipients(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not RECIPIENT.fullmatch(address):
                raise ValueError(f"{address!r} is not an email address")
        return value


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
    root = parse_yaml("collections file", path)
    if root is None:
        return CollectionsFile(path)
    entries, problems = _entries(root)
    collections: dict[str, Collection] = {}
    for name, (line, node) in entries.items():
        collection, wrong = _collection(name, line, node)
        problems += wrong
        if collection is None:
            continue
        # Two collections with one output would overwrite each other's files: names are reserved per collection.
        output = collection.output.rstrip("/")
        if output in collections:
            message = f"{collections[output].name!r} already has this output; give each collection its own"
            problems.append(Problem(name, line_of(node, ["output"], line), f"{name}.output", message))
        else:
            collections[output] = collection
    return CollectionsFile(path, tuple(collections.values()), tuple(problems))


def _collection(name: str, line: int, node: yaml.Node) -> tuple[Collection | None, list[Problem]]:
    """Return one collection, or its mistakes.

    Args:
        line: of its name.
    """
    message = "this key appears twice"
    duplicates = [Problem(name, at, ".".join((name, *keys)), message) for keys, at in duplicate_keys(node)]
    if duplicates:
        return None, duplicates
    try:
        document = to_python(node)
    except ValueError as error:
        return None, [Problem(name, line, name, str(error))]
    if not isinstance(document, dict):
        return None, [Problem(name, line, name, MESSAGES["model_type"])]
    if "name" in document:
        message = "unknown key; a collection's name is the key above its entry"
        return None, [Problem(name, line_of(node, ["name"]), f"{name}.name", message)]
    try:
        return Collection.model_validate({"name": name} | document), []
    except ValidationError as error:
        return None, [_problem(name, line, node, dict(item)) for item in error.errors()]


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
    models: dict[str, type[BaseModel]] = {"recipe": Recipe, "watch": Watch}
    model = models.get(str(keys[0]), Collection) if len(keys) > 1 else Collection
    message = describe_error(str(error["type"]), str(error["msg"]), model, hidden=frozenset({"name"}))
    if keys == ("name",):
        return Problem(name, line, name, message)
    return Problem(name, line_of(node, keys, line), ".".join([name, *map(str, keys)]), message)

"""A collection: a named set of scans with its own inbox, output, schedule, recipients and recipe."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.settings.collection_parts import Access, Audit, Fixity, Iiif, Watch, cron_expression
from pipeline.settings.recipe import Recipe

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
BAG_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# Labels of bag-info.txt that say what a bag holds.
COUNTED = {"payload-oxum", "bag-size", "bagging-date", "bag-software-agent", "external-identifier"}
RECIPIENT = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")


class Redo(StrEnum):
    """Which finished scans are done again by themselves; files and masks that were changed always are."""

    NEVER = "never"
    RECIPE = "recipe"
    CHANGED = "changed"


class Collection(BaseModel):
    """A named set of scans with its own inbox, output, schedule, recipients and recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(description="lower-case letters, digits, - and _; the DAG is called `restore_<name>`")
    title: str = Field("", description="name shown to people; the collection's name when empty")
    inbox: str = Field(min_length=1, description="folder or URI (s3://bucket/prefix) where scans arrive; read only")
    output: str = Field(min_length=1, description="folder or URI for results")
    masks: str | None = Field(None, description="folder or URI of manual masks, paired by path and stem")
    originals: str | None = Field(None, description="folder or URI of undamaged originals, where known")
    ignore: tuple[str, ...] = Field((), description="globs of files and folders in the inbox that are no scans")
    schedule: str | None = Field("0 2 * * *", description="cron expression, or null for no scheduled runs")
    timezone: str = Field("UTC", description="IANA time zone of the schedule and of the dates in reports")
    finish_by: str | None = Field(
        None, description="time of day in that time zone, e.g. `06:00`, by which a batch must be done"
    )
    silent_days: float | None = Field(
        None, gt=0, description="days without a new scan after which people are notified, once"
    )
    watch: Watch | None = Field(None, description="start when files arrive, in addition to the schedule")
    recipients: tuple[str, ...] = Field((), description="email addresses that receive the digest")
    language: Literal["en", "de"] = Field("en", description="language of report and digest")
    fixity: Fixity | None = Field(None, description="read masters and results again on a schedule")
    access: Access | None = Field(None, description="write access copies of derivatives")
    iiif: Iiif | None = Field(None, description="write IIIF manifests for these addresses")
    bag_info: dict[str, str] = Field(
        default_factory=dict, description="lines of bag-info.txt in every bag, e.g. Source-Organization"
    )
    recipe: Recipe = Field(default_factory=Recipe)
    redo: Redo = Field(
        Redo.RECIPE,
        description="finished scans that are done again: `never`, when somebody changed the `recipe`, or `changed`: "
        "also when an update changed software or weights",
    )
    audit: Audit = Field(default_factory=Audit, description="random sample of each batch that people are asked about")
    chunk_megapixels: float = Field(
        250.0, gt=0, description="pixels of work in one chunk, in megapixels; more where a batch would have over 48"
    )
    chunk_scans: int = Field(250, ge=1, le=1000, description="scans in one chunk at most")
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
        return cron_expression(value)

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

    @field_validator("bag_info")
    @classmethod
    def _bag_info(cls, value: dict[str, str]) -> dict[str, str]:
        for label in value:
            if not BAG_LABEL.fullmatch(label):
                raise ValueError(f"{label!r} is no label of bag-info.txt; write letters, digits and hyphens")
            if label.casefold() in COUNTED:
                raise ValueError(f"{label!r} is written by the program itself; leave it out")
        return value

    @field_validator("recipients")
    @classmethod
    def _recipients(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not RECIPIENT.fullmatch(address):
                raise ValueError(f"{address!r} is not an email address")
        return value

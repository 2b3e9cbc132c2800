"""Parts of a collection's settings, each a mapping below one key."""

from __future__ import annotations

import re

from croniter import croniter
from pydantic import BaseModel, ConfigDict, Field, field_validator

QUEUE = re.compile(r"https?://[^/\s]+/\S+")
ADDRESS = re.compile(r"https?://[^/\s?#]+(/[^\s?#]*)?")
QUARTERLY = "@quarterly"  # Airflow's own; the others, such as @daily, are cron's


def cron_expression(value: str | None) -> str | None:
    """Return a schedule that Airflow can read."""
    if value is None or value == QUARTERLY:
        return value
    if not (value.startswith("@") or len(value.split()) == 5) or not croniter.is_valid(value):
        raise ValueError(f"{value!r} is not a cron expression of five fields such as '0 2 * * *'")
    return value


class Watch(BaseModel):
    """When files in the inbox have settled, so that a file still being copied is never read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

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


class Fixity(BaseModel):
    """When masters and results are read again and compared with their checksums, and how many of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schedule: str | None = Field("0 12 * * 6", description="cron expression, or null for checks by hand only")
    sample: float | None = Field(
        None, gt=0, description="scans each time: a share below 1, a number from 1 on, or null for all"
    )
    bandwidth: float | None = Field(None, gt=0, description="megabytes per second at most, or null for no limit")
    masters: bool = Field(True, description="also read the masters")

    @field_validator("schedule")
    @classmethod
    def _schedule(cls, value: str | None) -> str | None:
        return cron_expression(value)


class Access(BaseModel):
    """Access copies of derivatives: JPEG in sRGB."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    long_side: int = Field(3000, ge=64, le=30000, description="longer side in pixels at most")
    quality: int = Field(85, ge=1, le=95, description="of JPEG")
    note: str = Field("", max_length=300, description="a line of text in a band below the picture")


class Iiif(BaseModel):
    """Under which addresses results are served, for IIIF manifests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: str = Field(description="address of the image service that knows derivatives by their path in the output")
    originals: str | None = Field(None, description="the same for masters by their path in the inbox; default `images`")
    files: str = Field(description="address under which the output is served")

    @field_validator("images", "originals", "files")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not ADDRESS.fullmatch(value):
            raise ValueError(f"{value!r} is not an address such as https://iiif.example.org/image/3")
        return value.rstrip("/") if value else value


class Audit(BaseModel):
    """How many of the repairs that nobody has seen are drawn at random for a person to look at; both 0 draw none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    scans: int = Field(10, ge=0, description="repairs of each batch, at least")
    share: float = Field(0.1, ge=0, le=1, description="share of the repairs of each batch, at least")

"""Types of what options and arguments take; each says in plain words what it cannot take."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

S3 = ("s3", "s3a", "s3n")


class Number(click.FloatRange):
    """A finite number within a range; click's own type also takes `nan`, which is in no range."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return found


class Place(click.ParamType[str]):
    """A folder or file, or the URI of one in a bucket, as text; whether it is there is found by what reads it."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        scheme, separator, rest = text.partition("://")
        if not text.strip():
            self.fail("it is empty; name a folder, a file or a URI.", param, ctx)
        if separator and scheme.lower() in S3 and not rest.split("/")[0]:
            self.fail(f"{text!r} names no bucket; write s3://bucket/prefix.", param, ctx)
        return text


class FilePath(click.Path):
    """A path on this machine; whether it can be read is found by what reads it, which names the remedy."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value).strip():
            self.fail("it is empty; name a file or a folder.", param, ctx)
        return super().convert(value, param, ctx)


PLACE = Place()
PATH = FilePath()
POSITIVE = click.IntRange(min=1)
NOT_NEGATIVE = click.IntRange(min=0)
SEED = click.IntRange(min=0, max=2**31 - 1)
SHARE = Number(min=0, max=1)
ABOVE_ZERO = Number(min=0, min_open=True)

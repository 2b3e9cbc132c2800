"""Sign what was done to a picture as content credentials (C2PA), with the certificate of the installation.

Source: C2PA specification 2.2: a derivative's first action is `c2pa.opened`, of its parent; inpainting is `c2pa.edited`
with IPTC's digital source type. c2pa-python is imported only where a certificate is configured.
"""

from __future__ import annotations

import importlib.util
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pipeline import __version__
from pipeline.errors import RestorationError
from pipeline.escape import error_line
from pipeline.settings import settings

PROGRAM = "archive-restoration"
# Regions that a manifest names; the mask has all of them.
REGIONS = 200
# A thumbnail would be larger than all else, and shows the master to everybody.
SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}
MEDIA_TYPES = {
    "JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "WEBP": "image/webp", "GIF": "image/gif",
    "AVIF": "image/avif", "HEIC": "image/heic",
}  # fmt: skip


class Unsigned(RestorationError):
    """A picture could not be signed; the message says why. The picture itself is as good as without a signature."""


@dataclass(frozen=True)
class Parent:
    """The master, as a manifest names it.

    Attributes:
        format: as the ledger has it.
    """

    name: str
    sha256: str
    format: str


@dataclass(frozen=True)
class Edit:
    """What was done to it.

    Attributes:
        source_type: URI of IPTC's digital source type.
        engine, digest: what filled the damage.
        regions: x, y, width, height of what was filled, in pixels as stored.
        also: further actions, such as `c2pa.resized`.
    """

    source_type: str
    engine: str
    digest: str
    regions: Sequence[tuple[int, int, int, int]] = ()
    also: Sequence[str] = ()


def is_configured() -> bool:
    """Return whether this installation has a certificate to sign with."""
    return settings().c2pa_certificate is not None


def sign_beside(picture: BinaryIO, media_type: str, title: str, parent: Parent, master: BinaryIO, edit: Edit) -> bytes:
    """Return the manifest of a picture, to lie beside it; the picture's bytes are only read.

    Args:
        picture, master: seekable.

    Raises:
        Unsigned: no valid certificate, or a store of the master's that cannot be read.
    """
    with tempfile.TemporaryFile() as unchanged:
        return _sign(picture, unchanged, media_type, title, parent, master, edit, embed=False)


def sign_inside(picture: bytes, media_type: str, title: str, parent: Parent, master: BinaryIO, edit: Edit) -> bytes:
    """Return a picture with its manifest in it. Raises as `sign_beside`."""
    target = io.BytesIO()
    _sign(io.BytesIO(picture), target, media_type, title, parent, master, edit, embed=True)
    return target.getvalue()


def _sign(
    picture: BinaryIO, target: Any, media_type: str, title: str, parent: Parent, master: BinaryIO, edit: Edit, *,
    embed: bool,
) -> bytes:  # fmt: skip
    if importlib.util.find_spec("c2pa") is None:
        raise Unsigned("c2pa-python is not installed: pip install 'archive-restoration[c2pa]'")
    import c2pa

    found = settings()
    if found.c2pa_certificate is None or found.c2pa_key is None:
        raise Unsigned("RESTORATION_C2PA_CERTIFICATE and RESTORATION_C2PA_KEY: set both")
    try:
        chain, key = _read(found.c2pa_certificate), _read(found.c2pa_key)
        timestamp = found.c2pa_timestamp.encode() or None
        info = c2pa.C2paSignerInfo(found.c2pa_algorithm.encode(), chain, key, timestamp)
        with c2pa.Signer.from_info(info) as signer:
            context = c2pa.Context(c2pa.Settings.from_dict(SETTINGS))
            ingredient = {
                "title": parent.name, "relationship": "parentOf", "instance_id": f"urn:sha256:{parent.sha256}",
                "format": MEDIA_TYPES.get(parent.format, "application/octet-stream"),
            }  # fmt: skip
            is_known = ingredient["format"] in c2pa.Builder.get_supported_mime_types()
            definition = _definition(title, media_type, edit, [] if is_known else [ingredient])
            with c2pa.Builder(json.dumps(definition), context=context) as builder:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                if is_known:
                    # With the credentials that the master has itself, if any.
                    builder.add_ingredient(json.dumps(ingredient), ingredient["format"], master)
                if not embed:
                    builder.set_no_embed()
                manifest: bytes = builder.sign(signer, media_type, picture, target)
                return manifest
    except c2pa.C2paError as error:
        raise Unsigned(f"not signed with {found.c2pa_certificate}: {error_line(error)}") from error


def _definition(title: str, media_type: str, edit: Edit, ingredients: list[dict[str, str]]) -> dict[str, Any]:
    edited: dict[str, Any] = {
        "action": "c2pa.edited",
        "digitalSourceType": edit.source_type,
        "softwareAgent": {"name": f"{PROGRAM}: {edit.engine}", "version": f"{__version__}, {edit.digest}"},
    }
    if edit.regions:
        edited["changes"] = [{"region": [_region(box) for box in edit.regions[:REGIONS]], "description": "filled in"}]
    actions = [edited, *({"action": action} for action in edit.also)]
    return {
        "claim_generator_info": [{"name": PROGRAM, "version": __version__}],
        "title": title,
        "format": media_type,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
        **({"ingredients": ingredients} if ingredients else {}),
    }


def _region(box: tuple[int, int, int, int]) -> dict[str, Any]:
    x, y, width, height = box
    shape = {"type": "rectangle", "unit": "pixel", "origin": {"x": x, "y": y}, "width": width, "height": height}
    return {"type": "spatial", "shape": shape}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unsigned(f"{path}: cannot be read ({error.strerror})") from error

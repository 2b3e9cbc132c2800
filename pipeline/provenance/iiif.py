"""Write IIIF Presentation 3: a manifest per scan with original and restored picture, and collections of them.

Source: IIIF Presentation API 3.0 (iiif.io/api/presentation/3.0).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipeline.imaging.orientation import upright_size
from pipeline.provenance.sidecar import VERSION

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
FOLDER = "iiif"


@dataclass(frozen=True)
class Addresses:
    """Where readers find results; none ends with a slash.

    Attributes:
        images: of the IIIF image service that knows derivatives by their path below the output.
        originals: of the one that knows masters by their path in the inbox.
        files: under which the output itself is served.
    """

    images: str
    originals: str
    files: str

    def manifest(self, stem: str) -> str:
        """Return the address of a scan's manifest."""
        return f"{self.files}/{quote(manifest_path(stem))}"

    def collection(self, part: int = 0) -> str:
        """Return the address of the collection, or of one part of it."""
        return f"{self.files}/{collection_path(part)}"


@dataclass(frozen=True)
class Words:
    """What readers see, in the collection's language.

    Attributes:
        statement: what `disclosure` is called.
        disclosure: what was done to the restored picture.
    """

    language: str
    original: str
    restored: str
    statement: str
    disclosure: str
    sidecar: str


def manifest_path(stem: str) -> str:
    """Return the path of a scan's manifest below the output."""
    return f"{FOLDER}/scans/{stem}.json"


def collection_path(part: int = 0) -> str:
    """Return the path of the collection below the output, or of one part of it."""
    return f"{FOLDER}/collection{f'/{part:06}' if part else ''}.json"


def manifest(sidecar: Mapping[str, Any], stem: str, addresses: Addresses, words: Words) -> bytes:
    """Return the manifest of a scan as UTF-8 JSON: the original, and where there is one the restored picture beside it.

    Width and height are those of the picture as a viewer shows it.

    Args:
        sidecar: the scan's.
        stem: name of its results.
    """
    master, output = sidecar["master"], _shown(sidecar)
    address = addresses.manifest(stem)
    size = upright_size(master["width"], master["height"], int(master["orientation"] or 1))
    pictures = [_picture(addresses.originals, master["path"], words.original, words.language, size)]
    if output:
        pictures.append(_picture(addresses.images, output["path"], words.restored, words.language, size))
    canvas = f"{address}/canvas"
    body = {"type": "Choice", "items": pictures} if output else pictures[0]
    document: dict[str, Any] = {
        "@context": CONTEXT,
        "id": address,
        "type": "Manifest",
        "label": _none(master["path"].rpartition("/")[2]),
        "metadata": [{"label": _none("sha256"), "value": _none(master["sha256"])}],
        "seeAlso": [
            {
                "id": f"{addresses.files}/sidecars/{quote(stem)}.json",
                "type": "Dataset",
                "format": "application/json",
                "profile": f"urn:archive-restoration:sidecar:{VERSION.rpartition(' ')[2]}",
                "label": {words.language: [words.sidecar]},
            }
        ],
        "items": [
            {
                "id": canvas,
                "type": "Canvas",
                "width": size[0],
                "height": size[1],
                "items": [
                    {
                        "id": f"{canvas}/page",
                        "type": "AnnotationPage",
                        "items": [
                            {
                                "id": f"{canvas}/painting",
                                "type": "Annotation",
                                "motivation": "painting",
                                "target": canvas,
                                "body": body,
                            }
                        ],
                    }
                ],
            }
        ],
    }
    if output:
        document["requiredStatement"] = {
            "label": {words.language: [words.statement]},
            "value": {words.language: [words.disclosure]},
        }
    return _encoded(document)


def collection(address: str, title: str, items: Iterable[tuple[str, str, str]]) -> bytes:
    """Return a collection as UTF-8 JSON.

    Args:
        items: address, type (`Manifest` or `Collection`) and label of each.
    """
    document = {
        "@context": CONTEXT,
        "id": address,
        "type": "Collection",
        "label": _none(title),
        "items": [{"id": one, "type": kind, "label": _none(label)} for one, kind, label in items],
    }
    return _encoded(document)


def _shown(sidecar: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the derivative that may be shown; None when a person rejected it."""
    output: Mapping[str, Any] | None = sidecar["output"]
    rejected = (sidecar["review"].get("decision") or {}).get("verdict") == "reject"
    return None if rejected else output


def _picture(service: str, path: str, label: str, language: str, size: tuple[int, int]) -> dict[str, Any]:
    # The whole path is one identifier: its slashes are encoded (IIIF Image API 3.0, section 9).
    address = f"{service}/{quote(path, safe='')}"
    return {
        "id": f"{address}/full/max/0/default.jpg",
        "type": "Image",
        "format": "image/jpeg",
        "width": size[0],
        "height": size[1],
        "label": {language: [label]},
        "service": [{"id": address, "type": "ImageService3", "profile": "level2"}],
    }


def _none(text: str) -> dict[str, list[str]]:
    """Return text that is in no language."""
    return {"none": [text]}


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

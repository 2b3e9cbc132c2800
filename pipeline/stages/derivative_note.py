"""Say in a derivative itself what was done to it, in words and in the terms of IPTC and XMP."""

from __future__ import annotations

import uuid
from dataclasses import replace

from pipeline import __version__
from pipeline.reports.language import Language
from pipeline.scans import Scan
from pipeline.scans.xmp_disclosure import Disclosure, disclosed

TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
#: Augmentation or correction with a generative model, such as inpainting; enhancement by an algorithm without one.
GENERATED, ENHANCED = TERMS + "compositeWithTrainedAlgorithmicMedia", TERMS + "algorithmicallyEnhanced"
#: Engines that are trained networks, by what they are called to readers of the file.
NETWORKS = {"rn": "Region Normalization inpainting network", "dcgan-digits": "DCGAN for handwritten digits"}
PROGRAM = "archive-restoration"


def with_disclosure(scan: Scan, said: Disclosure) -> Scan:
    """Return a derivative whose XMP packet, otherwise the master's, has a disclosure."""
    return replace(scan, metadata=replace(scan.metadata, xmp=disclosed(scan.metadata.xmp, said)))


def derivative_note(share: float, source: str, engine: str, language: str) -> str:
    """Return in words what was done to a picture, for readers who have nothing else.

    Args:
        share: of the pixels that were filled, 0..1.
        source: what marked them, as the manifest names it.
        engine: what filled them.
    """
    t = Language(language)
    marked = t(f"derivative.marked.{source}")
    return t("derivative.note", share=t.percent(share, 2), marked=marked, engine=engine)


def disclosure(
    *, sha256: str, share: float, source: str, engine: str, digest: str, recipe: str, language: str
) -> Disclosure:
    """Return what a derivative's packet says; nothing in it depends on when or where it was made.

    Args:
        sha256: of the master.
        share: of the pixels that were filled, 0..1.
        source: what marked them, as the manifest names it.
        engine, digest: what filled them, and the digest of algorithm, settings and weights.
        recipe: digest of the recipe.
        language: of the note.
    """
    network = NETWORKS.get(engine, "")
    return Disclosure(
        note=derivative_note(share, source, engine, language),
        language=language,
        source_type=GENERATED if network else ENHANCED,
        system=f"{PROGRAM}: {network}" if network else "",
        version=f"{__version__}, {engine} sha256 {digest}" if network else "",
        software=f"{PROGRAM} {__version__}",
        parameters=f"filled {share:.6%} of the pixels, engine {engine} {digest}, recipe {recipe}",
        master_id=f"urn:sha256:{sha256}",
        instance=f"xmp.iid:{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:sha256:{sha256}#{recipe}')}",
    )

"""Say under which digests the ledger knows some weights."""

from __future__ import annotations

import hashlib
import re

from pipeline import storage
from pipeline.detection.learned import VERSION as DETECTOR
from pipeline.engines.dcgan_digits import VERSION as DIGITS
from pipeline.errors import ConfigurationError
from pipeline.ledger.search import DIGITS as FEWEST
from pipeline.weights import shipped_digest, weights_path

HEX = re.compile(f"[0-9a-f]{{{FEWEST},64}}")


def weights_digests(given: str) -> list[str]:
    """Return the digests of engines and detectors with some weights.

    The ledger has the sha256 of the inpainter's file; the detector's and the digit network's digest also depend on the
    version of their code, of which only that of now is known here.

    Args:
        given: a file, the name of shipped weights, or 8 or more digits of a sha256 or of such a digest.

    Raises:
        ConfigurationError: it is none of these.
    """
    sha256, file = shipped_digest(given), weights_path(given)
    if sha256 is None and file.is_file():
        sha256 = storage.sha256(str(file))
    if sha256 is None:
        if not HEX.fullmatch(given.lower()):
            raise ConfigurationError(
                f"{given!r} is no file, no shipped weights, and not {FEWEST} or more digits of a sha256"
            )
        sha256 = given.lower()
    made = [hashlib.sha256(f"{version} {sha256}".encode()).hexdigest() for version in (DETECTOR, DIGITS)]
    return [sha256, *made]

"""Render HTML as PDF with WeasyPrint, which may only read the files it is given."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.errors import ConfigurationError
from pipeline.escape import error_line

log = logging.getLogger(__name__)

#: Replaces the current time in reproducible builds, see reproducible-builds.org.
EPOCH = "SOURCE_DATE_EPOCH"
PANGO = (
    "PDF reports need Pango, which is not installed. Install it: `apt-get install libpango-1.0-0 libpangoft2-1.0-0 "
    "libharfbuzz-subset0` (Debian, Ubuntu), `dnf install pango` (Fedora), `apk add pango` (Alpine) or "
    "`brew install pango` (macOS)"
)


@lru_cache
def weasyprint() -> ModuleType:
    """Return WeasyPrint.

    Raises:
        ConfigurationError: Pango or another library of the system is missing; names the command that installs it.
    """
    from PIL import ImageFile

    # WeasyPrint makes Pillow accept truncated images in the whole process; a truncated scan would then pass as intact.
    tolerant = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint as module
    except OSError as error:
        raise ConfigurationError(f"{PANGO} ({error_line(error, 200)})") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant
    # Otherwise every unknown CSS property of a chart is a line in the task's log.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    return module  # type: ignore[no-any-return]


@contextmanager
def _fonts_without_date() -> Iterator[None]:
    """Fix the time that fontTools writes into subset fonts, so that equal reports are equal files.

    fontTools subsets the fonts where HarfBuzz cannot.
    """
    before = os.environ.get(EPOCH)
    os.environ.setdefault(EPOCH, "0")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(EPOCH, None)


@contextmanager
def _collected_rarely() -> Iterator[None]:
    """Let the garbage collector look less often: nearly all objects of a report live to its end."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def render_pdf(html: str, css: str, files: Mapping[str, Path], identifier: str) -> bytes:
    """Return the PDF of an HTML page: tagged, PDF/A-3, with bookmarks.

    Args:
        html: the page, already escaped.
        css: its style sheet.
        files: every file that page and style sheet may name, by URL. Any other URL is refused: text from a file's
            name must never make the program read a file or call a server.
        identifier: the document's identifier; the same for the same batch.
    """
    module = weasyprint()
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class OwnFiles(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        """Fetches the files of this report and nothing else."""

        def fetch(self, url: str, headers: Any = None) -> Any:
            """Return one of the report's files; raise ValueError for any other URL."""
            path = files.get(url)
            if path is None:
                log.error("a report may not load %r", url)
                raise ValueError(f"a report may not load {url!r}")
            kind = {".svg": "image/svg+xml", ".jpg": "image/jpeg"}.get(path.suffix, "application/octet-stream")
            # For a file: URL WeasyPrint keeps the picture's path in memory instead of the picture.
            return URLFetcherResponse(path.as_uri(), path.read_bytes(), {"Content-Type": kind})

    fetch = OwnFiles()
    fonts = FontConfiguration()
    with _fonts_without_date(), _collected_rarely():
        sheet = module.CSS(string=css, url_fetcher=fetch, base_url="report:", font_config=fonts)
        page = module.HTML(string=html, url_fetcher=fetch, base_url="report:")
        data = page.write_pdf(
            stylesheets=[sheet],
            font_config=fonts,
            pdf_variant="pdf/a-3a",
            pdf_identifier=identifier.encode(),
            custom_metadata=False,
        )
    # WeasyPrint removes its folder of fonts on garbage collection, which a task's process skips at its end.
    del sheet, page, fonts
    gc.collect()
    return bytes(data)

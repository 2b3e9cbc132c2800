"""The fonts of a report, which any machine has: they are shipped here or with matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SHIPPED = Path(__file__).parent / "fonts"


@dataclass(frozen=True)
class FontFace:
    """One font file as a style sheet declares it."""

    family: str
    path: Path
    weight: int = 400
    style: str = "normal"

    @property
    def url(self) -> str:
        """The address under which the style sheet names the file."""
        return f"report:font/{self.path.name}"


@lru_cache
def faces() -> tuple[FontFace, ...]:
    """Return every font face that reports use.

    DejaVu is the fallback for scripts that the others lack (Arabic, Hebrew, Georgian, …); scripts that it lacks too,
    Chinese and Japanese among them, need fonts of the machine.
    """
    import matplotlib as mpl

    dejavu = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return (
        FontFace("EB Garamond", SHIPPED / "EBGaramond12-Regular.otf"),
        FontFace("Inter", SHIPPED / "Inter-Regular.otf"),
        FontFace("Inter", SHIPPED / "Inter-Italic.otf", style="italic"),
        FontFace("Inter", SHIPPED / "Inter-SemiBold.otf", weight=600),
        FontFace("DejaVu Sans", dejavu / "DejaVuSans.ttf"),
        FontFace("DejaVu Sans", dejavu / "DejaVuSans-Bold.ttf", weight=600),
        FontFace("DejaVu Sans Mono", dejavu / "DejaVuSansMono.ttf"),
    )

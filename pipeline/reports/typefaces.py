"""The fonts of a report, all of which are at hand on any machine: shipped here, or inside matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SHIPPED = Path(__file__).parent / "fonts"


@dataclass(frozen=True)
class Face:
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
def faces() -> tuple[Face, ...]:
    """Return every font face that reports use.

    DejaVu stands behind the others for the scripts that they lack (Arabic, Hebrew, Georgian, …); scripts that it lacks
    as well, Chinese and Japanese among them, come from the machine's own fonts.
    """
    import matplotlib as mpl

    dejavu = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return (
        Face("EB Garamond", SHIPPED / "EBGaramond12-Regular.otf"),
        Face("Inter", SHIPPED / "Inter-Regular.otf"),
        Face("Inter", SHIPPED / "Inter-Italic.otf", style="italic"),
        Face("Inter", SHIPPED / "Inter-SemiBold.otf", weight=600),
        Face("DejaVu Sans", dejavu / "DejaVuSans.ttf"),
        Face("DejaVu Sans", dejavu / "DejaVuSans-Bold.ttf", weight=600),
        Face("DejaVu Sans Mono", dejavu / "DejaVuSansMono.ttf"),
    )

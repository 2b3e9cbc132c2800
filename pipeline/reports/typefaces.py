"""The fonts of a report, which any machine has: they are shipped here or with matplotlib."""

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

    DejaVu is the fallback for scripts that the others lack (Arabic, Hebrew, Georgian, …); scripts that it lacks too,
    Chinese and Japanese among them, need fonts of the machine.
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

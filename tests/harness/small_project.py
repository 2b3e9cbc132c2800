"""A small inbox of damaged pictures with painted masks, its own ledger, and all stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiosmtpd.controller import Controller
from image_files import png
from mail_channel import MailChannel
from numpy.typing import NDArray
from PIL import Image
from ports import free_port
from skimage import data
from sqlalchemy import func, select

from pipeline.detection.types import Component, Detection
from pipeline.ledger import TaskContext
from pipeline.ledger.database import Ledger
from pipeline.ledger.tables import OutcomeRow
from pipeline.provenance.version import code_version
from pipeline.settings import Collection, DetectorName, EngineName, Recipe, settings
from pipeline.stages import manifest, models
from pipeline.stages.batch import open_ledger, work_area
from pipeline.stages.order import CHUNK_STAGES, load_stage
from pipeline.stages.receive import receive
from pipeline.stages.reconcile import reconcile
from pipeline.stages.scan_row import ScanRow


@cache
def clean(number: int = 0) -> NDArray[np.uint8]:
    """Returns a picture (96,128,3); a different one for each number."""
    top = 7 * number % 300
    return np.ascontiguousarray(data.astronaut()[top : top + 96, 100:228])


def damaged(number: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns the picture with a scratch and a spot, and the mask of both."""
    mask = np.zeros((96, 128), np.uint8)
    mask[:, 40 + number % 20 : 43 + number % 20] = 255
    mask[20:30, 80:90] = 255
    pixels = clean(number).copy()
    pixels[mask > 0] = 255
    return pixels, mask


@dataclass
class Project:
    """One collection with its folders and its ledger."""

    inbox: Path
    output: Path
    ledger: Ledger
    changes: dict[str, Any] = field(default_factory=dict)
    batches: int = 0

    @property
    def collection(self) -> Collection:
        recipe = Recipe(engine=EngineName.TELEA, detector=DetectorName.NONE)
        fixed: dict[str, Any] = {"name": "c", "inbox": str(self.inbox), "output": str(self.output), "recipe": recipe}
        return Collection(**fixed | self.changes)

    def put(self, name: str, number: int = 0, *, painted: bool = True) -> Path:
        """Puts a damaged picture into the inbox, with its mask beside it."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels, mask = damaged(number)
        path.write_bytes(png(pixels))
        if painted:
            path.with_name(f"{path.stem}.mask.png").write_bytes(png(mask))
        return path

    def receive(self, batch: str = "", **given: Any) -> list[str]:
        """Receives a batch, a new one unless it is named."""
        self.batches += 1
        return receive(self.collection, batch=batch or f"b{self.batches}", **given)

    def work_area(self, batch: str = "") -> str:
        return work_area(str(self.output), batch or f"b{self.batches}")

    def restore(self, chunks: list[str], context: TaskContext | None = None) -> list[str]:
        """Runs all stages on chunks; returns the published ones."""
        for stage in CHUNK_STAGES:
            chunks = [load_stage(stage)(chunk, context) for chunk in chunks]
        return chunks


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("RESTORATION_LEDGER_URL", f"sqlite:///{tmp_path}/ledger.db")
    monkeypatch.setenv("RESTORATION_CODE_VERSION", "test")
    code_version.cache_clear()  # another test's process-wide answer
    settings.cache_clear()
    (tmp_path / "in").mkdir()
    yield Project(tmp_path / "in", tmp_path / "out", open_ledger())
    settings.cache_clear()
    code_version.cache_clear()


@pytest.fixture
def finished(project: Project) -> Project:
    """Two scans restored and one in quarantine, in one finished batch with a report."""
    project.put("a.png")
    project.put("box/b.png", 1)
    (project.inbox / "c.png").write_bytes(b"no image")
    project.restore(project.receive())
    reconcile(project.work_area())
    reports = project.output / "reports/b1"
    reports.mkdir(parents=True)
    (reports / "report.csv").write_text("path,outcome\n")
    return project


class Postbox:
    """Receives the messages of a mail server, or makes it give another answer."""

    def __init__(self) -> None:
        self.answer, self.arrived = "250 OK", list[EmailMessage]()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.arrived.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@pytest.fixture
def post() -> Iterator[tuple[Postbox, MailChannel]]:
    """A real mail server's postbox, and the channel to it."""
    postbox = Postbox()
    server = Controller(postbox, hostname="127.0.0.1", port=free_port())
    server.start()
    yield postbox, MailChannel(server.port)
    server.stop()


class WhiteDetector:
    """Finds pure white, with confidence in the left half of a picture, so that its findings are known."""

    name = "classical"
    digest = "0" * 64

    def detect(self, pixels, *, max_coverage: float = 0.15, **_: float) -> Detection:
        suggest = np.where((pixels == 255).all(axis=2), np.uint8(255), np.uint8(0))
        repair = suggest.copy()
        repair[:, 64:] = 0
        pieces = [Component("scratch", "repair", (40, 0, 3, 96), 288, None, "white from edge to edge")]
        pieces += [Component("dust", "suggest", (80, 20, 10, 10), 100, 0.4, "a white spot")]
        covered = np.count_nonzero(repair) / repair.size
        too_much = "more than may be filled without review" if covered > max_coverage else None
        return Detection(repair, suggest, pieces if suggest.any() else [], too_much)


@pytest.fixture
def detecting(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project with a detector whose findings are known."""
    monkeypatch.setattr(models, "load_detector", lambda name: WhiteDetector())
    models._detector.cache_clear()
    project.changes["recipe"] = Recipe(engine=EngineName.TELEA, detector=DetectorName.CLASSICAL)
    yield project
    models._detector.cache_clear()


@pytest.fixture
def picture() -> Callable[[int], tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    return damaged


def published(chunks: list[str]) -> dict[str, ScanRow]:
    """Returns the published rows of some chunks by path."""
    return {row.path: row for chunk in chunks for row in manifest.read(manifest.sibling(chunk, "published"))}


def count_outcomes(project: Project) -> dict[str, int]:
    """Returns how many scans have each outcome in the ledger."""
    with project.ledger.read() as session:
        found = session.execute(select(OutcomeRow.outcome, func.count()).group_by(OutcomeRow.outcome))
        return dict(found.tuples().all())


def read_image(path: Path | str) -> NDArray[Any]:
    """Returns the pixels of an image file as they are stored."""
    with Image.open(path) as opened:
        return np.asarray(opened)

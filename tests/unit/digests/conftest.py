"""The sample batch of the reports' tests is used here too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))


@pytest.fixture(scope="session")
def build() -> Callable[..., EmailMessage]:
    """Builds the digest of the sample batch; keywords that a batch has go to the batch, others to the digest."""
    from report_sample import batch_summary, sample

    from pipeline.digests import build_digest

    frame, previews = sample()

    def built(**changes: Any) -> EmailMessage:
        own = {"recipients": ["anna@example.org"], "sender": "restoration@archive.example"}
        batch = {name: changes.pop(name) for name in list(changes) if name in batch_summary().__dataclass_fields__}
        rows = changes.pop("rows", None)
        return build_digest(
            frame if rows is None else rows,
            batch_summary(**batch),
            changes.pop("previews", previews),
            **(own | changes),
        )

    return built

"""A weights file is recognised by what it says of itself, without torch, and refused by name."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import WeightsError
from pipeline.weights import SHIPPED, Kind, read_weights, shipped_digest

FILES = {
    "rn-faithful": Kind.INPAINTER,
    "rn-sharp": Kind.INPAINTER,
    "detector": Kind.DETECTOR,
    "digits-judge": Kind.DIGITS,
    "digits-paper": Kind.DIGITS,
    "digits-region": Kind.DIGITS,
}
ARTICLES = {Kind.INPAINTER: "an inpainter", Kind.DETECTOR: "a damage detector", Kind.DIGITS: "a digit network"}


def shipped(name: str) -> Path:
    """Return the path of shipped weights."""
    return SHIPPED / f"{name}.safetensors"


def test_every_shipped_file_is_known() -> None:
    assert {path.stem for path in SHIPPED.glob("*.safetensors")} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_holds(name: str) -> None:
    weights = read_weights(shipped(name), FILES[name], expected=shipped_digest(name))
    assert weights.kind is FILES[name]
    assert weights.sha256 == hashlib.sha256(shipped(name).read_bytes()).hexdigest()
    assert weights.shape.items() <= weights.metadata.items()
    assert {Kind.INPAINTER: "config", Kind.DETECTOR: "widest", Kind.DIGITS: "network"}[weights.kind] in weights.shape


@pytest.mark.parametrize("wanted", Kind)
@pytest.mark.parametrize("name", FILES)
def test_another_kind_is_refused_by_name(name: str, wanted: Kind) -> None:
    held = FILES[name]
    if held is wanted:
        return
    with pytest.raises(WeightsError) as refused:
        read_weights(shipped(name), wanted)
    message = str(refused.value)
    assert message.startswith(
        f"{shipped(name)} holds the weights of {ARTICLES[held]}, not of {ARTICLES[wanted]}: found sha256 "
    )
    assert "`train " in message, "the remedy is named"


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"not weights", (2).to_bytes(8, "little") + b"[]", (2).to_bytes(8, "little") + b"{}"]
)
def test_what_is_no_weights_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"w\.safetensors does not hold the weights of a damage detector: found"):
        read_weights(path, Kind.DETECTOR)


def test_what_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(shipped("digits-judge").read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"cut\.safetensors is damaged or of another version \(\d+ bytes instead of"):
        read_weights(path, Kind.DIGITS)


def test_another_file_than_expected_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"found sha256 [0-9a-f]{64}, expected abc; ask Anna"):
        read_weights(shipped("detector"), Kind.DETECTOR, expected="abc", remedy="ask Anna")
    with pytest.raises(WeightsError, match=r"cannot read the weights .*gone.*expected sha256 abc.*`train detector`"):
        read_weights(tmp_path / "gone", Kind.DETECTOR, expected="abc")


def test_only_files_in_the_folder_of_the_shipped_have_a_known_digest(tmp_path: Path) -> None:
    assert shipped_digest(str(tmp_path / "rn-faithful.safetensors")) is None
    assert shipped_digest("nonesuch") is None


def test_describing_needs_no_torch() -> None:
    program = (
        "import sys; from pipeline.weights import SHIPPED, Kind, read_weights;"
        "from pipeline.rn.weights import read_config; from pipeline.detection.weights import read_header;"
        "read_config(SHIPPED / 'rn-faithful.safetensors'); read_header(SHIPPED / 'detector.safetensors');"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=SHIPPED.parents[1])

"""A scan that crashes, hangs or bloats its decoder is rejected; the caller and its next scans are not affected."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from pipeline import storage
from pipeline.errors import Reason, StoreUnavailable, UnreadableScan
from pipeline.scans import Limits, Scan, decode, decode_isolated, decoder_pool

PHOTO = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
SHORT = Limits(timeout=1.0)
LINUX = sys.platform == "linux"


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "in" / "photo.png"
    path.parent.mkdir()
    Image.fromarray(PHOTO).save(path, dpi=(300, 300), exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    return str(path)


def worker() -> int:
    return decoder_pool.DecoderProcess.current().process.pid


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(process: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(process)


def test_gives_what_decoding_in_this_process_gives(photo: str) -> None:
    scan = decode_isolated(photo)
    direct = decode(Path(photo).read_bytes(), "photo.png")
    np.testing.assert_array_equal(scan.pixels, PHOTO)
    assert scan.info == direct.info
    assert scan.metadata == direct.metadata
    with pytest.raises(ValueError, match="read-only"):
        scan.pixels[0, 0] = 7


def test_the_next_scan_uses_the_same_process(photo: str) -> None:
    decode_isolated(photo)
    first = worker()
    for _ in range(3):
        decode_isolated(photo)
    assert worker() == first


def test_a_rejection_is_raised_and_the_process_kept(photo: str, tmp_path: Path) -> None:
    decode_isolated(photo)
    first = worker()
    (tmp_path / "in/cut.png").write_bytes(Path(photo).read_bytes()[:200])
    with pytest.raises(UnreadableScan, match=r"cut\.png is cut off") as caught:
        decode_isolated(str(tmp_path / "in/cut.png"))
    assert caught.value.reason == Reason.TRUNCATED
    assert worker() == first


@pytest.mark.parametrize(
    ("decoder", "reason", "limits"),
    [
        ("segfault", Reason.DECODER_CRASHED, Limits()),
        ("aborts", Reason.DECODER_CRASHED, Limits()),
        ("exits", Reason.DECODER_CRASHED, Limits()),
        ("hangs", Reason.DECODER_TIMEOUT, SHORT),
        pytest.param("bloats", Reason.DECODER_MEMORY, Limits(memory_megabytes=100.0), id="bloats"),
        ("is_killed", Reason.DECODER_MEMORY, Limits()),
        ("raises", Reason.UNREADABLE, Limits()),
    ],
)
def test_a_misbehaving_decoder_costs_one_scan(photo: str, decoder: str, reason: Reason, limits: Limits) -> None:
    decode_isolated(photo)
    before = worker()
    started = time.monotonic()
    with pytest.raises(UnreadableScan) as caught:
        decode_isolated(photo, name="bad scan.tif", limits=limits, decoder=f"bad_decoders:{decoder}")
    assert caught.value.reason == reason
    assert caught.value.message.startswith("bad scan.tif ")
    assert time.monotonic() - started < 30
    np.testing.assert_array_equal(decode_isolated(photo, limits=limits).pixels, PHOTO)
    if decoder not in ("raises", "bloats"):
        assert ends(before)


def test_a_crash_that_an_earlier_scan_caused_is_not_held_against_this_one(photo: str) -> None:
    for _ in range(3):
        scan = decode_isolated(photo, decoder="bad_decoders:crashes_when_used_before")
        np.testing.assert_array_equal(scan.pixels, PHOTO)


def test_a_process_that_was_killed_meanwhile_is_replaced(photo: str) -> None:
    decode_isolated(photo)
    os.kill(worker(), signal.SIGKILL)
    np.testing.assert_array_equal(decode_isolated(photo).pixels, PHOTO)


def test_what_a_decoder_prints_is_discarded(photo: str, capfd: pytest.CaptureFixture[str]) -> None:
    decode_isolated(photo, decoder="bad_decoders:prints")
    assert capfd.readouterr().out == ""


def test_no_descriptor_is_left_open(photo: str) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    decode_isolated(photo)
    before = descriptors()
    for _ in range(20):
        decode_isolated(photo)
    for _ in range(2):
        with pytest.raises(UnreadableScan):
            decode_isolated(photo, decoder="bad_decoders:exits")
    decode_isolated(photo)
    assert descriptors() <= before


def test_each_thread_has_its_own_process_and_ends_it(photo: str) -> None:
    decode_isolated(photo)
    found: list[int] = []
    results: list[Scan] = []

    def work() -> None:
        results.append(decode_isolated(photo))
        found.append(worker())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({*found, worker()}) == 4
    assert all(np.array_equal(scan.pixels, PHOTO) for scan in results)
    assert all(ends(process) for process in found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_gets_its_own_and_leaves_none(photo: str) -> None:
    decode_isolated(photo)
    mine = worker()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            scan = decode_isolated(photo)
            os.write(writer, f"{worker()} {np.array_equal(scan.pixels, PHOTO)}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        process, same = said.read().split()
    assert same == "True"
    assert int(process) != mine
    assert ends(int(process))
    assert worker() == mine
    np.testing.assert_array_equal(decode_isolated(photo).pixels, PHOTO)


@pytest.mark.skipif(not LINUX, reason="the kernel's signal at a parent's death is Linux's")
def test_a_hanging_decoder_dies_with_its_killed_parent(photo: str) -> None:
    script = f"""
        import threading, time
        from pipeline.scans import decode_isolated, decoder_pool
        decode_isolated({photo!r})
        print(decoder_pool.DecoderProcess.current().process.pid, flush=True)
        decode_isolated({photo!r}, decoder="bad_decoders:hangs")
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        decoder = int(parent.stdout.readline())
        time.sleep(0.5)
        assert alive(decoder)
        parent.kill()
    assert ends(decoder)


def test_a_process_that_ends_leaves_no_decoder_behind(photo: str) -> None:
    script = f"""
        from pipeline.scans import decode_isolated, decoder_pool
        decode_isolated({photo!r})
        print(decoder_pool.DecoderProcess.current().process.pid)
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert ends(int(done.stdout))
    assert done.stderr == ""


def test_a_module_in_the_working_folder_is_not_imported(
    photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(decoder_pool.DecoderProcess, "local", threading.local())
    np.testing.assert_array_equal(decode_isolated(photo).pixels, PHOTO)


def test_a_file_that_is_too_large_is_not_read(photo: str) -> None:
    with pytest.raises(UnreadableScan, match="RESTORATION_MAX_MEGABYTES") as caught:
        decode_isolated(photo, limits=Limits(max_megabytes=0.001))
    assert caught.value.reason == Reason.TOO_MANY_BYTES
    with pytest.raises(UnreadableScan) as caught:
        decode_isolated(photo, limits=Limits(max_megapixels=0.001))
    assert caught.value.reason == Reason.TOO_MANY_PIXELS


def test_what_is_not_a_file_does_not_block_the_caller(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", tmp_path):
        with pytest.raises(UnreadableScan) as caught:
            decode_isolated(str(path))
        assert caught.value.reason == Reason.NOT_A_FILE
    with pytest.raises(FileNotFoundError):
        decode_isolated(str(tmp_path / "none.png"))


def test_a_scan_in_a_bucket(photo: str, bucket: str) -> None:
    storage.copy(photo, f"{bucket}/photo.png")
    np.testing.assert_array_equal(decode_isolated(f"{bucket}/photo.png").pixels, PHOTO)
    with pytest.raises(UnreadableScan) as caught:
        decode_isolated(f"{bucket}/photo.png", limits=Limits(max_megabytes=0.001))
    assert caught.value.reason == Reason.TOO_MANY_BYTES


def test_an_unavailable_store_does_not_reject_the_scan(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreUnavailable):
        decode_isolated("s3://bucket/photo.png")


def test_a_large_scan_beyond_the_memory_limit_says_so(tmp_path: Path) -> None:
    target = tmp_path / "large.tif"
    tifffile.imwrite(target, np.zeros((8000, 10000), np.uint8), compression="zlib", rowsperstrip=500)
    with pytest.raises(UnreadableScan, match=r"large\.tif .*64 MiB") as caught:
        decode_isolated(str(target), limits=Limits(memory_megabytes=64.0))
    assert caught.value.reason == Reason.DECODER_MEMORY

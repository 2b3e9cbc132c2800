"""A fault outside the scans stops a batch without recording outcomes; the batch continues once it is fixed."""

from __future__ import annotations

import pytest

from pipeline.errors import OutputNotWritable, StoreUnavailable
from pipeline.stages.inpaint import inpaint
from pipeline.stages.mask import mask
from pipeline.stages.reconcile import reconcile
from pipeline.storage import local


def test_a_batch_waits_for_a_missing_output(project) -> None:
    project.put("a.png")
    chunks = [mask(chunk) for chunk in project.receive()]
    project.output.rename(project.output.with_name("unmounted"))
    for _ in range(2):
        with pytest.raises(OutputNotWritable, match="is the output mounted"):
            inpaint(chunks[0])
    project.output.with_name("unmounted").rename(project.output)
    project.restore(chunks)
    assert reconcile(project.work_area(), chunks)["restored"] == 1


@pytest.mark.parametrize("emptied", [False, True])
def test_a_missing_inbox_fails_no_scan(project, emptied: bool) -> None:
    project.put("a.png")
    project.put("b.png", 1)
    chunks = project.receive()
    project.inbox.rename(project.inbox.with_name("unmounted"))
    if emptied:
        project.inbox.mkdir()
    with pytest.raises(StoreUnavailable, match="the inbox is gone or empty"):
        mask(chunks[0])
    if emptied:
        project.inbox.rmdir()
    project.inbox.with_name("unmounted").rename(project.inbox)
    project.restore(chunks)
    assert reconcile(project.work_area(), chunks)["restored"] == 2


def test_on_a_nearly_full_disk_no_chunk_is_begun_but_begun_chunks_are_finished(project, monkeypatch) -> None:
    project.put("a.png")
    first = [mask(chunk) for chunk in project.receive()]
    project.put("b.png", 1)
    second = project.receive()
    with monkeypatch.context() as full:
        # More than any disk has free.
        full.setattr(local, "MIN_FREE_BYTES", 1 << 80)
        full.setattr(local, "MIN_FREE_SHARE", 1.0)
        for begun in (lambda: project.receive("b9"), lambda: mask(second[0])):
            with pytest.raises(OutputNotWritable, match=r"the disk is nearly full \(only .* MB are free\)"):
                begun()
        project.restore(first)
        assert reconcile(project.work_area("b1"), first)["restored"] == 1
    project.restore(second)
    assert reconcile(project.work_area("b2"), second)["restored"] == 1

"""Keep compiled graphs beside their ONNX files, so that a process need not compile them again.

Compiling the inpainter takes four seconds of a core, reading what was compiled less than two.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.atomic_write import atomic_write

if TYPE_CHECKING:
    import openvino as ov

log = logging.getLogger(__name__)


def cached_compilation(
    core: ov.Core,
    model: Path | bytes,
    properties: Mapping[str, str],
    shapes: str,
    compile_graph: Callable[[], ov.CompiledModel],
) -> ov.CompiledModel:
    """Return a compiled graph, as an earlier process has kept it or as it is compiled now; both compute the same.

    Args:
        model: the ONNX file, named by what it contains; bytes where there is no cache.
        properties: for the compiler.
        shapes: of the graph's inputs, as text.
        compile_graph: compiles it. What it raises comes through.
    """
    if isinstance(model, bytes):
        return compile_graph()
    blob = model.with_suffix(f".{_conditions(core, properties, shapes)}.blob")
    if blob.exists():
        try:
            return core.import_model(io.BytesIO(blob.read_bytes()), "CPU", dict(properties))
        except Exception as error:
            # Whatever is wrong with the file, the graph itself is there.
            log.warning("%s cannot be used (%s); the network is compiled again", blob, error)
    compiled = compile_graph()
    try:
        atomic_write(blob, compiled.export_model().getvalue(), synced=True)
    except (OSError, RuntimeError) as error:
        log.warning("%s cannot be written (%s); the network is compiled each time", blob, error)
    return compiled


def _conditions(core: ov.Core, properties: Mapping[str, str], shapes: str) -> str:
    """Return a name for all that a compiled graph depends on beside the graph: compiler, processor and options."""
    import openvino as ov

    processor = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    said = repr((ov.__version__, processor, sorted(properties.items()), shapes))
    return hashlib.sha256(said.encode()).hexdigest()[:16]

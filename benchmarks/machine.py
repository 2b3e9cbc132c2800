"""Description of the machine that a benchmark runs on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: CPU flags that decide which arithmetic is fast, best first; the first two that a processor has are named.
INSTRUCTIONS = {"amx_bf16": "AMX bfloat16", "avx512_bf16": "AVX-512 bfloat16", "avx512f": "AVX-512", "avx2": "AVX2"}
PACKAGES = {"torch": "torch", "openvino": "OpenVINO", "opencv-python-headless": "OpenCV"}


def describe_machine() -> dict[str, str]:
    """Return the processor with its cores, the GPU if there is one, and the versions of the libraries that compute."""
    described = {"processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores{_instructions()}"}
    gpu = _gpu()
    if gpu:
        described["GPU"] = gpu
    found = [f"{label} {number}" for package, label in PACKAGES.items() if (number := _version(package))]
    # Other work on the machine prolongs every time that is measured. This is called at the end of a benchmark.
    described["load"] = f"{os.getloadavg()[2]:.1f} processes on average over the last 15 minutes, this one included"
    described["software"] = ", ".join([f"Python {platform.python_version()}", *found])
    return described


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _instructions() -> str:
    flags = set(_cpuinfo("flags").split())
    known = [label for flag, label in INSTRUCTIONS.items() if flag in flags][:2]
    return f" ({', '.join(known)})" if known else ""


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""

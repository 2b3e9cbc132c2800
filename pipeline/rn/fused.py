"""Compile an optional kernel for training on a CPU: the region normalisation in two passes instead of twenty.

On a CPU with matrix units (AMX) the convolutions of a training step take a fifth of its time and the elementwise
arithmetic of the normalisation most of the rest. Where a C++ compiler is at hand, :func:`enable` compiles the same
formulas (see ``regions``) with a hand-written gradient. Without one only the speed differs. Inference and
export never use it.
"""

from __future__ import annotations

import hashlib
import logging
import platform
import threading
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.rn import regions

log = logging.getLogger(__name__)

_SOURCE = r"""
#include <torch/extension.h>
#include <ATen/Parallel.h>
#include <cmath>
#include <cstring>
#include <vector>

// Maps are float (T = float) or bfloat16 (T = uint16_t), channels-last: seen as (N, P, C) with C contiguous.
// hole is (N, P) float 0/1.
static inline float up(float v) { return v; }
static inline float up(uint16_t v) { uint32_t b = uint32_t(v) << 16; float f; std::memcpy(&f, &b, 4); return f; }
static inline void down(float f, float& v) { v = f; }
static inline void down(float f, uint16_t& v) {
  uint32_t b; std::memcpy(&b, &f, 4);
  v = uint16_t((b + 0x7fffu + ((b >> 16) & 1u)) >> 16);
}
constexpr int kStats = 5;  // per region: mean, 1/sqrt(variance+eps), 1/(count+pseudo), clamped?, unused

template <typename T>
static std::vector<at::Tensor> forward(at::Tensor x, at::Tensor hole, at::Tensor affine, double eps, double pseudo,
                                       bool normalise) {
  // affine: (4, C) float: hole scale, hole shift, known scale, known shift; alone where not normalised
  const int64_t N = x.size(0), C = x.size(1), P = x.size(2) * x.size(3);
  auto y = at::empty_like(x);
  auto stats = at::zeros({N, 2, kStats, C}, affine.options());
  const T* xp = reinterpret_cast<const T*>(x.data_ptr());
  T* yp = reinterpret_cast<T*>(y.data_ptr());
  const float* hp = hole.data_ptr<float>();
  const float* ap = affine.data_ptr<float>();
  float* sp = stats.data_ptr<float>();
  at::parallel_for(0, N, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sum(2 * C), square(2 * C), gain(2 * C), offset(2 * C);
    for (int64_t n = begin; n < end; ++n) {
      std::fill(sum.begin(), sum.end(), 0.f); std::fill(square.begin(), square.end(), 0.f);
      int64_t count[2] = {0, 0};
      for (int64_t p = 0; normalise && p < P; ++p) {
        const int r = hp[n * P + p] > 0.5f ? 0 : 1;
        ++count[r];
        const T* row = xp + (n * P + p) * C;
        float* s = sum.data() + r * C; float* q = square.data() + r * C;
        for (int64_t c = 0; c < C; ++c) { const float v = up(row[c]); s[c] += v; q[c] += v * v; }
      }
      for (int64_t c = 0; c < C; ++c) {
        const float mean = (sum[c] + sum[C + c]) / P, second = (square[c] + square[C + c]) / P;
        for (int r = 0; r < 2; ++r) {
          const float inverse = 1.f / (count[r] + float(pseudo));
          const float m = (sum[r * C + c] + float(pseudo) * mean) * inverse;
          float v = (square[r * C + c] + float(pseudo) * second) * inverse - m * m;
          const bool clamped = v < 0.f; if (clamped) v = 0.f;
          const float rs = normalise ? 1.f / std::sqrt(v + float(eps)) : 1.f;
          float* st = sp + ((n * 2 + r) * kStats) * C + c;
          st[0] = m; st[C] = rs; st[2 * C] = inverse; st[3 * C] = clamped ? 1.f : 0.f;
          gain[r * C + c] = ap[(2 * r) * C + c] * rs;
          offset[r * C + c] = ap[(2 * r + 1) * C + c] - m * gain[r * C + c];
        }
      }
      for (int64_t p = 0; p < P; ++p) {
        const int r = hp[n * P + p] > 0.5f ? 0 : 1;
        const T* row = xp + (n * P + p) * C; T* out = yp + (n * P + p) * C;
        const float* g = gain.data() + r * C; const float* o = offset.data() + r * C;
        for (int64_t c = 0; c < C; ++c) down(up(row[c]) * g[c] + o[c], out[c]);
      }
    }
  });
  return {y, stats};
}

template <typename T>
static std::vector<at::Tensor> backward(at::Tensor grad, at::Tensor x, at::Tensor hole, at::Tensor affine,
                                        at::Tensor stats, double pseudo, bool normalise) {
  const int64_t N = x.size(0), C = x.size(1), P = x.size(2) * x.size(3);
  auto dx = at::empty_like(x);
  auto da = at::zeros({N, 4, C}, affine.options());
  const T* gp = reinterpret_cast<const T*>(grad.data_ptr());
  const T* xp = reinterpret_cast<const T*>(x.data_ptr());
  T* dp = reinterpret_cast<T*>(dx.data_ptr());
  const float* hp = hole.data_ptr<float>();
  const float* ap = affine.data_ptr<float>();
  const float* sp = stats.data_ptr<float>();
  float* dap = da.data_ptr<float>();
  at::parallel_for(0, N, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> G(2 * C), GX(2 * C), A(2 * C), B(2 * C), D(2 * C);
    for (int64_t n = begin; n < end; ++n) {
      std::fill(G.begin(), G.end(), 0.f); std::fill(GX.begin(), GX.end(), 0.f);
      for (int64_t p = 0; p < P; ++p) {
        const int r = hp[n * P + p] > 0.5f ? 0 : 1;
        const T* row = xp + (n * P + p) * C; const T* gr = gp + (n * P + p) * C;
        float* a = G.data() + r * C; float* b = GX.data() + r * C;
        for (int64_t c = 0; c < C; ++c) { const float g = up(gr[c]); a[c] += g; b[c] += g * up(row[c]); }
      }
      for (int64_t c = 0; c < C; ++c) {
        float all_mean = 0.f, all_second = 0.f, share_mean[2], share_second[2];
        for (int r = 0; r < 2; ++r) {
          const float* st = sp + ((n * 2 + r) * kStats) * C + c;
          const float m = st[0], rs = st[C], inverse = st[2 * C];
          const float scale = ap[(2 * r) * C + c];
          const float centred = GX[r * C + c] - m * G[r * C + c];
          dap[(n * 4 + 2 * r) * C + c] = rs * centred;
          dap[(n * 4 + 2 * r + 1) * C + c] = G[r * C + c];
          const float dv = !normalise || st[3 * C] > 0.5f ? 0.f : -0.5f * rs * rs * rs * scale * centred;
          const float dm = normalise ? -scale * rs * G[r * C + c] - 2.f * m * dv : 0.f;
          share_mean[r] = dm * inverse; share_second[r] = dv * inverse;
          all_mean += float(pseudo) * share_mean[r]; all_second += float(pseudo) * share_second[r];
          A[r * C + c] = scale * rs;
        }
        for (int r = 0; r < 2; ++r) {
          B[r * C + c] = 2.f * (share_second[r] + all_second / P);
          D[r * C + c] = share_mean[r] + all_mean / P;
        }
      }
      for (int64_t p = 0; p < P; ++p) {
        const int r = hp[n * P + p] > 0.5f ? 0 : 1;
        const T* row = xp + (n * P + p) * C; const T* gr = gp + (n * P + p) * C;
        T* out = dp + (n * P + p) * C;
        const float* a = A.data() + r * C; const float* b = B.data() + r * C; const float* d = D.data() + r * C;
        for (int64_t c = 0; c < C; ++c) down(up(gr[c]) * a[c] + up(row[c]) * b[c] + d[c], out[c]);
      }
    }
  });
  return {dx, da.sum(0)};
}

std::vector<at::Tensor> rn_forward(at::Tensor x, at::Tensor hole, at::Tensor affine, double eps, double pseudo,
                                   bool normalise) {
  return x.scalar_type() == at::kFloat ? forward<float>(x, hole, affine, eps, pseudo, normalise)
                                       : forward<uint16_t>(x, hole, affine, eps, pseudo, normalise);
}

std::vector<at::Tensor> rn_backward(at::Tensor grad, at::Tensor x, at::Tensor hole, at::Tensor affine, at::Tensor stats,
                                    double pseudo, bool normalise) {
  return x.scalar_type() == at::kFloat ? backward<float>(grad, x, hole, affine, stats, pseudo, normalise)
                                       : backward<uint16_t>(grad, x, hole, affine, stats, pseudo, normalise);
}
"""


class _Normalise(torch.autograd.Function):
    """Region normalisation, or its affine alone, of float32 or bfloat16 channels-last maps by the compiled kernel."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, hole: Tensor, affine: Tensor, kernel: Any, statistics: bool) -> Tensor:
        packed = values.contiguous(memory_format=torch.channels_last)
        flat = hole.float().reshape(hole.shape[0], -1).contiguous()
        output, stats = kernel.rn_forward(packed, flat, affine, regions.EPSILON, regions.PSEUDO_PIXELS, statistics)
        ctx.save_for_backward(packed, flat, affine, stats)
        ctx.kernel, ctx.statistics = kernel, statistics
        result: Tensor = output
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        packed, flat, affine, stats = ctx.saved_tensors
        grad = grads[0].to(packed.dtype).contiguous(memory_format=torch.channels_last)
        d_values, d_affine = ctx.kernel.rn_backward(
            grad, packed, flat, affine, stats, regions.PSEUDO_PIXELS, ctx.statistics
        )
        return d_values, None, d_affine, None, None


class FusedNormalise:
    """The replacement that ``regions`` calls for maps on the CPU."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def __call__(
        self, values: Tensor, hole: Tensor, hole_scale: Tensor, hole_shift: Tensor, known_scale: Tensor,
        known_shift: Tensor, *, statistics: bool = True,
    ) -> Tensor:  # fmt: skip
        channels = values.shape[1]
        rows = [
            part.float().reshape(-1).expand(channels) for part in (hole_scale, hole_shift, known_scale, known_shift)
        ]
        result: Tensor = _Normalise.apply(values, hole, torch.stack(rows), self._kernel, statistics)  # type: ignore[no-untyped-call]
        return result


_LOCK = threading.Lock()


@cache
def name() -> str:
    """Return the library's name in torch's cache, one for each source, installation of torch and kind of processor.

    Checkouts that share the cache would otherwise recompile it in turns, and what was compiled for one processor
    ends in an illegal instruction on another that has the same home.
    """
    cpu = Path("/proc/cpuinfo")
    flags = [line for line in cpu.read_text().splitlines() if line.startswith("flags")] if cpu.exists() else []
    parts = "\n".join([_SOURCE, torch.__version__, torch.__file__, platform.machine(), *flags[:1]])
    return f"region_norm_{hashlib.sha256(parts.encode()).hexdigest()[:12]}"


def enable() -> bool:
    """Compile the kernel for maps on the CPU while training, and return whether it is now in use.

    The first call takes about half a minute; later ones in any process find the library in torch's cache. Every
    failure (no compiler, no headers) is logged and leaves the plain arithmetic in place.
    """
    with _LOCK:
        if regions.fused is not None:
            return True
        try:
            from torch.utils.cpp_extension import load_inline

            kernel = load_inline(  # type: ignore[no-untyped-call]
                name(),
                _SOURCE,
                functions=["rn_forward", "rn_backward"],
                extra_cflags=["-O3", "-march=native", "-fopenmp"],
                extra_ldflags=["-fopenmp"],
            )
        except Exception as error:  # a compiler may fail in any way; training continues without it
            log.info("no compiled kernel, training without it: %s", str(error).splitlines()[0] if str(error) else error)
            return False
        regions.fused = FusedNormalise(kernel)
        return True

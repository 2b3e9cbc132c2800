"""The shape of a generator, as numbers that travel inside its weights file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class GeneratorConfig:
    """The sizes of a two-stage generator.

    ``coarse_width`` is the number of channels of the coarse net, ``coarse_dilations`` the dilation of each of its
    residual blocks; ``widths`` are the channels of the refinement net at 1/2, 1/4 and 1/8 of the picture's side,
    ``blocks`` the residual blocks at 1/2 and 1/4 (as many in the encoder as in the decoder), ``dilations`` those of
    the blocks at 1/8. ``bends`` are the steps in which the prior is bent (see ``prior.bend``). ``noise`` is the
    standard deviation of the noise that the refinement net finds in the hole, and ``smooth`` whether its decoder
    enlarges bilinearly and not by nearest neighbour: both for the sharp variant only.
    ``norm`` and ``start`` are other than here only in the ablation: the normalisation (``region`` or a name of
    ``rivals.RIVALS``) and what stands in the hole at first (``prior`` or ``grey``).
    """

    coarse_width: int = 96
    coarse_dilations: tuple[int, ...] = (1, 2, 4, 8, 1)
    widths: tuple[int, int, int] = (48, 96, 160)
    blocks: tuple[int, int] = (1, 2)
    dilations: tuple[int, ...] = (1, 2, 4, 8, 2, 1)
    bends: int = 12
    noise: float = 0.0
    smooth: bool = False
    norm: str = "region"
    start: str = "prior"

    def to_json(self) -> str:
        """The configuration as one line of JSON, for the metadata of a weights file.

        Raises ``ValueError`` for a network of the ablation: it is measured and not kept.
        """
        if self.norm != "region" or self.start != "prior":
            raise ValueError(f"a network with norm {self.norm!r} and start {self.start!r} is for measuring only")
        return json.dumps({key: value for key, value in asdict(self).items() if key in SAVED}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> GeneratorConfig:
        """The configuration that :meth:`to_json` wrote.

        Raises ``ValueError`` on anything else, unknown keys included: a file from another version must be refused,
        not half understood. A file that knows nothing of ``bends`` has a prior that is not bent, one that
        knows nothing of ``noise`` or ``smooth`` has none.
        """
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not a generator configuration: {text[:80]!r}") from error
        if not isinstance(raw, dict) or {"bends", "noise", "smooth", *raw} != SAVED:
            raise ValueError(f"not a generator configuration: {text[:80]!r}")
        return cls(
            coarse_width=int(raw["coarse_width"]),
            coarse_dilations=tuple(int(value) for value in raw["coarse_dilations"]),
            widths=(int(raw["widths"][0]), int(raw["widths"][1]), int(raw["widths"][2])),
            blocks=(int(raw["blocks"][0]), int(raw["blocks"][1])),
            dilations=tuple(int(value) for value in raw["dilations"]),
            bends=int(raw.get("bends", 0)),
            noise=float(raw.get("noise", 0.0)),
            smooth=bool(raw.get("smooth", False)),
        )


SAVED = {field.name for field in fields(GeneratorConfig)} - {"norm", "start"}

SIZES: dict[str, GeneratorConfig] = {
    "light": GeneratorConfig(64, (1, 2, 4, 8, 1), (32, 64, 128), (1, 1), (1, 2, 4, 8, 1)),
    "deep": GeneratorConfig(64, (1, 2, 4, 8, 1), (32, 64, 128), (1, 2), (1, 2, 4, 8, 1, 2, 4, 1)),
    "medium": GeneratorConfig(),
    "wide": GeneratorConfig(64, (1, 2, 4, 8, 1), (64, 128, 128), (1, 2), (1, 2, 4, 8, 1, 2, 4, 1)),
}
"""The named sizes; what each costs is measured in the model card and in ``docs/models.md``. ``deep`` contains
``light``, ``wide`` contains both, and each can go on from the weights of what it contains (see ``grow``)."""

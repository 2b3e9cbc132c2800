"""The shape of a generator, as numbers that travel inside its weights file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class GeneratorConfig:
    """The sizes of a two-stage generator.

    Attributes:
        coarse_width: channels of the coarse net.
        coarse_dilations: the dilation of each of its residual blocks.
        widths: channels of the refinement net at 1/2, 1/4 and 1/8 of the picture's side.
        blocks: residual blocks at 1/2 and at 1/4, as many in the encoder as in the decoder.
        dilations: of the residual blocks at 1/8.
        bends: steps of the prior's biharmonic refinement.
        noise: standard deviation of the noise that the refinement net finds in the hole; sharp variant only.
        smooth: the decoder enlarges bilinearly and not by nearest neighbour; sharp variant only.
        norm: where the network normalises by region: ``region`` everywhere, ``coarse`` in the coarse net only (see
            ``norms``); or another normalisation in the ablation.
        start: what the hole holds at first, ``prior``, or ``grey`` in the ablation.
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
        """Return the configuration as one line of JSON, for the metadata of a weights file.

        Raises:
            ValueError: it is a network of the ablation, which is measured and not kept.
        """
        if self.norm not in KEPT_NORMS or self.start != "prior":
            raise ValueError(f"a network with norm {self.norm!r} and start {self.start!r} is for measuring only")
        return json.dumps({key: value for key, value in asdict(self).items() if key in SAVED}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> GeneratorConfig:
        """Return the configuration that :meth:`to_json` wrote.

        Files without ``bends``, ``noise`` or ``smooth`` are older ones, whose networks have none of these; those
        without ``norm`` normalise by region everywhere.

        Raises:
            ValueError: it is anything else, unknown keys included: a file from another version must be refused, not
                half understood.
        """
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not a generator configuration: {text[:80]!r}") from error
        if not isinstance(raw, dict) or {"bends", "noise", "smooth", "norm", *raw} != SAVED:
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
            norm=_kept_norm(raw.get("norm", "region")),
        )


def _kept_norm(name: object) -> str:
    if name not in KEPT_NORMS:
        raise ValueError(f"not a generator configuration: norm {name!r}")
    return str(name)


SAVED = {field.name for field in fields(GeneratorConfig)} - {"start"}
KEPT_NORMS = ("region", "coarse")
"""Networks with another normalisation are measured, and not kept."""

SIZES: dict[str, GeneratorConfig] = {
    "light": GeneratorConfig(64, (1, 2, 4, 8, 1), (32, 64, 128), (1, 1), (1, 2, 4, 8, 1)),
    "deep": GeneratorConfig(64, (1, 2, 4, 8, 1), (32, 64, 128), (1, 2), (1, 2, 4, 8, 1, 2, 4, 1)),
    "medium": GeneratorConfig(),
    "wide": GeneratorConfig(64, (1, 2, 4, 8, 1), (64, 128, 128), (1, 2), (1, 2, 4, 8, 1, 2, 4, 1)),
}
"""The named sizes; what each costs is measured in the model card and in ``docs/models.md``. ``deep`` contains
``light``, ``wide`` contains both, and each can continue from the weights of what it contains (see ``net2net``)."""

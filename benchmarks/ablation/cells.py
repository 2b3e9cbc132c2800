"""What an ablation trains: cells, and the plan that they have in common."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """Networks that differ in their normalisation only.

    Attributes:
        title: heading of its table.
        norms: label of each normalisation by its name.
        shared: network of another family, by the normalisation of this one that it is also the network of.
    """

    title: str
    norms: dict[str, str]
    shared: dict[str, str] = field(default_factory=dict)

    def network(self, family: str, norm: str) -> str:
        """Return the network, trained once, that stands for a normalisation of this family, which is named `family`."""
        return self.shared.get(norm, f"{family}-{norm}")


BASELINES = {"batch": "batch norm", "instance": "instance norm", "none": "none"}

FAMILIES: dict[str, Family] = {
    "grey": Family("Two stages, grey constant in the hole", {"region": "RN", **BASELINES}),
    "prior": Family("Two stages, smooth prior in the hole", {"region": "RN", **BASELINES}),
    "paper": Family(
        "One stage, as published, white constant in the hole",
        {
            "region": "this project's RN",
            "published": "published RN over the batch",
            "published_picture": "published RN per picture",
            **BASELINES,
        },
    ),
    "parts": Family(
        "Two stages, smooth prior, one thing changed",
        {
            "region": "RN everywhere",
            "basic": "RN-B only",
            "learned": "RN-L only",
            "first": "RN at 1/2 and 1/4 of the encoder only",
            "unsettled": "RN but the second of each block",
            "coarse": "RN-B in the coarse net and scales elsewhere",
            "affine": "scales for each region",
            "affine_learned": "scales for each region and RN-L",
            "mixture_rn": "learned mixture from RN",
            "mixture_none": "learned mixture from none",
            "none": "none",
        },
        shared={"region": "prior-region", "none": "prior-none"},
    ),
}


@dataclass(frozen=True)
class Plan:
    """What every cell of an ablation has in common; a folder holds cells of one plan only.

    Attributes:
        steps: of each network.
        batch: crops a step.
        crop: side of a crop.
        count: held-out crops of each range of hole ratios.
        photos: digest of the photographs.
    """

    steps: int
    batch: int
    crop: int
    count: int
    photos: str


@dataclass(frozen=True)
class Cell:
    """One network and one seed."""

    family: str
    norm: str
    seed: int

    @property
    def network(self) -> str:
        """The name of the network, whatever its seed."""
        return f"{self.family}-{self.norm}"

    @property
    def name(self) -> str:
        """The stem of its files."""
        return f"{self.network}-{self.seed}"

    @classmethod
    def from_name(cls, name: str) -> Cell:
        """Return the cell that a stem names."""
        family, norm, seed = name.split("-")
        return cls(family, norm, int(seed))


def networks(families: list[str]) -> list[tuple[str, str]]:
    """Return family and norm of every network of the families, each once, in the order of their training."""
    names = [FAMILIES[family].network(family, norm) for family in families for norm in FAMILIES[family].norms]
    return [(family, norm) for family, norm in (name.split("-") for name in dict.fromkeys(names))]


def equal_seconds(plan: Plan, costs: dict[str, float], family: str) -> float:
    """Return the seconds after which a family is compared: what all steps of its cheapest network take."""
    description = FAMILIES[family]
    return plan.steps * min(costs[description.network(family, norm)] for norm in description.norms)

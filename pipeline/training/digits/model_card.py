"""Write the model cards of the digit networks beside their weights."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.runtime.precision import training_arithmetic
from pipeline.training.common.model_card import ModelCard, describe_hardware, write_model_card
from pipeline.training.digits.evaluate import Evaluation
from pipeline.training.digits.training_record import TrainingRecord

DATA = (
    "MNIST (Y. LeCun, C. Cortes, C. Burges; from NIST Special Databases 1 and 3, CC BY-SA 3.0): {digits:,} training "
    "digits; the last ones of the training set were held out for validation, the test digits were not used."
)

TERMS = (
    "The weights are under the Apache License 2.0, like this project's code, which trained them. The training digits "
    "are those of MNIST, credited under *Data*; they are not part of this file."
)

PURPOSE = {
    "judge": "Reads handwritten digits after other networks filled them. It was trained on whole digits, and no "
    "network was trained against it.",
    "paper": "Fills the middle of handwritten digits as the paper does (Nair and Mohan 2023); choices that the paper "
    "leaves open are listed in `docs/digits.md`.",
    "region": "Fills the middle of handwritten digits: the default weights of the engine `dcgan-digits`.",
}

NETWORK = {
    "judge": "Convolutions 32, 64, 128 (3×3, ReLU, max pooling), two dense layers, softmax.",
    "paper": "Encoder 32, 64, 128 (3×3, ReLU, batch normalisation, average pooling), decoder 128, 64, 1 (upsampling, "
    "tanh).",
    "region": "Encoder-decoder at 1/2 and 1/4 with residual blocks, RN-B where the hole is known, RN-L where it has "
    "begun to fill (Yu et al., AAAI 2020). It makes eight drawings and chooses one.",
}

LOSS = {
    "judge": "cross-entropy",
    "paper": "binary cross-entropy of discriminator and generator alternately, labels 0.9 and 0; no fill is compared "
    "with the original",
    "region": "likelihood of the original under the mixture of the drawings, later also a discriminator; no labels and "
    "no classifier are used",
}

LIMITS = {
    "judge": (
        "A fill can be read correctly and yet differ from the original: it measures legibility, not fidelity.",
        "Not a general reader of handwriting.",
    ),
    "paper": (
        "It draws what looks like a digit, not what is most probable; where the rest is ambiguous it may join the "
        "strokes to another digit.",
        "Only for centred white-on-black digits of 28×28 pixels.",
    ),
    "region": (
        "Where the rest fits two digits it chooses one, clearly drawn and possibly wrong.",
        "Only for centred white-on-black digits of 28×28 pixels.",
    ),
}


def write_digit_card(weights: Path, record: TrainingRecord, evaluation: Evaluation, *, command: str) -> Path:
    """Write the model card beside a weights file and return its path."""
    name = record.network
    count = max(row.digits for row in evaluation.rows)
    if name == "judge":
        table = f"{100 * evaluation.whole:.2f} % of the whole digits are read correctly."
    else:
        lines = ["| hole | read correctly | PSNR of hole | SSIM of hole |", "|---|---|---|---|"]
        lines += [
            f"| {row.hole}×{row.hole} | {100 * row.accuracy:.2f} % | {row.psnr_hole:.2f} dB | {row.ssim_hole:.3f} |"
            for row in evaluation.of(name)
        ]
        table = "\n".join(lines)
    card = ModelCard(
        title=f"Model card: {weights.stem}",
        purpose=PURPOSE[name],
        network=f"{NETWORK[name]} {record.parameters:,} parameters, stored in half precision.",
        data=DATA.format(digits=record.digits),
        training={
            "steps": f"{record.steps:,}",
            "time": f"{record.seconds / 60:.1f} minutes, breaks not counted, on cores shared with other work",
            "hardware": describe_hardware(),
            "arithmetic": training_arithmetic(torch.device("cpu")),
            "loss": LOSS[name],
            "seed": str(record.seed),
            "sha256": f"`{record.digest}`",
        },
        terms=TERMS,
        reproduce=(command,),
        limits=LIMITS[name],
        tables={f"Measured on {count:,} test digits": table},
    )
    return write_model_card(weights.with_suffix(".md"), card)

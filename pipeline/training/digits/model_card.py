"""The model cards of the digit networks, written beside their weights like every other network's."""

from __future__ import annotations

from pathlib import Path

from pipeline.training.common.model_card import ModelCard, describe_hardware, write_model_card
from pipeline.training.digits.evaluate import Evaluation
from pipeline.training.digits.training_record import TrainingRecord

DATA = (
    "MNIST (Y. LeCun, C. Cortes, C. Burges; from NIST Special Databases 1 and 3, CC BY-SA 3.0): {digits:,} training "
    "digits; the last ones of the training set were held out for validation, the test digits were never seen."
)

PURPOSE = {
    "judge": "Reads handwritten digits after others filled them. It never saw a hole, and nothing was trained against "
    "it.",
    "paper": "Fills the middle of handwritten digits as the paper does (Nair and Mohan 2023); what the paper leaves "
    "open is listed in `docs/digits.md`.",
    "region": "Fills the middle of handwritten digits: the default weights of the engine `dcgan-digits`.",
}

NETWORK = {
    "judge": "Convolutions 32, 64, 128 (3×3, ReLU, max pooling), two dense layers, softmax.",
    "paper": "Encoder 32, 64, 128 (3×3, ReLU, batch normalisation, average pooling), decoder 128, 64, 1 (upsampling, "
    "tanh).",
    "region": "Encoder-decoder at 1/2 and 1/4 with residual blocks, RN-B where the hole is known, RN-L where it has "
    "begun to fill (Yu et al., AAAI 2020). It makes eight drawings and believes in one.",
}

LOSS = {
    "judge": "cross-entropy",
    "paper": "binary cross-entropy of generator and discriminator by turns, labels 0.9 and 0; nothing compared a fill "
    "with the original",
    "region": "likelihood of the original under the mixture of the drawings, later also a discriminator; no labels, no "
    "classifier and no other network took part",
}

LIMITS = {
    "judge": (
        "A fill can be read correctly and yet not be what stood there: it measures legibility, not truth.",
        "Not a general reader of handwriting.",
    ),
    "paper": (
        "It draws what looks like a digit, not what is likeliest; where the rest is ambiguous it may join the strokes "
        "to another digit.",
        "Only for centred white-on-black digits of 28×28 pixels.",
    ),
    "region": (
        "Where the rest fits two digits it decides for one, clearly drawn and possibly wrong.",
        "Only for centred white-on-black digits of 28×28 pixels.",
    ),
}


def write_digit_card(weights: Path, account: TrainingRecord, evaluation: Evaluation, *, command: str) -> Path:
    """The path of the card beside a weights file: what the network is, how it was made, how it does on test digits."""
    name = account.network
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
        network=f"{NETWORK[name]} {account.parameters:,} parameters, stored in half precision.",
        data=DATA.format(digits=account.digits),
        training={
            "steps": f"{account.steps:,}",
            "time": f"{account.seconds / 60:.1f} minutes, breaks not counted, on cores shared with other work",
            "hardware": describe_hardware(),
            "arithmetic": "bfloat16 with float32 statistics and weights",
            "loss": LOSS[name],
            "seed": str(account.seed),
            "sha256": f"`{account.digest}`",
        },
        reproduce=(command,),
        limits=LIMITS[name],
        tables={f"Measured on {count:,} test digits": table},
    )
    return write_model_card(weights.with_suffix(".md"), card)

"""Model cards: sources, licences, terms."""

from pathlib import Path

from pipeline.training.common.model_card import ModelCard, describe_data, describe_terms, write_model_card


def test_a_card_counts_sources_and_licences(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    assert "not known" in describe_data(photos, ["a.jpg"])
    (tmp_path / "MANIFEST.csv").write_text(
        "path,source_repo,licence\nphotos/a.jpg,x/one,CC0\nphotos/b.jpg,x/one,CC0\nphotos/c.jpg,y/two,CC BY 4.0\n"
    )
    text = describe_data(photos, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    assert "| x/one | CC0 | 2 |" in text
    assert "| y/two | CC BY 4.0 | 1 |" in text
    assert "| not in the manifest | unknown | 1 |" in text


def test_a_card_states_the_terms_of_the_weights(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    assert "licences of the photographs are not known" in describe_terms(photos)
    (photos / "MANIFEST.csv").write_text("path,source_repo,licence\n")
    terms = describe_terms(photos)
    assert "The weights are under the Apache License 2.0" in terms and "ATTRIBUTION.csv" in terms
    card = ModelCard("T", "P", "N", "D", terms, {"seed": "1"}, ("train",), ("none",), {})
    text = write_model_card(tmp_path / "card.md", card).read_text()
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# T", "## Network", "## Training", "## Limits", "## How to reproduce", "## Terms", "## Data",
    ]  # fmt: skip

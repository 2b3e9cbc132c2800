"""A collections file: each mistake names line and key, and disables only its own collection."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from pipeline.settings import CollectionsFile, EngineName, load_collections

GOOD = """\
collections:
  glass-plates:
    title: Glass plates
    inbox: /archive/in
    output: s3://bucket/out
    masks: /archive/masks
    schedule: "30 1 * * 1-5"
    timezone: Europe/Berlin
    language: de
    recipients: [lead@example.org, second@example.org]
    watch:
      settle: 60
      marker: .ready
    recipe:
      engine: telea
      sensitivity: 1.5
  small:
    inbox: in
    output: out
"""


def load(tmp_path: Path, text: str) -> CollectionsFile:
    path = tmp_path / "collections.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return load_collections(path)


def test_a_valid_file(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    assert not found.problems
    plates, small = found.collections
    assert (plates.name, plates.label, plates.timezone, plates.language) == (
        "glass-plates",
        "Glass plates",
        "Europe/Berlin",
        "de",
    )
    assert plates.recipients == ("lead@example.org", "second@example.org")
    assert plates.watch is not None
    assert (plates.watch.settle, plates.watch.interval, plates.watch.marker) == (60.0, 10.0, ".ready")
    assert plates.recipe.engine == EngineName.TELEA
    assert (small.label, small.schedule, small.watch, small.recipients) == ("small", "0 2 * * *", None, ())
    assert found.get("small") is small


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "collections: {}\n", "---\n"])
def test_a_file_without_collections(tmp_path: Path, text: str) -> None:
    found = load(tmp_path, text)
    assert not found.collections
    assert not found.problems


@pytest.mark.parametrize(
    ("wrong", "line", "key", "message"),
    [
        ("inbxo: /x", 6, "bad.inbxo", "unknown key; known keys are title, inbox, output, masks"),
        ("name: other", 6, "bad.name", "a collection's name is the key above its entry"),
        ("timezone: Berlin", 6, "bad.timezone", "'Berlin' is not an IANA time zone such as Europe/Berlin"),
        ("timezone: ../../etc", 6, "bad.timezone", "is not an IANA time zone"),
        ("schedule: nightly", 6, "bad.schedule", "'nightly' is not a cron expression of five fields"),
        ("language: fr", 6, "bad.language", "must be 'en' or 'de', not 'fr'"),
        ("chunk_scans: 0", 6, "bad.chunk_scans", "must be 1 or more, not 0"),
        ("chunk_scans: many", 6, "bad.chunk_scans", "must be a whole number, not 'many'"),
        ("recipients: lead@example.org", 6, "bad.recipients", "must be a list"),
        ("recipients: [a@b.org, nobody]", 6, "bad.recipients", "'nobody' is not an email address"),
        ('recipients: ["a@b.org>, c@d.org"]', 6, "bad.recipients", "is not an email address"),
        ("recipients:\n      - a@b.org\n      - 7", 8, "bad.recipients.1", "must be text, not 7"),
        ("watch: true", 6, "bad.watch", "must be a mapping of keys to values"),
        ("watch:\n      settel: 3", 7, "bad.watch.settel", "unknown key; known keys are settle, interval, marker"),
        ("watch: {settle: -1}", 6, "bad.watch.settle", "must be 0 or more, not -1"),
        ("watch: {queue: scans}", 6, "bad.watch.queue", "'scans' is not the URL of a queue"),
        ("watch: {queue: 'https://sqs/1/q'}", 2, "bad", "watch.queue: only a bucket (s3://…) has notifications"),
        ("recipe: good", 6, "bad.recipe", "must be a mapping of keys to values"),
        ("recipe:\n      level: repair\n      egnine: rn", 8, "bad.recipe.egnine", "known keys are detector, level"),
        ("recipe: {engine: paint}", 6, "bad.recipe.engine", "must be 'rn', 'telea'"),
        ("recipe: {max_coverage: 2}", 6, "bad.recipe.max_coverage", "must be 1 or less, not 2"),
        ("title: one\n    title: two", 7, "bad.title", "this key appears twice"),
        ("recipe:\n      dilate: 1\n      dilate: 2", 8, "bad.recipe.dilate", "this key appears twice"),
        ("title: !!python/name:os.system x", 2, "bad", "a tag (!…), which has no meaning here"),
        ("12: x", 6, "bad.12", "a key must be text"),
        ("schedule: '99 2 * * *'", 6, "bad.schedule", "'99 2 * * *' is not a cron expression of five fields"),
        ("schedule: '@nightly'", 6, "bad.schedule", "'@nightly' is not a cron expression"),
        (
            "originals: 'C:\\scans\\plates'",
            6,
            "bad.originals",
            "is a path of Windows; name the folder as this machine sees",
        ),
        ("masks: gs://bucket/masks", 6, "bad.masks", "gs:// is not supported; use a local path, file:// or s3://"),
        ("recipe: {weights: rn-fine}", 6, "bad.recipe.weights", "no shipped weights 'rn-fine'; there are rn-faithful"),
    ],
)
def test_a_mistake_names_line_and_key_and_disables_only_its_collection(
    tmp_path: Path, wrong: str, line: int, key: str, message: str
) -> None:
    text = f"""\
collections:
  bad:
    inbox: /a/in
    output: /a/out
    # a comment
    {wrong}
  good:
    inbox: /b/in
    output: /b/out
"""
    found = load(tmp_path, text)
    assert [collection.name for collection in found.collections] == ["good"]
    (problem,) = found.problems
    assert (problem.collection, problem.line, problem.key) == ("bad", line, key)
    assert message in problem.message
    assert str(problem) == f"line {line}: {key}: {problem.message}"
    with pytest.raises(ConfigurationError, match=f"line {line}: {key}"):
        found.get("bad")


def test_all_mistakes_of_a_collection_are_named(tmp_path: Path) -> None:
    found = load(tmp_path, "collections:\n  bad:\n    inbox: ''\n    language: fr\n    recipe: {dilate: -1}\n")
    assert [(p.line, p.key) for p in found.problems] == [
        (3, "bad.inbox"),
        (2, "bad.output"),
        (4, "bad.language"),
        (5, "bad.recipe.dilate"),
    ]
    assert found.problems[1].message == "is missing and has no default"


def test_all_mistakes_are_named_whatever_their_kind(tmp_path: Path) -> None:
    text = "collections:\n  bad:\n    name: x\n    inbox: /in\n    inbox: /in\n    output: /out\n    language: fr\n"
    assert [(p.line, p.key) for p in load(tmp_path, text).problems] == [
        (5, "bad.inbox"),
        (3, "bad.name"),
        (7, "bad.language"),
    ]


def test_relative_paths_are_below_the_folder_of_the_file(tmp_path: Path) -> None:
    text = "collections:\n  a: {inbox: in, output: ../out, masks: ~/masks, originals: s3://bucket/x}\n"
    (found,) = load(tmp_path, text).collections
    assert (found.inbox, found.output) == (str(tmp_path / "in"), str(tmp_path / "../out"))
    assert (found.masks, found.originals) == (str(Path.home() / "masks"), "s3://bucket/x")


@pytest.mark.parametrize(
    ("inbox", "output", "message"),
    [
        ("/in", "/in/out", "is inside the inbox (/in): results there would be taken for scans"),
        ("/in", "/in", "is inside the inbox"),
        ("/in/../x", "/x/./out", "is inside the inbox"),
        ("s3://b/in/", "s3a://b//in/out", "is inside the inbox"),
        ("/out/in", "/out", "contains the inbox (/out/in); choose a folder beside it"),
        ("/other/b", "/other/in/out", "is inside the inbox of 'other' (/other/in)"),
    ],
)
def test_an_output_in_an_inbox_is_named_before_anything_runs(
    tmp_path: Path, inbox: str, output: str, message: str
) -> None:
    entry = f"  bad:\n    inbox: {inbox}\n    output: {output}\n  other: {{inbox: /other/in, output: /other/out}}\n"
    found = load(tmp_path, f"collections:\n{entry}")
    assert [one.name for one in found.collections] == ["other"]
    (problem,) = found.problems
    assert (problem.line, problem.key) == (4, "bad.output")
    assert message in problem.message


def test_names_that_only_begin_alike_are_different_folders(tmp_path: Path) -> None:
    found = load(tmp_path, "collections:\n  a: {inbox: /scans, output: /scans-restored}\n")
    assert not found.problems


@pytest.mark.parametrize("name", ["Glass", "with space", "-a", "ä", "a" * 64, "a.b", "a/b"])
def test_a_name_that_cannot_name_a_dag_is_refused(tmp_path: Path, name: str) -> None:
    found = load(tmp_path, f"collections:\n  '{name}':\n    inbox: a\n    output: b\n")
    (problem,) = found.problems
    assert (problem.line, problem.key) == (2, name)
    assert "lower-case letters, digits, - and _" in problem.message


def test_of_a_repeated_name_the_first_entry_is_used(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + "  small:\n    inbox: x\n    output: y\n")
    assert found.get("small").inbox == str(tmp_path / "in")
    (problem,) = found.problems
    assert (problem.line, problem.key) == (20, "small")


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("- a\n- b\n", 1, "(top level)"),
        ("just text\n", 1, "(top level)"),
        ("colections:\n  a: {inbox: x, output: y}\n", 1, "colections"),
        ("collections: [a]\n", 1, "collections"),
        ("\ncollections:\n", 2, "collections"),
    ],
)
def test_a_mistake_outside_the_collections(tmp_path: Path, text: str, line: int, key: str) -> None:
    found = load(tmp_path, text)
    assert not found.collections
    (problem,) = found.problems
    assert (problem.collection, problem.line, problem.key) == (None, line, key)


def test_an_unknown_key_beside_the_collections_disables_none_of_them(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + "defaults:\n  language: de\n")
    assert len(found.collections) == 2
    assert found.problems[0].key == "defaults"


def test_an_entry_that_is_not_a_mapping(tmp_path: Path) -> None:
    found = load(tmp_path, "collections:\n  a: /in\n  b: {inbox: x, output: y}\n")
    assert [c.name for c in found.collections] == ["b"]
    assert str(found.problems[0]) == "line 2: a: must be a mapping of keys to values"


def test_anchors_and_merged_keys_work_as_in_yaml(tmp_path: Path) -> None:
    text = """\
    collections:
      a: &base
        inbox: /a
        output: /out/a
        language: de
      b:
        <<: *base
        inbox: /b
        output: /out/b
    """
    a, b = load(tmp_path, text).collections
    assert (a.inbox, b.inbox, b.language) == ("/a", "/b", "de")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"collections:\n  a: [1, 2\n", "line 3: not valid YAML"),
        (b"collections:\n\ta: 1\n", "line 2: not valid YAML"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"title: K\xe4the\n", "is not UTF-8 text"),
        (b"a: \x00\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_not_yaml(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "collections.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_collections(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_collections_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.yaml does not exist: copy collections.example.yaml there"):
        load_collections(tmp_path / "none.yaml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_collections(tmp_path)


def test_a_missing_collection(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    with pytest.raises(ConfigurationError, match=r"no collection named 'plates' \(known: glass-plates, small\)"):
        found.get("plates")


def test_of_two_collections_with_one_output_the_second_is_disabled(tmp_path: Path) -> None:
    path = tmp_path / "collections.yaml"
    path.write_text(
        "collections:\n  a: {inbox: /in/a, output: /out}\n  b:\n    inbox: /in/b\n    output: /out/\n", encoding="utf-8"
    )
    found = load_collections(path)
    assert [collection.name for collection in found.collections] == ["a"]
    assert [str(problem) for problem in found.problems] == [
        "line 5: b.output: 'a' already has this output; give each collection its own"
    ]

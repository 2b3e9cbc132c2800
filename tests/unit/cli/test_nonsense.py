"""Nonsense for an option, an argument or a setting is answered in plain words: no traceback, nothing of a library.

The options are click's own, the settings those of `Settings`: what is added is tested without a word here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from image_files import png

from pipeline.cli import VERBS, cli, main
from pipeline.cli.commands.train import NETWORKS
from pipeline.cli.commands.train import command as train
from pipeline.settings import Settings, settings

# Words that only a library or a programmer says.
FOREIGN = re.compile(
    r"Traceback|pydantic|validation error|Input should be|sqlalche|SQLAlchemy|(?<!\+)psycopg|argparse|botocore|Errno|"
    r"OperationalError|UnicodeDecodeError|\bNoneType\b|\w+Error\b|\bobject at 0x",
)
NONSENSE = ("", "ten", "-1", "1e999", "nan", "/proc/x", "s3://", "🗿" * 300)
LEDGERS = (
    "foo",
    "sqlite://",
    "sqlite:///",
    "sqlite:////proc/x/ledger.db",
    "nosuch://host/db",
    "bytes",
    "loop",
    "/proc/x.db",
)


# Where a verb reads a file, and what is there is none of its kind; a folder of scans with such files is no nonsense.
FILES = ("empty", "bytes", "loop", "in")
PATHS = {
    **dict.fromkeys(("recipe", "csv", "init", "mean_with", "weights", "teachers", "artefacts", "file", "until"), FILES),
    **dict.fromkeys(("source", "target", "masks", "originals", "photos", "data", "clean", "out"), ("loop",)),
}


def leaves() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield the words and the command of every verb that does the work."""
    context = click.Context(cli)
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        if verb != "train":
            yield (verb,), command
    for network in NETWORKS:
        command = train.get_command(context, network)
        assert command is not None
        yield ("train", network), command


CASES = [
    pytest.param(words, parameter.name, id=f"{'-'.join(words)}-{parameter.name}")
    for words, command in leaves()
    for parameter in command.params
    if not (isinstance(parameter, click.Option) and parameter.is_flag)
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a scan, its mask, an empty file, a picture that is none, and a link to itself."""
    monkeypatch.setattr("pipeline.ledger.database.CONNECT_SECONDS", 0.1)  # no database is being restarted
    for name in ("in", "masks", "none"):
        (tmp_path / name).mkdir()
    (tmp_path / "recipe.yaml").write_text("{engine: telea, detector: none}", encoding="utf-8")
    (tmp_path / "in" / "a.png").write_bytes(png(np.full((40, 50, 3), 120, np.uint8)))
    (tmp_path / "masks" / "a.png").write_bytes(png(np.full((40, 50), 255, np.uint8)))
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


# What a verb is given so that it ends within a second when it takes the nonsense for sense.
QUICK = {
    "restore": ["--recipe=recipe.yaml"],
    "mask": ["--detector=none"],
    "inpaint": ["--engine=telea"],
    "evaluate": ["--engine=telea"],
}
RIGHT = {
    "source": "in",
    "masks": "masks",
    "target": "out",
    "clean": "in",
    "photos": "none",
    "out": "run",
    "data": "none",
}


def arguments(words: tuple[str, ...], command: click.Command, wrong: str, value: str) -> list[str]:
    """Return a call of a verb in which one parameter has a value, and everything else that is required is right."""
    right = RIGHT | ({"source": "none"} if words == ("restore",) else {})
    named = [option for option in QUICK.get(words[0], []) if not option.startswith(f"--{wrong.rstrip('s')}")]
    placed: list[str] = []
    for parameter in command.params:
        name = str(parameter.name)
        given = value if name == wrong else right.get(name, "x") if parameter.required else None
        if given is None:
            continue
        if isinstance(parameter, click.Option):
            named.append(f"{parameter.opts[0]}={given}")
        else:
            placed.append(given)
    return [*words, *named, "--", *placed]


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return exit code and output of a verb."""
    settings.cache_clear()
    try:
        code = main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    shown = capsys.readouterr()
    return code, shown.out + shown.err


@pytest.mark.parametrize(("words", "name"), CASES)
def test_nonsense_for_a_parameter_is_answered_in_plain_words(
    words: tuple[str, ...], name: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = dict(leaves())[words]
    for value in (*NONSENSE, *(LEDGERS if name == "ledger" else PATHS.get(name, ()))):
        code, shown = run(arguments(words, command, name, value), capsys)
        assert code in (0, 1, 2), (value, code)
        assert not FOREIGN.search(shown), (value, shown)
        assert code == 0 or shown.strip(), value


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_nonsense_for_a_setting_is_answered_in_plain_words(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in (*NONSENSE, *(LEDGERS if name == "ledger_url" else ("loop", "bytes", "in"))):
        monkeypatch.setenv(f"RESTORATION_{name.upper()}", value)
        for arguments in (["check"], ["trace", "a.png"], ["restore", "none", "out", "--recipe=recipe.yaml"]):
            code, shown = run(arguments, capsys)
            assert code in (0, 1, 2), (value, code)
            assert not FOREIGN.search(shown), (value, shown)

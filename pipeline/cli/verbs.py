"""Commands and groups of click as this command line wants them: imported late, and strict with what they are given."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

import click

NEGATIVE_NUMBER = re.compile(r"-(\d+|\d*\.\d+)")


class _PlainHelp(click.Command):
    """Keeps the line breaks of the epilog."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), "usage: ")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.epilog:
            formatter.write_paragraph()
            formatter.write(f"{self.epilog}\n")


class Verb(_PlainHelp):
    """A command that does the work, with arguments as lenient and as strict as argparse takes them.

    Unique beginnings of long options are completed, negative numbers may stand for names, and an option is never taken
    for the value of the one before it.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name: option for option in self.get_params(ctx) for name in option.opts if name.startswith("-")}
        options: list[str] = []
        names: list[str] = []
        awaiting = ""
        for number, word in enumerate(args):
            name, equals, value = word.partition("=")
            if awaiting:
                if name in known or word.startswith("--"):
                    break
                options.append(word)
                awaiting = ""
            elif word == "--":
                names += args[number + 1 :]
                break
            elif word == "-" or not word.startswith("-") or NEGATIVE_NUMBER.fullmatch(word):
                names.append(word)
            else:
                name = self._complete(ctx, name, list(known))
                options.append(f"{name}{equals}{value}")
                option = known.get(name)
                if isinstance(option, click.Option) and not option.is_flag and not equals:
                    awaiting = name
        if awaiting:
            ctx.fail(f"Option {awaiting!r} requires an argument.")
        return super().parse_args(ctx, [*options, "--", *names])

    def _complete(self, ctx: click.Context, name: str, known: list[str]) -> str:
        """Return the only long option that begins like this, or the name as it is."""
        if name in known or not name.startswith("--"):
            return name
        found = sorted(option for option in known if option.startswith(name))
        if len(found) > 1:
            ctx.fail(f"{name} may mean {', '.join(found)}.")
        return found[0] if found else name


class LazyGroup(_PlainHelp, click.Group):
    """A group whose commands are imported only when they are called, not for the group's own help.

    Args:
        module: the module of a command, with `{name}` for its name; it defines `command`.
        summaries: a line on each command, by name, for the group's help.
    """

    def __init__(self, name: str | None, *, module: str, summaries: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(name, no_args_is_help=False, **kwargs)
        self._module, self._summaries = module, summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._summaries:
            return None
        command: click.Command = importlib.import_module(self._module.format(name=cmd_name.replace("-", "_"))).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))

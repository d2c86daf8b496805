"""The `darkroom` command."""

from __future__ import annotations

import click

from darkroom import __version__
from darkroom.cli.doctor import doctor
from darkroom.cli.keys import keys
from darkroom.cli.media import media
from darkroom.cli.serve import serve
from darkroom.cli.worker import worker

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="darkroom")
@click.option(
    "--config",
    "-c",
    type=click.Path(dir_okay=False),
    help="TOML file  [default: darkroom.toml if it is there]",
)
@click.pass_context
def main(context: click.Context, config: str | None) -> None:
    """An OpenAI-compatible media gateway."""
    context.obj = config


for _command in (serve, worker, doctor, keys, media):
    main.add_command(_command)

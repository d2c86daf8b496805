"""`darkroom keys …`: who may come in."""

from __future__ import annotations

import click

from darkroom.cli.running import database_of, read_settings, run
from darkroom.clock import now
from darkroom.keys import Keys
from darkroom.settings import OUTPUTS, Output


@click.group()
def keys() -> None:
    """Make, list and revoke the keys that clients show."""


@keys.command("create")
@click.option("--owner", default="default", show_default=True, help="whose media the key gives access to")
@click.option(
    "--output", type=click.Choice(OUTPUTS), help="the shape of answers for this key  [default: the provider's]"
)
@click.pass_obj
@run
async def create_key(config: str | None, owner: str, output: Output | None) -> None:
    """Make a key and print it, once."""
    async with database_of(read_settings(config)) as database:
        id, secret = await Keys(database).create(owner, output)
    click.echo(f"{id} for {owner}; it is not shown again:", err=True)
    click.echo(secret)


@keys.command("list")
@click.pass_obj
@run
async def list_keys(config: str | None) -> None:
    """List the keys, without their secrets."""
    async with database_of(read_settings(config)) as database:
        for row in await database.list_keys():
            click.echo(f"{row.id}  {row.owner}  {'revoked' if row.revoked else 'good'}")


@keys.command("revoke")
@click.argument("id")
@click.pass_obj
@run
async def revoke_key(config: str | None, id: str) -> None:
    """Revoke a key; a running gateway notices within ten seconds."""
    async with database_of(read_settings(config)) as database:
        if not await database.revoke_key(id, now()):
            raise click.ClickException(f"there is no good key {id}")

"""`darkroom media …`: what was made, from what, and once more."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from darkroom.cli.running import database_of, read_settings, run
from darkroom.cli.tree import drawn
from darkroom.clock import now
from darkroom.codecs.links import make_link, media_id_of
from darkroom.errors import NotFound
from darkroom.forest import describe_forest, newest_trees, tree_of
from darkroom.gateway import Gateway
from darkroom.generations import describe
from darkroom.lineage import MOST, as_dot
from darkroom.redo import Redo
from darkroom.storage import GRACE_MS, Storage
from darkroom.sweep import Sweeper


@click.group()
def media() -> None:
    """Look at what is stored, and clean up."""


@media.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.pass_obj
@run
async def list_media(config: str | None, limit: int) -> None:
    """List the newest media of every owner."""
    settings = read_settings(config)
    async with database_of(settings) as database:
        for row in await database.list_media(None, limit):
            size = f"{row.width}x{row.height}" if row.width else "-"
            click.echo(f"{make_link(settings.public_url, row)}  {row.mime}  {size}  {row.size}  {row.owner}")


@media.command("sweep")
@click.option("--dry-run", is_flag=True, help="only say what would go")
@click.option(
    "--grace",
    default=GRACE_MS // 1000,
    show_default=True,
    type=click.IntRange(min=0),
    help="seconds that young bytes are spared",
)
@click.option("--output", default="text", show_default=True, type=click.Choice(["text", "json"]))
@click.pass_obj
@run
async def sweep(config: str | None, dry_run: bool, grace: int, output: str) -> None:
    """Remove what crashes and deletions left over, and what has been kept long enough."""
    settings = read_settings(config)
    async with database_of(settings) as database:
        storage = await Storage.open(settings.storage.media)
        try:
            sweeper = Sweeper(database, storage, settings.retention)
            swept = await sweeper.sweep(grace_ms=grace * 1000, dry=dry_run)
        finally:
            await storage.close()
    if output == "json":
        click.echo(json.dumps({"dry_run": dry_run, **asdict(swept)}, indent=2))
    else:
        for name, value in asdict(swept).items():
            if name != "retired":
                click.echo(f"{name}: {value}")
        for row in swept.retired:
            click.echo(f"retired: {row.media} {row.kind} of {row.owner}, {row.bytes} bytes, by {row.why}")
    if swept.missing:
        raise SystemExit(1)


@media.command("pin")
@click.argument("ids", nargs=-1, required=True)
@click.pass_obj
@run
async def pin(config: str | None, ids: tuple[str, ...]) -> None:
    """Keep media (media_… or links), whatever their age."""
    await _set_pins(config, ids, pinned=True)


@media.command("unpin")
@click.argument("ids", nargs=-1, required=True)
@click.pass_obj
@run
async def unpin(config: str | None, ids: tuple[str, ...]) -> None:
    """Let media go again when their time comes."""
    await _set_pins(config, ids, pinned=False)


async def _set_pins(config: str | None, ids: tuple[str, ...], *, pinned: bool) -> None:
    async with database_of(read_settings(config)) as database:
        for id in ids:
            found = await database.media_by_id(media_id_of(id) or id)
            if found is None:
                raise NotFound(f"there is no media `{id}`")
            if pinned:
                await database.retention.pin(found.owner, found.id, now())
            else:
                await database.retention.unpin(found.owner, found.id)


@media.command("tree")
@click.argument("id", required=False)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, MOST), help="how many trees")
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "json", "dot"]))
@click.pass_obj
@run
async def tree(config: str | None, id: str | None, limit: int, form: str) -> None:
    """Show what was made from what: the newest trees, or the one in which ID stands.

    ID is a generation (gen_…), media (media_…) or a link. Each generation hangs on what it edits; what else went into
    it stands behind a plus, with its role.
    """
    settings = read_settings(config)
    url, wanted = settings.public_url, (media_id_of(id) or id) if id else None
    async with database_of(settings) as database:
        found = await (newest_trees(database, limit) if wanted is None else tree_of(database, wanted))
    match form:
        case "json":
            click.echo(json.dumps(describe_forest(found, url), ensure_ascii=False, indent=2))
        case "dot":
            click.echo(as_dot(found.graph, url, found.node_of(wanted)), nl=False)
        case _:
            for line in drawn(found, url, found.node_of(wanted)):
                click.echo(line)
    if found.graph.truncated:
        click.echo(f"… and more: {MOST} nodes are shown", err=True)


@media.command("redo")
@click.argument("id")
@click.option("--model", help="another model, as provider/model  [default: the one that made it]")
@click.option("--output", default="text", show_default=True, type=click.Choice(["text", "json"]))
@click.pass_obj
@run
async def redo(config: str | None, id: str, model: str | None, output: str) -> None:
    """Make the generation ID once more: the same prompt, pictures and parameters.

    It may run beside a server. What is made belongs to the owner of ID, and its params say `redo_of`.
    """
    settings = read_settings(config)
    async with Gateway.open(settings, beside=True) as gateway:
        again = Redo(gateway.database, gateway.providers, gateway.chat, gateway.lifts)
        redone = await again.run(id, model)
    if output == "json":
        click.echo(json.dumps(describe(redone.generation, settings.public_url), ensure_ascii=False, indent=2))
    else:
        click.echo(redone.generation.id)
        for made in redone.generation.outputs:
            click.echo(make_link(settings.public_url, made))
    for omitted in redone.omitted:
        click.echo(f"`{omitted.id}` was not sent: {omitted.reason}", err=True)
    for url in redone.lost:
        click.echo(f"could not be copied: {url}", err=True)

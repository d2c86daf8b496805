"""`darkroom doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict

import click

from darkroom import __version__
from darkroom.cli.running import read_settings, run
from darkroom.doctor import Doctor, Finding, worst
from darkroom.endpoints.access import is_loopback
from darkroom.errors import ConfigInvalid


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
@click.option(
    "--key", envvar="DARKROOM_KEY", help="one of the gateway's own keys, to ask a running server  [$DARKROOM_KEY]"
)
@click.pass_obj
@run
async def doctor(config: str | None, as_json: bool, key: str | None) -> None:
    """Look for what is wrong: configuration, stores, providers and keys.

    It may run beside a server. The exit code is 1 when something fails.
    """
    found: list[Finding] = []
    async for finding in _findings(config, key):
        found.append(finding)
        if not as_json:
            hint = f"\n{'':5} {'':18} → {finding.hint}" if finding.hint and finding.status != "ok" else ""
            click.echo(f"{finding.status:<5} {finding.check:<18} {finding.message}{hint}")
    if as_json:
        report = {"version": __version__, "status": worst(found), "checks": [asdict(each) for each in found]}
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    if worst(found) == "fail":
        raise SystemExit(1)


async def _findings(config: str | None, key: str | None) -> AsyncIterator[Finding]:
    try:
        settings = read_settings(config)
    except ConfigInvalid as error:
        yield Finding("configuration", "fail", error.message)
        return
    async for finding in Doctor(settings, key, exposed=not is_loopback(settings.server.host)).examine():
        yield finding

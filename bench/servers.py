"""The servers under test, and how each is started: beside one upstream, in one directory, with one kind of key."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import KEEP_BUFFERS, BenchFailed, Process, free_port, plain_environment, wait_ready
from bench.scenarios import MIB, MODELS

_BIN = Path(sys.executable).parent
_LITELLM_KEY = "sk-bench"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a server is started: the upstream's port, a directory, the cores that it may use."""

    upstream: int
    directory: Path
    cores: Sequence[int]
    litellm: Path
    providers: str = ""
    """Further rows of Darkroom's configuration."""

    @property
    def upstream_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream}"


@dataclass(slots=True)
class Server:
    """One server under test. `process` is None for the upstream itself, which nobody measures.

    `idle` is resident memory in bytes after the warm-up, `ready` the seconds until it answered. `slow`: seconds for one
    request; `links`: its answers have links; `pictures`: the directory that it stores them below.
    """

    name: str
    port: int
    key: str = ""
    process: Process | None = None
    ready: float = 0.0
    idle: int = 0
    slow: bool = False
    links: bool = False
    pictures: Path | None = None


def start_direct(site: Site) -> Server:
    return Server("direct", site.upstream)


def start_floor(site: Site) -> Server:
    directory = site.directory / "floor"
    directory.mkdir()
    port = free_port()
    command: list[str | Path] = [sys.executable, "-m", "bench.floor", site.upstream_url, directory, str(port)]
    process = Process.start("floor", command, site.directory, environment=KEEP_BUFFERS, cores=site.cores)
    return ready(Server("floor", port, process=process, pictures=directory), "/health", 30)


def start_darkroom(site: Site) -> Server:
    port = free_port()
    config = site.directory / "darkroom.toml"
    config.write_text(_darkroom_config(site, port))
    command: list[str | Path] = [_BIN / "darkroom", "--config", config]
    made = subprocess.run(
        [*command, "keys", "create", "--owner", "bench"],
        capture_output=True, text=True, timeout=60, check=False, env=plain_environment(),
    )  # fmt: skip
    if made.returncode:
        raise BenchFailed(f"darkroom made no key: {made.stderr[-800:]}")
    process = Process.start("darkroom", [*command, "serve"], site.directory, cores=site.cores)
    server = Server(
        "darkroom", port, made.stdout.strip(), process, links=True, pictures=site.directory / "darkroom/media/blobs"
    )
    return ready(server, "/health", 60)


def start_litellm(site: Site) -> Server:
    if not site.litellm.exists():
        raise BenchFailed(f"{site.litellm} is not there: run `make bench`, or give --without litellm")
    port = free_port()
    config = site.directory / "litellm.yaml"
    config.write_text(json.dumps(_litellm_config(site)))
    command: list[str | Path] = [
        site.litellm,
        "--config",
        config,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--telemetry",
        "False",
    ]
    environment = {
        "LITELLM_MASTER_KEY": _LITELLM_KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_TELEMETRY": "False",
        "NO_PROXY": "127.0.0.1",
        "HOME": str(site.directory),
    }
    process = Process.start("litellm", command, site.directory, environment=environment, cores=site.cores)
    server = Server("litellm", port, _LITELLM_KEY, process, slow=True)
    return ready(server, "/health/liveliness", 120)


STARTERS: dict[str, Callable[[Site], Server]] = {
    "direct": start_direct,
    "darkroom": start_darkroom,
    "litellm": start_litellm,
    "floor": start_floor,
}


def ready(server: Server, path: str, seconds: float) -> Server:
    """Wait until a server answers. Raises `BenchFailed`, having ended its process."""
    if server.process is not None:
        try:
            server.ready = wait_ready(server.process, server.port, path, seconds)
        except BenchFailed:
            server.process.stop()
            raise
    return server


def _darkroom_config(site: Site, port: int) -> str:
    data = site.directory / "darkroom"
    return f"""sketch = false
[server]
host = "127.0.0.1"
port = {port}
[storage]
media = "file:{data}/media"
database = "sqlite:{data}/darkroom.db"
[limits]
body = {2048 * MIB}
media = {2048 * MIB}
[[providers]]
name = "bench"
base_url = "{site.upstream_url}/v1"
dialect = "openai-chat"
api_key = "none"
models = {json.dumps(MODELS)}
{site.providers}"""


def _litellm_config(site: Site) -> dict[str, object]:
    rows = [
        {
            "model_name": model,
            "litellm_params": {
                "model": f"openai/{model}",
                "api_base": f"{site.upstream_url}/v1",
                "api_key": "none",
            },
        }
        for model in MODELS
    ]
    return {
        "model_list": rows,
        "litellm_settings": {"telemetry": False, "num_retries": 0},
        "general_settings": {"disable_spend_logs": True},
    }

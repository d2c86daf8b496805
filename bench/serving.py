"""Serving media: Darkroom beside nginx, which reads the very same files out of Darkroom's store.

Strategy as in `measure`: rounds are interleaved, memory is told against what a server held after a warm-up. nginx has
one worker, on the same core, with `sendfile`, and writes no log; it checks no rows and knows no links.
"""

from __future__ import annotations

import http.client
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from bench.measure import Say, started
from bench.processes import BenchFailed, Process, free_port
from bench.reader import Read, Reading
from bench.scenarios import MIB
from bench.servers import Server, Site, ready, start_darkroom
from bench.stock import Stock, fill
from darkroom.media import Media

THUMBNAIL = 256
STOCK = Stock(small=64, large=4, picture=14 * MIB, video=1024 * MIB)
_UNPACKED = Path(__file__).parents[1] / ".bench-nginx"
_ASKS = 64
_SETTLE_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class Serving:
    """One row: which of the stock is read, how much of it at a time, and on how many connections."""

    name: str
    title: str
    of: str
    span: int = 0
    """Bytes of a range, at random places; 0 for the whole."""
    connections: int = 4
    seconds: float = 2.0
    """How long a round takes."""


SERVINGS: tuple[Serving, ...] = (
    Serving("thumbnails", "thumbnails of 4 KiB, 8 connections", "small", connections=8),
    Serving("pictures", "pictures of 14 MiB, 4 connections", "large"),
    Serving("ranges", "ranges of 8 MiB out of a 1 GiB video, 4 connections", "video", span=8 * MIB),
    Serving("seeks", "ranges of 64 KiB out of a 1 GiB video, 4 connections", "video", span=64 * 1024),
)


@dataclass(frozen=True, slots=True)
class Served:
    """One server's part of one round: `cpu` in seconds, `peak` in bytes above idle."""

    read: Read
    cpu: float
    peak: int


@dataclass(slots=True)
class ServingResults:
    """As `measure.Results`, by serving and server."""

    rounds: dict[tuple[str, str], list[Served]] = field(default_factory=dict)
    errors: dict[tuple[str, str], str] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)


@dataclass(slots=True)
class ServingBench:
    """The processes of a run, and what each server calls the stock's media."""

    reader: Process
    servers: list[Server]
    stock: dict[str, list[Media]]
    store: Path

    @staticmethod
    @contextmanager
    def open(
        directory: Path, names: Sequence[str], cores: tuple[list[int], list[int]], stock: Stock = STOCK
    ) -> Iterator[ServingBench]:
        """Fill the store and start everything; `cores` are those of the client and those of the servers."""
        with ExitStack() as stack:
            store = directory / "darkroom" / "media"
            store.parent.mkdir()
            kept = fill(store, store.with_name("darkroom.db"), stock)
            reader = started(stack, "reader", directory, cores[0])
            site = Site(0, directory, cores[1], Path())
            servers = []
            for name in names:
                server = SERVERS[name](site)
                if server.process is not None:
                    stack.callback(server.process.stop)
                servers.append(server)
            yield ServingBench(reader, servers, kept, store)

    def run(self, servings: Sequence[Serving], rounds: int, say: Say) -> ServingResults:
        """Measure. A server that does not serve the right bytes is left out of that serving."""
        results = ServingResults(servers={server.name: server for server in self.servers})
        self._warm_up(servings)
        for serving in servings:
            for server in self.servers:
                if error := self.untrue(server, serving):
                    results.errors[serving.name, server.name] = error
                self.read(server, serving, min(serving.seconds, 0.5))
            for _ in range(rounds):
                self._round(serving, results)
            say(f"{serving.title}: {rounds} rounds")
        return results

    def read(self, server: Server, serving: Serving, seconds: float) -> Read:
        asks = self.asks(server, serving)
        reading = Reading(server.port, asks, min(serving.connections, len(asks)), seconds)
        return Read(**self.reader.ask(asdict(reading)))

    def asks(self, server: Server, serving: Serving) -> list[tuple[str, str]]:
        """Return what is asked of a server: the same for each, under its own names."""
        random = Random(serving.name)
        media = self.stock[serving.of]
        asks = []
        for number in range(max(_ASKS, len(media))):
            each = media[number % len(media)]
            start = random.randrange(max(each.size - serving.span, 1)) if serving.span else 0
            span = f"{start}-{start + serving.span - 1}" if serving.span else ""
            asks.append((_path(server, serving, each), span))
        return asks

    def untrue(self, server: Server, serving: Serving) -> str:
        """Say what is wrong with what a server serves: the first of the asks, against the file itself."""
        path, span = self.asks(server, serving)[0]
        expected = self.store / _path_in_store(serving, self.stock[serving.of][0])
        try:
            got = _get(server.port, path, span)
        except (OSError, http.client.HTTPException) as error:
            return f"{path} can't be read: {error or type(error).__name__}"
        start, _, last = span.partition("-")
        with expected.open("rb") as file:
            file.seek(int(start or 0))
            return "" if got == file.read(int(last) - int(start) + 1 if span else -1) else f"{path} is not the file"

    def _warm_up(self, servings: Sequence[Serving]) -> None:
        """Let Darkroom make the thumbnails, send a few requests along every path, then read what is held when idle."""
        for serving in servings:
            for server in self.servers:
                if server.links or all(self._exists(serving, media) for media in self.stock[serving.of]):
                    self.read(server, serving, 0)
        time.sleep(1.0)
        for server in self.servers:
            if server.process is not None:
                server.idle = server.process.memory("VmRSS")

    def _exists(self, serving: Serving, media: Media) -> bool:
        return (self.store / _path_in_store(serving, media)).exists()

    def _round(self, serving: Serving, results: ServingResults) -> None:
        for server in self.servers:
            key = serving.name, server.name
            process = server.process
            if key in results.errors or process is None:
                continue
            process.forget_peak()
            before = process.cpu()
            read = self.read(server, serving, serving.seconds)
            time.sleep(_SETTLE_SECONDS)
            peak = max(process.memory("VmHWM") - server.idle, 0)
            if read.error:
                results.errors[key] = read.error
            else:
                results.rounds.setdefault(key, []).append(Served(read, process.cpu() - before, peak))


def nginx() -> Path | None:
    """Return nginx, of this machine or as `make bench` unpacked it; None where there is none."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:{_UNPACKED / 'usr/sbin'}")
    return Path(found) if found else None


def start_nginx(site: Site) -> Server:
    """Start nginx over Darkroom's store, with a configuration and files of its own."""
    command = nginx()
    if command is None:
        raise BenchFailed("nginx is not there: install it, or give --without nginx")
    home, port = site.directory / "nginx", free_port()
    home.mkdir()
    config = home / "nginx.conf"
    config.write_text(_nginx_config(home, site.directory / "darkroom" / "media", port))
    words: list[str | Path] = [command, "-p", home, "-e", home / "error.log", "-c", config]
    process = Process.start("nginx", words, site.directory, cores=site.cores)
    return ready(Server("nginx", port, process=process), "/health", 30)


SERVERS: dict[str, Callable[[Site], Server]] = {"darkroom": start_darkroom, "nginx": start_nginx}


def _nginx_config(home: Path, store: Path, port: int) -> str:
    # Started as root, its worker would be somebody else, who may not read the store.
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"  {kind}_temp_path {home / kind};" for kind in kinds)
    return f"""daemon off;
worker_processes 1;
pid {home / "nginx.pid"};
{user}
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
{paths}
  types {{ image/webp webp; }}
  default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port};
    root {store};
    location = /health {{ return 200; }}
  }}
}}
"""


def _path(server: Server, serving: Serving, media: Media) -> str:
    if not server.links:
        return f"/{_path_in_store(serving, media)}"
    return f"/media/{media.id}.{media.extension}" + (f"?w={THUMBNAIL}" if serving.of == "small" else "")


def _path_in_store(serving: Serving, media: Media) -> str:
    if serving.of == "small":
        return f"thumbs/{media.blob}/{THUMBNAIL}.webp"
    return f"blobs/{media.blob[:2]}/{media.blob}"


def _get(port: int, path: str, span: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"range": f"bytes={span}"} if span else {})
        return connection.getresponse().read()
    finally:
        connection.close()

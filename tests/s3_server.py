"""An S3 server for the tests: OpenStack Swift behind its S3 door, four WSGI servers in one process.

Run as a program with an empty directory as its argument. It makes the bucket, prints its port when it
listens, and ends when its standard input does. It checks signatures and knows multipart uploads and ranges;
of the system it needs a file system with extended attributes.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import eventlet
import eventlet.wsgi
from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.storage_policy import reload_storage_policies
from swift.common.swob import Request
from swift.common.wsgi import loadapp

ACCESS_KEY = "test:tester"
SECRET_KEY = "testing"
BUCKET = "darkroom"

_BACKEND = """
[DEFAULT]
devices = {root}
mount_check = false
swift_dir = {root}
[app:main]
use = egg:swift#{kind}
"""
_PROXY = """
[DEFAULT]
swift_dir = {root}
[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth slo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""


class Memory:
    """Stands where Swift wants memcached."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str, **_: object) -> Any:
        return self._values.get(key)

    def set(self, key: str, value: Any, **_: object) -> None:
        self._values[key] = value

    def incr(self, key: str, delta: int = 1, **_: object) -> int:
        self._values[key] = int(self._values.get(key, 0)) + delta
        return int(self._values[key])

    def delete(self, key: str, **_: object) -> None:
        self._values.pop(key, None)


class Quiet:
    """Swallows the access log."""

    def write(self, *_: object) -> None:
        return


def listen() -> socket.socket:
    return eventlet.listen(("127.0.0.1", 0))  # type: ignore[no-any-return]


def serve(listener: socket.socket, app: Callable[..., Iterable[bytes]]) -> None:
    eventlet.spawn(eventlet.wsgi.server, listener, app, Quiet(), minimum_chunk_size=0)


def start_backend(root: Path, kind: str) -> None:
    """Serve accounts, containers or objects from one device, and write the ring that says where they are."""
    listener = listen()
    builder = RingBuilder(1, 1, 0)
    place = {"ip": "127.0.0.1", "port": listener.getsockname()[1], "device": "disk"}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, **place})
    builder.rebalance()
    builder.get_ring().save(str(root / f"{kind}.ring.gz"))
    conf = root / f"{kind}.conf"
    conf.write_text(_BACKEND.format(root=root, kind=kind))
    serve(listener, loadapp(str(conf)))


def start_proxy(root: Path) -> int:
    """Serve S3, make the bucket, and return the port."""
    conf = root / "proxy.conf"
    conf.write_text(_PROXY.format(root=root))
    proxy, cache = loadapp(str(conf)), Memory()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["swift.cache"] = cache
        return proxy(environ, start_response)  # type: ignore[no-any-return]

    request = Request.blank(f"/v1/AUTH_test/{BUCKET}", {"REQUEST_METHOD": "PUT", "swift.authorize_override": True})
    made = request.get_response(app)
    if made.status_int not in {201, 202}:
        raise RuntimeError(f"the bucket was not made: {made.status}")
    listener = listen()
    serve(listener, app)
    return int(listener.getsockname()[1])


def main(directory: str) -> None:
    root = Path(directory)
    (root / "disk").mkdir()
    (root / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    utils.set_swift_dir(str(root))
    utils.validate_hash_conf()
    reload_storage_policies()
    for kind in ("account", "container", "object"):
        start_backend(root, kind)
    print(start_proxy(root), flush=True)
    while os.read(sys.stdin.fileno(), 1):
        pass


if __name__ == "__main__":
    eventlet.monkey_patch()
    main(sys.argv[1])

"""A real S3 server for tests, in a process of its own: `s3_server.py`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class S3:
    """A running server: its port, and the bucket and keys of `s3_server.py`."""

    port: int
    url: str = "s3://darkroom"

    def options(self, secret: str = "testing") -> dict[str, str]:
        return {
            "AWS_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test:tester",
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


@contextmanager
def running_s3(directory: Path) -> Iterator[S3]:
    """Run the server while the block runs."""
    script = Path(__file__).with_name("s3_server.py")
    command = [sys.executable, "-W", "ignore", str(script), str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            assert line.strip().isdigit(), "the S3 server did not start; is the dev dependency swift installed?"
            yield S3(int(line))
        finally:
            server.stdin.close()
            server.wait()

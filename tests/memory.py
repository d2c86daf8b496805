"""What a process holds in memory, as its kernel tells it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

KIB, MIB = 1024, 1024**2

needs_peaks = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a peak anew")


@dataclass(frozen=True, slots=True)
class Process:
    """What a process holds in memory, in bytes."""

    pid: int

    def resident(self) -> int:
        return self._told("VmRSS")

    def peak(self) -> int:
        """Return the most that was resident since `forget`."""
        return self._told("VmHWM")

    def forget(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _told(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * KIB
        raise AssertionError(f"{name} is not told")

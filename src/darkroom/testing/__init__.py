"""What tests of Darkroom, and of programs that talk to it, need: fake upstreams, and a server for them."""

from __future__ import annotations

from darkroom.testing.serving import serve, serve_in_thread
from darkroom.testing.sketch_upstream import SketchUpstream

__all__ = ["SketchUpstream", "serve", "serve_in_thread"]

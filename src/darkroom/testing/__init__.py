"""What tests of Darkroom, and of programs that talk to it, need: fake upstreams, and a server for them."""

from __future__ import annotations

from darkroom.testing.a1111_upstream import A1111Upstream
from darkroom.testing.comfyui_upstream import ComfyUpstream
from darkroom.testing.enterprise_upstream import EnterpriseUpstream
from darkroom.testing.gemini_upstream import GeminiUpstream
from darkroom.testing.images_upstream import ImagesUpstream
from darkroom.testing.interactions_upstream import InteractionsUpstream
from darkroom.testing.openrouter_videos_upstream import OpenRouterVideosUpstream
from darkroom.testing.planner_upstream import PlannerUpstream
from darkroom.testing.responses_upstream import ResponsesUpstream
from darkroom.testing.serving import serve, serve_in_thread
from darkroom.testing.sketch_upstream import SketchUpstream
from darkroom.testing.veo_upstream import VeoUpstream
from darkroom.testing.videos_upstream import VideosUpstream

__all__ = [
    "A1111Upstream",
    "ComfyUpstream",
    "EnterpriseUpstream",
    "GeminiUpstream",
    "ImagesUpstream",
    "InteractionsUpstream",
    "OpenRouterVideosUpstream",
    "PlannerUpstream",
    "ResponsesUpstream",
    "SketchUpstream",
    "VeoUpstream",
    "VideosUpstream",
    "serve",
    "serve_in_thread",
]

"""One question about a job, and its answer: small JSON, with whatever base64 stands in it lifted out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from darkroom.codecs.json_lift import JsonLifter
from darkroom.dialects.job_wire import JobReport
from darkroom.dialects.wire import ErrorDecoder, UpstreamRequest
from darkroom.errors import (
    TooManyRequests,
    UpstreamBroken,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from darkroom.lifted import Lifts
from darkroom.providers import Target
from darkroom.upstream import Upstream

PASSING = (TooManyRequests, UpstreamBroken, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable)
"""What may be over a moment later, when a question that costs nothing is asked again."""

_MOST_BYTES = 16 * 1024 * 1024
"""Of an answer without its base64."""


async def ask(
    upstream: Upstream,
    target: Target,
    request: UpstreamRequest,
    read: Callable[[bytes, Lifts, Target], JobReport],
    lifts: Callable[[], Lifts],
    decode_error: ErrorDecoder,
) -> JobReport:
    """Return what an upstream says. Raises `UpstreamError`s; runs that the report does not hold are let go of."""
    runs = lifts()
    try:
        body = await _body(upstream, target, request, runs, decode_error)
        return read(body, runs, target)
    except (RecursionError, UnicodeDecodeError):
        raise UpstreamBroken("the upstream's answer is nested too deeply, or not UTF-8") from None
    finally:
        runs.close()


async def _body(
    upstream: Upstream, target: Target, request: UpstreamRequest, lifts: Lifts, decode_error: ErrorDecoder
) -> bytes:
    lifter = JsonLifter(lifts)
    skeleton = bytearray()
    async with aclosing(upstream.send(target, request, decode_error)) as chunks:
        async for chunk in chunks:
            skeleton += lifter.decode(chunk)
            if len(skeleton) > _MOST_BYTES:
                raise UpstreamBroken(f"`{target.provider.name}` sent far more than was asked for")
    skeleton += lifter.flush()
    return bytes(skeleton)

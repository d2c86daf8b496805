"""Request bodies, read as they arrive: base64 goes to its spool, the small rest is returned."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from darkroom.codecs.json_lift import JsonLifter
from darkroom.errors import MalformedRequest, TooLarge
from darkroom.lifted import Lifts
from darkroom.settings import Limits


async def read_lifted(request: Request, lifts: Lifts, limits: Limits) -> bytes:
    """Return the body with its long base64 lifted out. Raises `TooLarge` before it is read whole."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.body:
        raise _too_large(limits)
    lifter = JsonLifter(lifts)
    skeleton: list[bytes] = []
    received = kept = 0
    try:
        async for chunk in request.stream():
            received += len(chunk)
            piece = lifter.decode(chunk)
            kept += len(piece)
            if received > limits.body or kept > limits.text:
                raise _too_large(limits)
            skeleton.append(piece)
    except ClientDisconnect:
        raise MalformedRequest("the client left before its request was complete") from None
    skeleton.append(lifter.flush())
    return b"".join(skeleton)


def _too_large(limits: Limits) -> TooLarge:
    return TooLarge(f"the body is larger than {limits.body} bytes, or its text larger than {limits.text} bytes")

"""Driving the wires of long work in tests: against an emulator over a socket, or by themselves."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from cuts import new_lifts
from darkroom.codecs.json_lift import JsonLifter
from darkroom.dialects.job_wire import Given, JobReport, JobRequest, JobWire
from darkroom.dialects.job_wires import JOB_WIRES
from darkroom.dialects.wire import Base64Of, BytesOf, UpstreamRequest
from darkroom.generation import InputRole
from darkroom.lifted import Lifts
from darkroom.media import Media, sniff
from darkroom.profiles import PROFILES, Profile
from darkroom.providers import DIALECTS, Key, Provider, Target

BLOBS: dict[str, bytes] = {}
"""What the media of tests holds, by hash."""

_LOOKS = 60


def media(data: bytes, name: str = "media_1") -> Media:
    """Return media that holds these bytes."""
    digest = sha256(data).hexdigest()
    BLOBS[digest] = data
    return Media(name, "local", digest, sniff(data[:512]) or "", len(data), "uploaded", 0)


def shown(data: bytes, role: InputRole = "first_frame", **more: Any) -> Given:
    return Given(role, media(data), **more)


def target(
    dialect: str = "openai-videos",
    model: str = "sora-2",
    *,
    base_url: str = "http://films.test/v1",
    profile: str | Profile = "video-chat",
    key: str = "",
    **options: Any,
) -> Target:
    """Return a target as the configuration makes one."""
    chosen = PROFILES[profile] if isinstance(profile, str) else profile
    auth = DIALECTS[dialect].auth
    row = Provider("films", base_url, dialect, (key,), (model,), chosen, auth=auth, options=options)
    return Target(row, model, row.profile_of(model), Key(key))


def body_of(request: UpstreamRequest) -> bytes:
    """Return the bytes that a request sends."""
    found = b""
    for piece in request.pieces:
        match piece:
            case Base64Of(each):
                found += base64.b64encode(BLOBS[each.blob])
            case BytesOf(each):
                found += BLOBS[each.blob]
            case bytes():
                found += piece
            case _:
                raise AssertionError(piece)
    return found


def json_of(request: UpstreamRequest) -> Any:
    return json.loads(body_of(request))


def lift(data: bytes, cut: Sequence[bytes] | None = None) -> tuple[bytes, Lifts]:
    """Return what is left of a JSON body when its base64 is lifted out of it."""
    lifts = new_lifts()
    lifter = JsonLifter(lifts)
    rest = b"".join(bytes(lifter.decode(chunk)) for chunk in (cut or [data]))
    return rest + bytes(lifter.flush()), lifts


def read(wire: JobWire, answer: Any, aim: Target | None = None) -> JobReport:
    """Read an answer about a job, as JSON."""
    return wire.looked(*lift(json.dumps(answer).encode()), aim or target())


@dataclass
class Driver:
    """Asks an emulator what a wire says, with its key, and downloads what was made."""

    aim: Target
    client: aiohttp.ClientSession
    submitted: JobReport | None = None
    reports: list[JobReport] = field(default_factory=list)

    @property
    def wire(self) -> JobWire:
        return JOB_WIRES[self.aim.provider.dialect]

    def headers(self) -> dict[str, str]:
        secret = self.aim.key.secret
        if not secret:
            return {}
        if self.aim.provider.auth == "x-goog-api-key":
            return {"x-goog-api-key": secret}
        return {"authorization": f"Bearer {secret}"}

    async def send(self, request: UpstreamRequest) -> tuple[bytes, Lifts]:
        url = request.path if request.path.startswith("http") else self.aim.provider.base_url + request.path
        headers = {**request.headers, **self.headers()}
        data = body_of(request) if request.pieces else None
        async with self.client.request(request.method, url, data=data, headers=headers) as response:
            answer = await response.read()
            if response.status // 100 != 2:
                raise self.wire.error(response.status, answer, None)
            return lift(answer)

    async def submit(self, request: JobRequest) -> JobReport:
        self.submitted = self.wire.submitted(*await self.send(self.wire.submit(request, self.aim)), self.aim)
        return self.submitted

    async def look(self, id: str) -> JobReport:
        return self.wire.looked(*await self.send(self.wire.look(id, self.aim)), self.aim)

    async def made(self, request: JobRequest) -> JobReport:
        """Submit, and look until it is over."""
        report = await self.submit(request)
        self.reports = [report]
        for _ in range(_LOOKS):
            if report.stage not in ("queued", "running"):
                return report
            assert report.id is not None
            report = await self.look(report.id)
            self.reports.append(report)
            await asyncio.sleep(0.005)
        raise AssertionError("the job never ended")

    async def download(self, report: JobReport, start: int = 0) -> bytes:
        (product,) = report.products
        if product.lifted is not None:
            return b"".join(product.lifted.chunks())
        url = product.url or ""
        url = url if url.startswith("http") else self.aim.provider.base_url + url
        headers = self.headers() if self.is_theirs(url) else {}
        ranged = {"range": f"bytes={start}-"} if start else {}
        async with self.client.get(url, headers={**headers, **ranged}, allow_redirects=False) as response:
            if response.status in (301, 302, 307):
                async with self.client.get(response.headers["location"]) as behind:
                    behind.raise_for_status()
                    return await behind.read()
            if response.status // 100 != 2:
                raise self.wire.error(response.status, await response.read(), None)
            return await response.read()

    def is_theirs(self, url: str) -> bool:
        return urlsplit(url).netloc == urlsplit(self.aim.provider.base_url).netloc

    async def film(self, request: JobRequest) -> bytes:
        report = await self.made(request)
        assert report.stage == "completed", report
        return await self.download(report)


def asked(prompt: str, *given: Given, dialect: str = "openai-chat", key: str = "", **params: Any) -> JobRequest:
    return JobRequest(prompt, params, given, dialect, key)


def with_facts(aim: Target, facts: Mapping[str, Any]) -> Target:
    """Return a target whose profile has other facts."""
    return replace(aim, profile=replace(aim.profile, **facts))

"""Answers about video jobs, as OpenAI, OpenRouter, the self-hosted servers and the relays write them.

One reader for all, since they are one family: a status in any of forty words, progress from 0 to 100 or from 0 to 1,
and the film in one of a dozen places. Relays wrap the job in `data`, and say what went wrong in one of many fields.
Sources: OpenAI `types/video.py`; OpenRouter's reference of `/videos/{jobId}`; new-api `dto/openai_video.go`; relays
answer `{"status_update_time", "detail": {"pending_info": {"progress_pct", "failure_reason", "moderation_result"}}}`.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any
from urllib.parse import quote, urljoin

from darkroom.codecs import data_uri
from darkroom.dialects.job_wire import JobReport, Listed, Product, Stage
from darkroom.dialects.json_values import decode_object, string, table, tables
from darkroom.dialects.openai_chat.failures import error_of
from darkroom.errors import ContentPolicyViolation, DarkroomError, UpstreamBroken
from darkroom.lifted import Lifts, without_runs

_WORDS: Mapping[Stage, str] = {
    "queued": "queued pending submitted waiting created in_queue not_start not_started queueing",
    "running": "in_progress processing running generating started active unknown",
    "completed": "completed complete succeeded success successful done finished",
    "failed": "failed failure error rejected blocked",
    "cancelled": "cancelled canceled deleted",
    "expired": "expired timeout",
}
_STAGES: dict[str, Stage] = {word: stage for stage, words in _WORDS.items() for word in words.split()}
_IDS = ("id", "task_id", "video_id", "job_id")
_URLS = ("video_url", "url", "output_url", "download_url")
_LISTS = ("unsigned_urls", "urls", "video_urls")
_HOLDERS = ("metadata", "video", "result", "detail", "output", "content")
_REASONS = ("error", "fail_reason", "failure_reason", "error_message")
_PERCENT = re.compile(r"\s*(\d{1,3}(?:\.\d+)?)\s*%?\s*")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|\+00:?00)?")
_MILLIS_FROM = 100_000_000_000
"""Times above this are in milliseconds: in seconds, it would be the year 5138."""


def read_report(body: bytes, lifts: Lifts, base_url: str, content: str | None = None) -> JobReport:
    """Read an answer about a job. `content` is the path where a film is that the answer does not name, `{id}` in it.

    Raises `UpstreamBroken` for what tells of no job.
    """
    job = _unwrapped(decode_object(body))
    id = next((str(job[name]) for name in _IDS if isinstance(job.get(name), str | int) and job[name]), None)
    told = string(job.get("status")) or string(job.get("state")) or string(job.get("task_status"))
    stage = _STAGES.get(told.lower().removeprefix("video_generation_")) if told else None
    products = tuple(_products(job, lifts, base_url)) if stage in (None, "completed") else ()
    if stage is None:
        stage = _guessed(job, id, products, told)
    if stage == "completed" and not products and id and content:
        products = (Product(url=content.replace("{id}", quote(id, safe=":"))),)
    error = _error(job) if stage == "failed" else None
    return JobReport(stage, id, _percent(job, stage), products, error, millis(job.get("expires_at")))


def read_list(body: bytes) -> tuple[Listed, ...]:
    """Read the jobs that an upstream lists: `{"data": […]}`. Raises `UpstreamBroken`."""
    items = tables(decode_object(body).get("data"))
    return tuple(
        Listed(id, string(item.get("prompt")), string(item.get("model")), millis(item.get("created_at")))
        for item in items
        if (id := string(item.get("id")) or string(item.get("task_id")))
    )


def millis(value: Any) -> int | None:
    """Return a time in Unix ms; it comes in seconds, in milliseconds, or as a date of ISO 8601 in UTC."""
    if isinstance(value, str):
        match = _DATE.fullmatch(value.strip())
        return timegm((*(int(part) for part in match.groups()), 0, 0, 0)) * 1000 if match else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return int(value) if value >= _MILLIS_FROM else int(value * 1000)


def _unwrapped(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the job itself, which relays put into `data`."""
    inner = table(answer.get("data"))
    return inner if inner and not any(answer.get(name) for name in (*_IDS, "status")) else answer


def _guessed(job: Mapping[str, Any], id: str | None, products: tuple[Product, ...], told: str | None) -> Stage:
    """Return the stage of a job that names none that is known: a film is done, and what has an id has begun."""
    if products:
        return "completed"
    if told is None and any(job.get(name) for name in _REASONS):
        return "failed"
    if id is None:
        raise UpstreamBroken(f"the upstream's answer tells of no job: {str(without_runs(dict(job)))[:300]}")
    return "running" if told else "queued"


def _percent(job: Mapping[str, Any], stage: Stage) -> int | None:
    if stage == "completed":
        return 100
    pending = table(table(job.get("detail")).get("pending_info"))
    for value in (job.get("progress"), job.get("progress_pct"), pending.get("progress_pct"), job.get("percent")):
        if (percent := _as_percent(value)) is not None:
            return percent
    return None


def _as_percent(value: Any) -> int | None:
    """Return percent; fractions are written with a point, whole numbers are percent already."""
    if isinstance(value, str):
        found = _PERCENT.fullmatch(value)
        value = None if found is None else float(found[1]) if "." in found[1] and "%" not in value else int(found[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    share = isinstance(value, float) and value <= 1
    return min(max(round(value * 100 if share else value), 0), 100)


def _error(job: Mapping[str, Any]) -> DarkroomError:
    pending = table(table(job.get("detail")).get("pending_info"))
    moderated = table(pending.get("moderation_result")).get("type")
    for place in (job, table(job.get("detail")), pending):
        for name in _REASONS:
            if reason := place.get(name):
                return error_of(without_runs(reason))
    if isinstance(moderated, str) and moderated != "passed":
        return ContentPolicyViolation(f"the upstream's moderation refused the content: {moderated}")
    words = string(job.get("message"))
    return error_of(words) if words else UpstreamBroken("the upstream failed, and did not say why")


# Where the film is


def _products(job: Mapping[str, Any], lifts: Lifts, base_url: str) -> Iterator[Product]:
    """Yield the films of the first place that has any: what comes after it tells of the same ones."""
    for found in _places(job, lifts, base_url):
        products = dict.fromkeys(found)
        if products:
            yield from products
            return


def _places(job: Mapping[str, Any], lifts: Lifts, base_url: str) -> Iterator[list[Product]]:
    yield _of_table(job, lifts, base_url)
    for name in (*_HOLDERS, "data"):
        inner = job.get(name)
        if isinstance(inner, Mapping):
            yield _of_table(inner, lifts, base_url)
        elif isinstance(inner, list):
            yield [each for item in inner for each in _of_item(item, lifts, base_url)]
        elif name == "output" and isinstance(inner, str):
            yield _of_item(inner, lifts, base_url)


def _of_table(value: Mapping[str, Any], lifts: Lifts, base_url: str) -> list[Product]:
    if text := string(value.get("b64_json")):
        return [_product(text, lifts, base_url, bare=True)]
    for name in _LISTS:
        if several := [each for item in _list(value.get(name)) for each in _of_item(item, lifts, base_url)]:
            return several
    url = next((link for name in _URLS if (link := string(value.get(name)))), None)
    return [_product(url, lifts, base_url)] if url else []


def _of_item(item: Any, lifts: Lifts, base_url: str) -> list[Product]:
    if isinstance(item, str) and item:
        return [_product(item, lifts, base_url)]
    return _of_table(item, lifts, base_url) if isinstance(item, Mapping) else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _product(text: str, lifts: Lifts, base_url: str, *, bare: bool = False) -> Product:
    if bare or data_uri.is_data_uri(text):
        return Product(lifted=data_uri.lift_or_broken(text, lifts, data_uri.lift_any))
    return Product(url=urljoin(f"{base_url}/", text))

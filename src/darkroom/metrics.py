"""What there is to count, for Prometheus: `GET /metrics` writes it, and each gateway has a registry of its own.

Strategy. What happens once per request is counted as it ends. What other parts know anyway (bytes, keys, what upstreams
hold) is read when somebody asks for it, so that it costs nothing until then. No label takes its value from a client
without a bound: doors are routes, and a provider has so many models and then `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from darkroom import __version__
from darkroom.clock import now
from darkroom.database import ObjectCount
from darkroom.generation import Status
from darkroom.health import Health, Trial
from darkroom.media import Media
from darkroom.providers import Target
from darkroom.upstream import Upstream

_MODELS = 50
"""Models of one provider that have a row of their own."""
_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)
_OTHER = "other"


class Metrics:
    """Counts one gateway's doings. Sizes in bytes, times in seconds."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.in_flight = 0
        """Requests of clients that are being answered."""
        self._requests = Counter("darkroom_requests", "Requests of clients.", ["door", "status"], registry=registry)
        self._seconds = Histogram(
            "darkroom_request_seconds", "Until an answer was complete.", ["door"], buckets=_SECONDS, registry=registry
        )
        self._upstream = Counter(
            "darkroom_upstream_requests",
            "Questions to upstreams, by how they ended: ok, left, or the code of an error.",
            ["provider", "model", "outcome"],
            registry=registry,
        )
        self._upstream_seconds = Histogram(
            "darkroom_upstream_seconds",
            "Until an upstream's answer was complete.",
            ["provider"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._media = Counter("darkroom_media_stored", "Media stored.", ["kind", "origin"], registry=registry)
        self._bytes = Counter(
            "darkroom_media_stored_bytes", "Bytes of media stored.", ["kind", "origin"], registry=registry
        )
        self._generations = Counter(
            "darkroom_generations", "Generations, by how they ended.", ["provider", "outcome"], registry=registry
        )
        self._models: dict[str, set[str]] = {}

    def answered(self, door: str, status: int, seconds: float) -> None:
        """Count a request to one of the doors; `door` is a route's path."""
        self._requests.labels(door, str(status)).inc()
        self._seconds.labels(door).observe(seconds)

    def asked(self, target: Target, trial: Trial, ms: int) -> None:
        """Count a question to an upstream."""
        outcome = trial.error.code if trial.error is not None else "ok" if trial.ended else "left"
        self._upstream.labels(target.provider.name, self._model(target), outcome).inc()
        self._upstream_seconds.labels(target.provider.name).observe(ms / 1000)

    def stored(self, media: Media) -> None:
        """Count media whose row is durable."""
        self._media.labels(media.kind.value, media.origin).inc()
        self._bytes.labels(media.kind.value, media.origin).inc(media.size)

    def ended(self, provider: str, outcome: Status) -> None:
        """Count a generation that has ended."""
        self._generations.labels(provider, outcome).inc()

    def render(self, health: Health, upstream: Upstream, objects: Sequence[ObjectCount]) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(_Families([*self._registry.collect(), *self._now(health, upstream, objects)]))

    def _now(self, health: Health, upstream: Upstream, objects: Sequence[ObjectCount]) -> Iterator[Metric]:
        yield _gauge("darkroom_build_info", "The version that runs.", ["version"], [((__version__,), 1)])
        yield _gauge("darkroom_requests_in_flight", "Requests of clients under way.", [], [((), self.in_flight)])
        yield from _traffic(upstream)
        yield from _keys(health)
        yield from _held(objects)

    def _model(self, target: Target) -> str:
        known = self._models.setdefault(target.provider.name, set(target.provider.listed[:_MODELS]))
        if target.model not in known and len(known) >= _MODELS:
            return _OTHER
        known.add(target.model)
        return target.model


@dataclass(frozen=True, slots=True)
class _Families(Collector):
    families: list[Metric] = field(default_factory=list)

    def collect(self) -> Iterable[Metric]:
        return self.families


Samples = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels, and the value."""


def _gauge(name: str, words: str, labels: list[str], samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(name, words, labels=labels), samples)


def _counter(name: str, words: str, labels: list[str], samples: Samples) -> Metric:
    return _filled(CounterMetricFamily(name, words, labels=labels), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _traffic(upstream: Upstream) -> Iterator[Metric]:
    for name, words, counted in (
        ("darkroom_upstream_sent_bytes", "Bytes of request bodies.", upstream.sent),
        ("darkroom_upstream_received_bytes", "Bytes of answers.", upstream.received),
    ):
        yield _counter(name, words, ["provider"], [((provider,), size) for provider, size in counted.items()])
    busy = [((provider,), float(count)) for provider, count in upstream.busy.items()]
    yield _gauge("darkroom_upstream_in_flight", "Requests to upstreams under way.", ["provider"], busy)


def _keys(health: Health) -> Iterator[Metric]:
    labels = ["provider", "key"]
    tallies = health.tallies()
    failures = [((*name, code), float(n)) for name, tally in tallies.items() for code, n in tally.failures.items()]
    pauses = dict.fromkeys(tallies, 0)
    time = now()
    for (provider, key, _), condition in health.conditions().items():
        pauses[provider, key] = max(pauses.get((provider, key), 0), condition.until - time)
    yield _counter(
        "darkroom_key_requests", "Questions asked with a key.", labels, [(k, t.asked) for k, t in tallies.items()]
    )
    yield _gauge(
        "darkroom_key_busy", "Questions under way with a key.", labels, [(k, t.busy) for k, t in tallies.items()]
    )
    yield _gauge(
        "darkroom_key_cooling_seconds",
        "How long a key is still spared, for the model that it is spared longest for.",
        labels,
        [(name, pause / 1000) for name, pause in pauses.items()],
    )
    yield _counter("darkroom_key_failures", "Failures that may be a key's own.", [*labels, "code"], failures)


def _held(objects: Sequence[ObjectCount]) -> Iterator[Metric]:
    labels = ["provider", "kind"]
    time = now()
    held = [((each.provider, each.kind), each) for each in objects]
    yield _gauge(
        "darkroom_upstream_objects",
        "What upstreams hold for us: files, sessions, answers.",
        labels,
        [(name, each.objects) for name, each in held],
    )
    yield _gauge(
        "darkroom_upstream_objects_failing",
        "Those whose deletion was refused.",
        labels,
        [(name, each.failing) for name, each in held],
    )
    yield _gauge(
        "darkroom_upstream_objects_oldest_seconds",
        "The age of the oldest of them.",
        labels,
        [(name, max(time - each.oldest, 0) / 1000) for name, each in held],
    )

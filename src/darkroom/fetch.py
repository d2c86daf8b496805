"""The one guarded fetch: every URL that a user or a model names is opened here, and nowhere else.

Strategy. An address is judged where it is used: the guard stands in the connector's resolver, so that what
was checked is what gets connected, whatever DNS says a moment later; literal addresses, which skip
resolvers, are checked before each request; redirects are followed by hand, and each hop is a new URL to
judge. Origins that the operator has configured (`trusted_origins`) go through a session of their own
without the guard: were its connections shared, a stranger's URL could ride on one.

Error messages name a URL without its query, which may hold a signature.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from darkroom.download import Download, Refillable
from darkroom.errors import ConfigInvalid, UrlRefused, UrlUnreachable

MAX_REDIRECTS = 5
CONNECT_TIMEOUT = 10.0

_REDIRECTS = {301, 302, 303, 307, 308}
_BREAKS = (aiohttp.ClientError, OSError, UrlUnreachable)
_EXACT = re.compile(r"[!-~]+")
_NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_HEADERS = {
    "Accept": "image/*, video/*, audio/*, application/pdf, */*;q=0.5",
    # A small compressed body may be a large one; media does not profit from it anyway.
    "Accept-Encoding": "identity",
    "User-Agent": "Darkroom",
}

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

# Beside what `is_global` refuses, whose idea of the registry changes with Python's version.
# https://www.iana.org/assignments/iana-ipv4-special-registry
_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only global unicast is let through, without the blocks in it that wrap an IPv4 address or lead
# nowhere: Teredo and its neighbours, documentation, 6to4. NAT64 (64:ff9b::/96) lies outside.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: `head` is the first 512 bytes, `declared_mime` and `filename` what the server claims."""

    url_final: str
    sha256: str
    size: int
    head: bytes
    declared_mime: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses may be connected to: public ones, and what the operator allows by host or network."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[_Network, ...] = ()

    @classmethod
    def of(cls, allow: Sequence[str]) -> Self:
        """Read host names, addresses and networks (`10.1.0.0/16`); raises `ConfigInvalid`."""
        networks = [network for network in map(_network, allow) if network is not None]
        hosts = frozenset(_plain_host(entry) for entry in allow if _network(entry) is None)
        if any("/" in host for host in hosts):
            raise ConfigInvalid("fetch.allow takes host names, addresses and networks such as 10.1.0.0/16")
        return cls(hosts, tuple(networks))

    def check_host(self, host: str) -> None:
        """Refuse a host that is itself a refused address; names are judged when they are resolved."""
        plain = _plain_host(host)
        address = _literal(plain)
        if address is not None:
            self.check_address(plain, address)
        elif _NUMERIC_LABEL.fullmatch(plain.rpartition(".")[2]):
            raise UrlRefused(f"the address {host!r} is written in a way that is not taken")

    def check_address(self, host: str, address: _Address) -> None:
        """Refuse an address that is neither public nor allowed."""
        address = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
        allowed = _plain_host(host) in self.hosts or any(
            address in network for network in self.networks if network.version == address.version
        )
        if not allowed and not _is_public(address):
            raise UrlRefused(
                f"{host} is a private or reserved address; it is fetched from only if fetch.allow names it"
            )


class GuardedResolver(AbstractResolver):
    """Resolves a name, and refuses it when any of its addresses is refused."""

    def __init__(self, guard: Guard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        for result in results:
            self._guard.check_address(host, ip_address(result["host"]))
        return results

    async def close(self) -> None:
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class _Came:
    """What the headers of an answer say of what came with them."""

    url: URL
    mime: str | None
    filename: str | None


class Fetcher:
    """Fetches URLs into spools. `max_bytes` is the limit for one.

    `timeout` are the seconds for a fetch with all its redirects, besides one more for each `download.SLOWEST` bytes
    that it brings; `stall_timeout` those for which a server may be silent.
    """

    def __init__(
        self,
        allow: Sequence[str] = (),
        max_bytes: int = 256 * 1024 * 1024,
        timeout: float = 120.0,
        *,
        stall_timeout: float = 30.0,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._guard = Guard.of(allow)
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._stall_timeout = stall_timeout
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def fetch(
        self,
        url: str,
        sink: Refillable,
        *,
        trusted_origins: frozenset[str] = frozenset(),
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Write what stands at a URL into the sink; `headers` go to the URL's own origin alone.

        What breaks off in the middle is gone on with. Raises `UrlRefused` for what the guard does not let through,
        `UrlUnreachable` for what does not answer with a whole file in time, `TooLarge` over the limit; the sink is then
        the caller's to discard.
        """
        download = Download(sink, self._max_bytes)
        return await self.go_on(url, download, trusted_origins=trusted_origins, headers=headers)

    async def go_on(
        self,
        url: str,
        download: Download,
        *,
        trusted_origins: frozenset[str] = frozenset(),
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """Fetch what a download lacks, or all of it where another file stands at the URL by now.

        Raises as `fetch` does; what came stays in the download.
        """
        current = _parsed(url)

        async def ask() -> _Came:
            return await self._follow(current, download, trusted_origins, headers or {})

        try:
            async with download.within(self._timeout):
                came = await download.complete(ask, _BREAKS)
        except TimeoutError as error:
            raise UrlUnreachable(f"{_shown(current)} took too long to answer") from error
        # Host names that can't be encoded are a UnicodeError, which is a ValueError.
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as error:
            raise UrlRefused(f"{_shown(current)} leads to something that is no http(s) URL") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UrlUnreachable(f"{_shown(current)} {_reason(error)}") from error
        data = download.arrived()
        return Fetched(str(came.url), data.sha256, data.size, data.head, came.mime, came.filename)

    async def close(self) -> None:
        """Close the connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _follow(
        self, url: URL, download: Download, trusted_origins: frozenset[str], headers: Mapping[str, str]
    ) -> _Came:
        """Make one request, with the redirects that it takes."""
        home = _origin(url)
        for _ in range(MAX_REDIRECTS + 1):
            origin = _origin(url)
            trusted = origin in trusted_origins
            if not trusted:
                self._guard.check_host(url.raw_host or "")
            own = {**(headers if origin == home else {}), **download.headers()}
            async with self._session(trusted).get(url, headers=own, allow_redirects=False) as response:
                target = response.headers.get("Location") if response.status in _REDIRECTS else None
                if target is None:
                    return await _take(url, response, download)
            url = _parsed(urljoin(str(url), target))
        raise UrlUnreachable(f"{_shown(url)} redirects more than {MAX_REDIRECTS} times")

    def _session(self, trusted: bool) -> aiohttp.ClientSession:
        if trusted not in self._sessions:
            inner = self._resolver or ThreadedResolver()
            resolver = inner if trusted else GuardedResolver(self._guard, inner)
            self._sessions[trusted] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    sock_connect=min(CONNECT_TIMEOUT, self._timeout),
                    sock_read=self._stall_timeout,
                ),
            )
        return self._sessions[trusted]


async def _take(url: URL, response: aiohttp.ClientResponse, download: Download) -> _Came:
    download.name = _shown(url)
    expected = {200, 206, 416} if download.headers() else {200}
    if response.status not in expected:
        download.refused = response.status
        raise UrlUnreachable(f"{download.name} answered with status {response.status}")
    await download.take(response)
    declared = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return _Came(url, declared or None, _filename(url, response))


def origin_of(url: str) -> str:
    """Return an http(s) URL's scheme, host and port (where it is not the usual); raises `UrlRefused`."""
    return _origin(_parsed(url))


def is_at(url: str, base_url: str) -> bool:
    """Tell whether a URL is of the same origin as a provider's; one that can't be read is not."""
    try:
        return origin_of(url) == origin_of(base_url)
    except UrlRefused:
        return False


def _origin(url: URL) -> str:
    return str(url.origin())


def _parsed(url: str) -> URL:
    """Read an http(s) URL without a user, keeping the spelling of path and query: they may be signed."""
    try:
        parsed = URL(url.strip())
        exact = URL(url.strip(), encoded=True) if _EXACT.fullmatch(url.strip()) else parsed
        if parsed.scheme in {"http", "https"} and parsed.raw_host and parsed.port:
            if parsed.raw_user is not None or parsed.raw_password is not None:
                raise UrlRefused(f"{_shown(parsed)} has a user name in it, and is not fetched")
            same = exact.scheme == parsed.scheme and exact.raw_authority == parsed.raw_authority
            return (exact if same else parsed).with_fragment(None)
    except ValueError as error:
        raise UrlRefused("the URL can't be read") from error
    raise UrlRefused("only http and https URLs are fetched")


def _shown(url: URL) -> str:
    text = f"{url.scheme}://{url.host_port_subcomponent}{url.raw_path}"
    return text if len(text) <= 200 else f"{text[:199]}…"


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "has a host name that can't be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "has a TLS certificate or connection that can't be trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "does not take connections"
    return "broke off before its answer was complete"


def _filename(url: URL, response: aiohttp.ClientResponse) -> str | None:
    message = Message()
    message["Content-Disposition"] = response.headers.get("Content-Disposition", "")
    named = message.get_filename() or url.name
    name = _UNPRINTABLE.sub("", re.split(r"[/\\]", named)[-1]).strip(". ")
    return name[-200:] or None


def _is_public(address: _Address) -> bool:
    if isinstance(address, IPv6Address):
        return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
    return address.is_global and not any(address in network for network in _REFUSED_V4)


def _literal(host: str) -> _Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _network(entry: str) -> _Network | None:
    try:
        return ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:
        return None


def _plain_host(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()

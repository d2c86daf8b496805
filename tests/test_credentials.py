"""OAuth: every form of a credential gets a token, once, and what is wrong with one is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from darkroom.credentials import SCOPE, Tokens
from darkroom.errors import UpstreamAuthFailed, UpstreamUnavailable
from darkroom.testing import EnterpriseUpstream, serve
from darkroom.testing.enterprise_tokens import TokenEndpoint, email_of, service_account

# google-auth asks no metadata server and no gcloud while it looks for default credentials.
QUIET = {"NO_GCE_CHECK": "true", "CLOUDSDK_CONFIG": "/nonexistent", "GOOGLE_CLOUD_PROJECT": "emulated"}


@dataclass(frozen=True, slots=True)
class Google:
    """The token endpoint, and where it is."""

    endpoint: TokenEndpoint
    url: str

    def account(self, name: str = "alice", **changed: Any) -> dict[str, Any]:
        return {**service_account(name, f"{self.url}/token"), **changed}

    def who(self, headers: dict[str, str]) -> str | None:
        return self.endpoint.who(headers["authorization"].removeprefix("Bearer "))


@asynccontextmanager
async def _google() -> AsyncIterator[Google]:
    upstream = EnterpriseUpstream(keys=("alice", "bob"))
    async with serve(upstream.app) as url:
        yield Google(upstream.tokens, url)


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    async with _google() as google:
        yield google


async def test_the_json_of_a_service_account(google: Google) -> None:
    headers = await Tokens().headers(json.dumps(google.account()))
    assert set(headers) == {"authorization"}
    assert google.who(headers) == email_of("alice")


async def test_a_file(google: Google, tmp_path: Path) -> None:
    path = tmp_path / "bob.json"
    path.write_text(json.dumps(google.account("bob")), "utf-8")
    assert google.who(await Tokens().headers(f"file:{path}")) == email_of("bob")


async def test_application_default_credentials(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "default.json"
    path.write_text(json.dumps(google.account()), "utf-8")
    for name, value in {**QUIET, "GOOGLE_APPLICATION_CREDENTIALS": str(path)}.items():
        monkeypatch.setenv(name, value)
    assert google.who(await Tokens().headers("adc")) == email_of("alice")


async def test_who_pays(google: Google) -> None:
    tokens, secret = Tokens(), json.dumps(google.account())
    assert (await tokens.headers(secret, "billing"))["x-goog-user-project"] == "billing"
    assert "x-goog-user-project" not in await tokens.headers(secret)


async def test_a_token_is_used_until_shortly_before_its_end(google: Google) -> None:
    tokens, secret = Tokens(), json.dumps(google.account())
    first = await tokens.headers(secret)
    assert await tokens.headers(secret) == first
    assert google.endpoint.given == 1
    tokens.forget(secret)
    assert await tokens.headers(secret) != first
    # One that would end within minutes is renewed before each request.
    google.endpoint.lifetime = 60
    tokens.forget(secret)
    await tokens.headers(secret)
    await tokens.headers(secret)
    assert google.endpoint.given == 4


async def test_many_that_come_at_once_get_one_token(google: Google) -> None:
    tokens, secret = Tokens(), json.dumps(google.account())
    found = await asyncio.gather(*(tokens.headers(secret) for _ in range(20)))
    assert google.endpoint.given == 1
    assert all(headers == found[0] for headers in found)


async def test_each_credential_has_its_own_token(google: Google) -> None:
    tokens = Tokens()
    secrets = [json.dumps(google.account(name)) for name in ("alice", "bob")]
    found = await asyncio.gather(*map(tokens.headers, secrets))
    assert [google.who(headers) for headers in found] == [email_of("alice"), email_of("bob")]


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("sk-a-plain-key", "`adc`, `file:"),
        ("", "`adc`, `file:"),
        ("file:/nowhere/at/all.json", "/nowhere/at/all.json can't be read: No such file"),
        ("{not json", "is not JSON"),
        ('{"type": "spaceship"}', "`spaceship`"),
        ('{"type": "service_account", "client_email": "a@b"}', "can't be used"),
        (
            '{"type": "service_account", "client_email": "a@b", "token_uri": "x", "private_key": "hush"}',
            "can't be used",
        ),
    ],
)
async def test_what_is_wrong_with_a_credential_is_said(secret: str, words: str) -> None:
    with pytest.raises(UpstreamAuthFailed) as caught:
        await Tokens().headers(secret)
    assert words in caught.value.message
    assert "hush" not in caught.value.message
    assert "sk-a-plain-key" not in caught.value.message


async def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]", "utf-8")
    with pytest.raises(UpstreamAuthFailed, match="no JSON object"):
        await Tokens().headers(f"file:{tmp_path}/list.json")


async def test_no_default_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**QUIET, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(UpstreamAuthFailed, match="default credentials were not found"):
        await Tokens().headers("adc")


async def test_an_account_that_google_does_not_know(google: Google) -> None:
    with pytest.raises(UpstreamAuthFailed, match="account not found"):
        await Tokens().headers(json.dumps(google.account("mallory")))


async def test_a_token_endpoint_that_is_down(google: Google) -> None:
    # google-auth tries thrice by itself, with pauses; a place where nobody listens fails at once.
    tokens = Tokens()
    with pytest.raises(UpstreamUnavailable, match=r"127\.0\.0\.1:9"):
        await tokens.headers(json.dumps(google.account(token_uri="http://127.0.0.1:9/token")))
    assert google.who(await tokens.headers(json.dumps(google.account()))) == email_of("alice")


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
async def test_a_token_uri_that_is_no_http(google: Google, uri: str) -> None:
    with pytest.raises(UpstreamUnavailable) as caught:
        await Tokens().headers(json.dumps(google.account(token_uri=uri)))
    assert "root:" not in caught.value.message


def test_the_scope_is_one_that_the_emulator_checks() -> None:
    assert SCOPE == "https://www.googleapis.com/auth/cloud-platform"

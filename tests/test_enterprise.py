"""Gemini Enterprise behind the gateway: seed 002, five turns under each policy, identities, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chats import FIVE, chat, check_description, check_five_turns, pictures_of
from cuts import new_lifts, same_for_all_cuts
from darkroom.database import UpstreamObject
from darkroom.dialects.gemini_enterprise import Engine, EventDecoder, encode_ask
from darkroom.dialects.gemini_enterprise.array import ArrayDecoder
from darkroom.errors import UpstreamBroken
from darkroom.events import Event, Failed, Finished, MediaProduced, ReasoningDelta, Started, TextDelta, UpstreamNamed
from darkroom.media import MediaKind
from darkroom.messages import Conversation, Message, Text
from darkroom.profiles import Profile
from darkroom.settings import ProviderSettings
from darkroom.sketch import film, paint, read_ancestry
from darkroom.testing import EnterpriseUpstream, serve
from darkroom.testing.enterprise_tokens import email_of
from darkroom.testing.enterprise_upstream import ENGINE
from running import House, Json, content_of, data_uri, links_in, message_of, picture, running, sha256, user

MODEL = "google/gemini-3-pro-preview"
ALICE = "alice"
LOTUS = "視覺風格: 超現實主義，電影感，8K畫質，由Unreal Engine 5渲染。\n主體與情感: 一個巨大、發光的金色蓮花座。"
TAKE_APART = (
    "请你完整反推这个视频：\n从镜头语言、运镜方式进行1:1拆解。\n请按以下结构输出：\n1. 视频完整拆解（带时间戳）"
)
WAIT = 30
"""Seconds after which a test gives up."""


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A gateway with the emulator as its provider `google`."""

    house: House
    upstream: EnterpriseUpstream
    url: str

    @property
    def asked(self) -> list[Json]:
        return self.upstream.asked(":streamAssist")

    async def objects(self) -> list[UpstreamObject]:
        return await self.house.gateway.database.upstreams.objects(1000)

    async def settled(self) -> None:
        """Let the cleanup do what is due."""
        await self.house.gateway.cleanup.run_due()


def row(upstream: EnterpriseUpstream, url: str, **fields: Any) -> ProviderSettings:
    fields.setdefault("api_keys", (upstream.credential(url, ALICE),))
    return ProviderSettings("google", upstream.base_url(url), dialect="gemini-enterprise", **fields)


@asynccontextmanager
async def enterprise(root: Path, *, allow: tuple[str, ...] = (), **fields: Any) -> AsyncIterator[Enterprise]:
    upstream = EnterpriseUpstream()
    async with (
        serve(upstream.app) as url,
        running(root, providers=[row(upstream, url, **fields)], allow=allow) as house,
    ):
        yield Enterprise(house, upstream, url)


@pytest.fixture
async def google(tmp_path: Path) -> AsyncIterator[Enterprise]:
    async with enterprise(tmp_path) as google:
        yield google


# Seed 002


@asynccontextmanager
async def elsewhere(**files: bytes) -> AsyncIterator[str]:
    """Serve files on another host, as far as loopback has others."""

    async def file(request: Request) -> Response:
        return Response(files[request.path_params["name"]], media_type="application/octet-stream")

    async with serve(Starlette(routes=[Route("/{name}.mp4", file)])) as url:
        yield url


async def is_settled(google: Enterprise) -> bool:
    """Wait until the table is empty, and tell whether nothing is left at the upstream: the worker has its own pace."""
    async with asyncio.timeout(WAIT):
        while await google.objects():  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.01)
    return google.upstream.sessions == {}


async def test_a_video_by_file_url(tmp_path: Path) -> None:
    data = film("a paper boat on a river").data
    async with elsewhere(clip=data) as url, enterprise(tmp_path, allow=("127.0.0.1",)) as google:
        parts = [{"type": "text", "text": TAKE_APART}, {"type": "file", "file_url": f"{url}/clip.mp4"}]
        body = {"model": MODEL, "temperature": 0, "stream": True, "messages": [{"role": "user", "content": parts}]}
        frames = await google.house.frames(body)
        assert frames[-1] == "[DONE]"
        said = "".join(
            choice["delta"].get("content") or "" for frame in frames[:-1] for choice in frame.get("choices", ())
        )
        assert said == f"clip.mp4 is video/mp4 of {len(data)} bytes."
        (upload,) = google.upstream.asked(":addContextFile")
        assert (upload["fileName"], upload["mimeType"]) == ("clip.mp4", "video/mp4")
        assert google.asked[0]["query"] == {"text": TAKE_APART}
        assert await is_settled(google)
        assert len(google.upstream.deleted) == 1


async def test_a_picture_in_parts(google: Enterprise) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": LOTUS}], "stream": False}
    status, answer = await google.house.post(body, **{"X-Darkroom-Output": "parts"})
    assert status == 200, answer
    *words, shown = content_of(answer)
    assert [part["type"] for part in words] == ["text"]
    made = await google.house.download(shown["image_url"]["url"])
    assert read_ancestry(made)[-1].parents == ()
    assert google.asked[0]["generationSpec"] == {"modelId": "gemini-3-pro-preview"}
    assert set(google.asked[0]["toolsSpec"]) == {"imageGenerationSpec", "videoGenerationSpec"}
    assert await is_settled(google)


async def test_inline_base64_for_the_assistants_own_model(google: Enterprise) -> None:
    shown = paint("a red barn", size=(640, 480)).data
    answer = await google.house.ask("google/gemini-enterprise", user("描述这张图片", picture(data_uri(shown))))
    assert "640x480" in content_of(answer)
    assert "generationSpec" not in google.asked[0]
    assert google.asked[0]["userMetadata"] == {"timeZone": "UTC", "preferredLanguageCode": "zh"}
    assert await is_settled(google)


async def test_a_video_is_made(google: Enterprise) -> None:
    answer = await google.house.ask(MODEL, "make a video of a paper boat", output="parts")
    (part,) = [part for part in content_of(answer) if part["type"] == "video_url"]
    assert (await google.house.download(part["video_url"]["url"]))[4:8] == b"ftyp"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_description(google: Enterprise, stream: bool) -> None:
    await check_description(google.house, MODEL, stream=stream)


# Five turns, under each policy


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_five_turns_each_in_a_session_of_its_own(google: Enterprise, stream: bool) -> None:
    await check_five_turns(google.house, MODEL, stream=stream)
    sessions = [each["session"] for each in google.asked]
    assert len(set(sessions)) == 5
    # What is edited is uploaded, and nothing else.
    assert [len(each.get("fileIds", ())) for each in google.asked] == [0, 1, 1, 1, 1]
    assert "Our conversation so far:\n\nUser: a lighthouse in a storm\n\nAssistant:" in google.asked[1]["query"]["text"]
    assert google.asked[1]["query"]["text"].endswith("\n\nNow:\nadd a small red boat")
    assert await is_settled(google)
    assert len(google.upstream.deleted) == 5


@pytest.mark.parametrize("policy", ["idle:15m", "keep"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_five_turns_in_one_session(tmp_path: Path, policy: str, stream: bool) -> None:
    async with enterprise(tmp_path, cleanup=policy) as google:
        await check_five_turns(google.house, MODEL, stream=stream)
        assert [each["query"]["text"] for each in google.asked] == list(FIVE)
        assert len({each["session"] for each in google.asked}) == 1
        assert google.upstream.asked(":addContextFile") == []
        await google.settled()
        assert len(google.upstream.sessions) == 1
        (held,) = await google.objects()
        assert (held.due is None) == (policy == "keep")


async def test_idle_time_begins_anew_with_each_turn(tmp_path: Path) -> None:
    async with enterprise(tmp_path, cleanup="idle:15m") as google:
        first = await google.house.ask(MODEL, "a lighthouse")
        (before,) = await google.objects()
        await google.house.ask(MODEL, "a lighthouse", message_of(first), "add a boat")
        (after,) = await google.objects()
        assert before.id == after.id
        assert (before.due or 0) < (after.due or 0)
        # Its time comes.
        await google.house.gateway.database.upstreams.set_due(after.id, 1)
        await google.settled()
        assert await is_settled(google)


async def test_a_branch_is_told_in_a_new_session(tmp_path: Path) -> None:
    async with enterprise(tmp_path, cleanup="idle:15m") as google:
        answers = await chat(google.house, MODEL, "a lighthouse", "add a red boat", "make the sky green")
        pictures = [sha256(data) for data in await pictures_of(google.house, answers)]
        # The client takes back what it said third, and says something else.
        history = [user("a lighthouse"), message_of(answers[0]), user("add a red boat"), message_of(answers[1])]
        branch = await google.house.ask(MODEL, *history, "add a whale instead")
        (made,) = await pictures_of(google.house, [branch])
        assert read_ancestry(made)[-1].parents == (pictures[1],)
        sessions = [each["session"] for each in google.asked]
        assert sessions[0] == sessions[1] == sessions[2] != sessions[3]
        told = google.upstream.sessions[sessions[3].rpartition("/")[2]].turns
        assert told[0].startswith("Our conversation so far:\n\nUser: a lighthouse\n\nAssistant: ")
        assert told[0].endswith("\n\nNow:\nadd a whale instead")
        # Both go on, each in its own; the branch is shown the first picture, which its session has never seen.
        tail = await google.house.ask(
            MODEL, *history, "add a whale instead", message_of(branch), "go back to the first picture, add a kite"
        )
        (made,) = await pictures_of(google.house, [tail])
        assert read_ancestry(made)[-1].parents == (pictures[0],)
        assert google.asked[4]["session"] == sessions[3]
        assert len(google.asked[4]["fileIds"]) == 1
        history += [user("make the sky green"), message_of(answers[2])]
        await google.house.ask(MODEL, *history, "add a moon")
        assert google.asked[5]["session"] == sessions[0]


async def test_what_was_shown_once_is_not_uploaded_again(tmp_path: Path) -> None:
    shown = data_uri(paint("a red barn", size=(640, 480)).data)
    async with enterprise(tmp_path, cleanup="idle:15m") as google:
        first = user("describe this picture", picture(shown))
        answer = await google.house.ask(MODEL, first)
        answer = await google.house.ask(MODEL, first, message_of(answer), "what is in the foreground?")
        assert "640x480" in content_of(answer)
        again = user("describe it once more", picture(shown))
        await google.house.ask(MODEL, first, message_of(answer), "and now?", message_of(answer), again)
        assert len(google.upstream.asked(":addContextFile")) == 2  # The last one was another history, in a new session.
        assert "fileIds" not in google.asked[1]


async def test_two_that_go_on_from_one_state_do_not_share_its_session(tmp_path: Path) -> None:
    async with enterprise(tmp_path, cleanup="idle:15m") as google:
        first = await google.house.ask(MODEL, "a lighthouse")
        history = [user("a lighthouse"), message_of(first)]
        made = await asyncio.gather(
            *(google.house.ask(MODEL, *history, prompt) for prompt in ("add a boat", "add a whale"))
        )
        (before,) = await pictures_of(google.house, [first])
        for data in await pictures_of(google.house, list(made)):
            assert read_ancestry(data)[-1].parents == (sha256(before),)
        _, one, other = (each["session"] for each in google.asked)
        assert one != other


async def test_a_session_that_is_gone_is_replaced(tmp_path: Path) -> None:
    async with enterprise(tmp_path, cleanup="keep") as google:
        first = await google.house.ask(MODEL, "a lighthouse")
        google.upstream.sessions.clear()
        second = await google.house.ask(MODEL, "a lighthouse", message_of(first), "add a boat")
        before, after = await pictures_of(google.house, [first, second])
        assert read_ancestry(after)[-1].parents == (sha256(before),)
        assert len({each["session"] for each in google.asked}) == 2
        assert len(google.upstream.sessions) == 1


async def test_a_session_of_somebody_else_is_replaced(tmp_path: Path) -> None:
    async with enterprise(tmp_path, cleanup="keep") as google:
        first = await google.house.ask(MODEL, "a lighthouse")
        (session,) = google.upstream.sessions.values()
        session.owner = email_of("mallory")
        await google.house.ask(MODEL, "a lighthouse", message_of(first), "add a boat")
        assert len({each["session"] for each in google.asked}) == 2


# Identities


async def test_each_owner_has_an_identity_and_sessions_of_his_own(tmp_path: Path) -> None:
    upstream = EnterpriseUpstream()
    async with serve(upstream.app) as url:
        identities = {name: upstream.credential(url, name) for name in ("alice", "bob")}
        provider = row(upstream, url, api_keys=(), identities=identities, cleanup="idle:15m")
        async with running(tmp_path, providers=[provider]) as house:
            secrets = {name: (await house.gateway.keys.create(name))[1] for name in ("alice", "bob", "carol")}
            answers: dict[str, Json] = {}
            for turn in ("a lighthouse", "add a boat"):
                for name in ("alice", "bob"):
                    said = [message_of(answers[name]), user(turn)] if name in answers else [user(turn)]
                    before = [user("a lighthouse")] if name in answers else []
                    headers = {"authorization": f"Bearer {secrets[name]}"}
                    status, answers[name] = await house.post({"model": MODEL, "messages": [*before, *said]}, **headers)
                    assert status == 200, answers[name]
            assert sorted(session.owner for session in upstream.sessions.values()) == [
                email_of("alice"),
                email_of("bob"),
            ]
            assert all(len(session.turns) == 2 for session in upstream.sessions.values())
            question = {"model": MODEL, "messages": [user("a boat")]}
            status, refused = await house.post(question, authorization=f"Bearer {secrets['carol']}")
            assert (status, refused["error"]["code"]) == (403, "forbidden")
            # One owner who sends the other's story gets a session of his own, and not the other's picture.
            story = [user("a lighthouse"), message_of(answers["alice"]), user("add a whale")]
            await house.post({"model": MODEL, "messages": story}, authorization=f"Bearer {secrets['bob']}")
            assert len(upstream.sessions) == 3
            (alices,) = [each for each in upstream.sessions.values() if each.owner == email_of("alice")]
            assert len(alices.turns) == 2


async def test_tokens_are_asked_for_once_and_show_who_pays(tmp_path: Path) -> None:
    async with enterprise(tmp_path, options={"user_project": "billing"}) as google:
        await chat(google.house, MODEL, "a lighthouse", "add a boat")
        assert await is_settled(google)
        assert google.upstream.tokens.given == 1
        asked = [each for each in google.upstream.requests if each.path != "/token"]
        assert {each.method for each in asked} == {"GET", "POST", "DELETE"}
        assert {each.headers.get("x-goog-user-project") for each in asked} == {"billing"}


async def test_a_token_that_was_revoked_is_replaced(google: Enterprise) -> None:
    await google.house.ask(MODEL, "a lighthouse")
    google.upstream.tokens.revoke()
    await google.house.ask(MODEL, "a lighthouse")
    assert google.upstream.tokens.given == 2


async def test_a_credential_that_is_refused(tmp_path: Path) -> None:
    upstream = EnterpriseUpstream(key="bob")
    async with serve(upstream.app) as url, running(tmp_path, providers=[row(upstream, url)]) as house:
        status, answer = await house.post({"model": MODEL, "messages": [user("a boat")]})
        assert (status, answer["error"]["code"]) == (502, "upstream_auth_failed")
        assert "account not found" in answer["error"]["message"]
        assert "PRIVATE KEY" not in json.dumps(answer)
        # The session was never created, and its row goes as soon as Google says so.
        (held,) = await house.gateway.database.upstreams.objects(10)
        assert held.kind == "session"


# What goes wrong


@pytest.mark.parametrize(
    ("word", "status", "code", "words"),
    [
        ("unsafe", 400, "content_policy_violation", "CUSTOMER_POLICY_VIOLATION"),
        ("gibberish", 400, "upstream_rejected", "say what is wanted"),
        ("collapse", 502, "upstream_broken", "its answer failed"),
        ("explode", 502, "upstream_broken", "Internal error encountered"),
    ],
)
async def test_answers_that_are_none(google: Enterprise, word: str, status: int, code: str, words: str) -> None:
    found, answer = await google.house.post({"model": MODEL, "messages": [user(f"something {word}")]})
    assert (found, answer["error"]["code"]) == (status, code), answer
    assert words in answer["error"]["message"]
    assert await is_settled(google)


async def test_a_model_that_there_is_not(google: Enterprise) -> None:
    status, answer = await google.house.post({"model": "google/gemini-99", "messages": [user("a boat")]})
    assert (status, answer["error"]["code"]) == (400, "upstream_rejected")
    assert await is_settled(google)


async def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    async with enterprise(tmp_path) as google:
        google.upstream._most_bytes = 100
        question = user("describe this picture", picture(data_uri(paint("a barn").data)))
        status, answer = await google.house.post({"model": MODEL, "messages": [question]})
        assert (status, answer["error"]["code"]) == (400, "upstream_rejected")
        assert "exceeds the limit" in answer["error"]["message"]
        assert await is_settled(google)


async def test_a_download_that_fails_at_first_is_tried_again(google: Enterprise) -> None:
    google.upstream.failing_downloads = 2
    answer = await google.house.ask(MODEL, "a lighthouse")
    assert len(links_in(content_of(answer))) == 1


async def test_what_is_made_may_lie_on_another_host(tmp_path: Path) -> None:
    async with enterprise(tmp_path, allow=("127.0.0.1",)) as google, serve(google.upstream.app) as other:
        google.upstream.files_url = other
        answer = await google.house.ask(MODEL, "a lighthouse")
        assert len(links_in(content_of(answer))) == 1


async def test_no_redirect_leads_past_the_guard(google: Enterprise) -> None:
    google.upstream.files_url = "http://127.0.0.2:9"
    status, answer = await google.house.post({"model": MODEL, "messages": [user("a lighthouse")]})
    assert (status, answer["error"]["code"]) == (502, "upstream_broken")
    assert "127.0.0.2" in answer["error"]["message"]
    assert len([each for each in google.upstream.requests if each.path.endswith(":downloadFile")]) == 1
    assert await is_settled(google)


async def test_a_client_that_leaves(google: Enterprise) -> None:
    """The picture is made and stored, and the session deleted, though nobody waits."""
    google.upstream.gate = asyncio.Event()
    body = {"model": MODEL, "stream": True, "messages": [user("a lighthouse")]}
    async with google.house.http.post("/v1/chat/completions", json=body) as response:
        await google.upstream.waiting.wait()
        response.close()
    google.upstream.gate.set()
    assert await is_settled(google)
    assert [media.origin for media in await google.house.media()] == ["generated"]


async def test_a_reader_that_leaves_ends_the_question(tmp_path: Path) -> None:
    async with enterprise(tmp_path, profile={"makes": []}) as google:
        google.upstream.gate = asyncio.Event()
        body = {"model": MODEL, "stream": True, "messages": [user("describe the sea")]}
        async with google.house.http.post("/v1/chat/completions", json=body) as response:
            await google.upstream.waiting.wait()
            response.close()
        await google.upstream.left.wait()
        assert "toolsSpec" not in google.asked[0] or google.asked[0]["toolsSpec"] == {}
        assert await is_settled(google)


async def test_a_gateway_that_stops_deletes_what_it_created(tmp_path: Path) -> None:
    async with enterprise(tmp_path) as google:
        await google.house.ask(MODEL, "a lighthouse")
        upstream = google.upstream
    assert upstream.sessions == {}


# The decoder

SESSION = "/sessions/s1"


def decoded(data: bytes | list[bytes]) -> list[Event]:
    decoder = EventDecoder(new_lifts(), SESSION, "m")
    found = [event for piece in (data if isinstance(data, list) else [data]) for event in decoder.decode(piece)]
    return found + decoder.flush()


def plain(events: list[Event]) -> list[Any]:
    """Return events as what can be compared: a lifted run by its hash."""
    return [
        (
            "media",
            event.kind,
            event.url,
            event.lifted.sha256 if event.lifted else None,
            event.lifted and event.lifted.error,
        )
        if isinstance(event, MediaProduced)
        else event
        for event in events
    ]


def reply(**content: Any) -> Json:
    return {"replies": [{"groundedContent": {"content": {"role": "model", **content}}}], "state": "IN_PROGRESS"}


def stream(*answers: Json) -> bytes:
    chunks = [{"answer": answer, "assistToken": "T"} for answer in answers]
    return ("[" + "\n,\r\n".join(json.dumps(chunk, indent=1) for chunk in chunks) + "]\n").encode()


PNG = paint("a dot", size=(64, 64)).data
ANSWER = stream(
    reply(text='Think {["ing\\', thought=True),
    reply(inlineData={"mimeType": "image/png", "data": data_uri(PNG).partition(",")[2]}, thought=True),
    reply(text="Here: ]}, 画 "),
    reply(text="it is."),
    reply(inlineData={"mimeType": "image/png", "data": data_uri(PNG).partition(",")[2]}),
    reply(file={"mimeType": "video/mp4", "fileId": "4 2"}),
    reply(file={"mimeType": "video/mp4", "fileId": "4 2"}),
    reply(file={"mimeType": "text/csv", "fileId": "43"}),
    reply(executableCode={"code": "print(1)"}),
    reply(codeExecutionResult={"outcome": "OUTCOME_OK", "output": "1"}),
    {"state": "SUCCEEDED", "name": "assistAnswers/1"},
)


def test_an_answer_is_the_same_however_it_is_cut() -> None:
    found = same_for_all_cuts(ANSWER, lambda pieces: plain(decoded(pieces)), every=len(ANSWER) < 20_000)
    assert found == [
        Started("T", "m"),
        ReasoningDelta('Think {["ing\\'),
        TextDelta("Here: ]}, 画 "),
        TextDelta("it is."),
        ("media", MediaKind.IMAGE, None, sha256(PNG), None),
        UpstreamNamed("file_id", "4 2"),
        ("media", MediaKind.VIDEO, f"{SESSION}:downloadFile?fileId=4%202&alt=media", None, None),
        TextDelta("[file 43, text/csv]"),
        ReasoningDelta("\n```\nprint(1)\n```\n"),
        ReasoningDelta("\n```\n1\n```\n"),
        Finished("stop", whole=True),
    ]


def test_a_large_picture_is_lifted() -> None:
    noise = paint("a busy harbour full of boats", size=(512, 512)).data + bytes(range(256)) * 40
    data = stream(reply(inlineData={"mimeType": "image/png", "data": data_uri(noise).partition(",")[2]}))
    found = same_for_all_cuts(data, lambda pieces: plain(decoded(pieces)), every=False)
    assert ("media", MediaKind.IMAGE, None, sha256(noise), None) in found


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"[]", [Started(None, "m"), Finished("stop", whole=True)]),
        (b"\xef\xbb\xbf [ ]", [Started(None, "m"), Finished("stop", whole=True)]),
        (stream(reply(text="x"))[:-2], [Started("T", "m"), TextDelta("x"), Finished("stop", whole=False)]),
        (stream(reply(text="x"))[1:-2], [Started("T", "m"), TextDelta("x"), Finished("stop", whole=True)]),
    ],
)
def test_ends(data: bytes, events: list[Event]) -> None:
    assert same_for_all_cuts(data, decoded) == events


@pytest.mark.parametrize(
    "data", [b"", b" ", b"<html>", b"data: {}", b"[1]", b'["x"]', b"{} {}", b"[{}] {}", b"[{", b'[{"a": nope}]']
)
def test_what_is_no_answer(data: bytes) -> None:
    def run(pieces: list[bytes]) -> str:
        with pytest.raises(UpstreamBroken):
            decoded(pieces)
        return "broken"

    assert same_for_all_cuts(data, run) == "broken"


def test_an_error_in_the_stream() -> None:
    error = {"error": {"code": 429, "message": "Quota exceeded for sessions.", "status": "RESOURCE_EXHAUSTED"}}
    data = stream(reply(text="x"))[:-2] + b"," + json.dumps(error).encode() + b"]"
    *_, last = decoded(data)
    assert isinstance(last, Failed)
    assert last.error.code == "rate_limit"


def test_an_element_has_a_limit() -> None:
    decoder = ArrayDecoder(100)
    decoder.decode(b'[{"a": "' + b"x" * 50)
    with pytest.raises(UpstreamBroken):
        decoder.decode(b"x" * 60)


# The question

ENGINE_AT = Engine.of(f"http://127.0.0.1:1/v1/{ENGINE}", {})


def asked(*messages: tuple[str, str], options: Json | None = None, files: tuple[str, ...] = ()) -> tuple[str, Json]:
    said: tuple[Message, ...] = tuple(Message(role, (Text(text),)) for role, text in messages)  # type: ignore[arg-type]
    engine = Engine.of(ENGINE_AT.base_url, options or {})
    request = encode_ask(engine, Conversation("m", said), Profile(), "s", files)
    (body,) = request.pieces
    assert isinstance(body, bytes)
    return request.path, json.loads(body)


def test_instructions_come_first() -> None:
    _, body = asked(("system", "Be brief."), ("user", "hello"))
    assert body["query"] == {"text": "Be brief.\n\nhello"}


def test_a_story_is_told_in_the_language_of_the_question() -> None:
    _, body = asked(("user", "画一只猫"), ("assistant", "好的"), ("user", "再画一只狗"))
    assert body["query"]["text"] == "到目前为止的对话：\n\n用户: 画一只猫\n\n助手: 好的\n\n现在：\n再画一只狗"


def test_options() -> None:
    options = {"assistant": "mine", "tools": {"webGroundingSpec": {}}, "time_zone": "Asia/Shanghai", "language": "ja"}
    path, body = asked(("user", "hello"), options=options)
    assert path == "/assistants/mine:streamAssist"
    assert body["toolsSpec"] == {"webGroundingSpec": {}}
    assert body["userMetadata"] == {"timeZone": "Asia/Shanghai", "preferredLanguageCode": "ja"}


def test_only_what_has_files_goes_to_the_version_that_knows_them() -> None:
    assert asked(("user", "hello"))[0] == "/assistants/default_assistant:streamAssist"
    path, body = asked(("user", "hello"), files=("1",))
    assert path == f"http://127.0.0.1:1/v1alpha/{ENGINE}/assistants/default_assistant:streamAssist"
    assert body["fileIds"] == ["1"]
    path, _ = asked(("user", "hello"), files=("1",), options={"files_version": "v1"})
    assert path == f"http://127.0.0.1:1/v1/{ENGINE}/assistants/default_assistant:streamAssist"

"""What upstreams remember: which state of a conversation is gone on from, and what is told again.

Told by what arrived at the upstream, over real sockets.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chats import FIVE, pictures_of
from darkroom.cleanup import Cleanup
from darkroom.database import Database
from darkroom.dialects.relay_text import read_transcript
from darkroom.dialects.relay_writer import TranscriptWriter
from darkroom.errors import StorageFailed
from darkroom.events import Progress
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Remote, Text
from darkroom.replay import Turn
from darkroom.sketch import paint
from darkroom.testing import ResponsesUpstream
from darkroom.threads import digests
from darkroom.uploads import Uploaded
from running import House, Json, content_of, message_of, sha256, user
from test_responses import MODEL, connected, parents, texts_of

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


async def say(house: House, messages: list[Json], text: str, **how: Any) -> Json:
    """Say one thing more, and keep the answer in the history as it came."""
    messages.append(user(text))
    answer = await house.ask(MODEL, *messages, **how)
    messages.append(message_of(answer))
    return answer


@STREAM
@pytest.mark.parametrize("output", ["markdown", "parts", "images", "inline", "transcript"])
async def test_an_answer_is_known_again_in_every_shape(tmp_path: Path, output: str, stream: bool) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        messages: list[Json] = []
        for text in FIVE[:2]:
            await say(house, messages, text, output=output, stream=stream)
    assert [texts_of(body) for body in upstream.asked] == [[text] for text in FIVE[:2]]


async def test_a_picture_that_an_upstream_was_not_told_of_is_shown_when_it_is_meant(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        messages: list[Json] = []
        answers = [await say(house, messages, text) for text in FIVE[:2]]
        upstream.forget()
        answers.append(await say(house, messages, FIVE[2]))  # Told whole, with the second picture alone.
        answers.append(await say(house, messages, FIVE[3]))
        answers.append(await say(house, messages, FIVE[4]))
        pictures = await pictures_of(house, answers)
    hashes = [sha256(data) for data in pictures]
    assert [[hashes.index(parent) for parent in parents(data)] for data in pictures] == [[], [0], [1], [0], [3]]
    assert [texts_of(body) for body in upstream.asked[-2:]] == [[text] for text in FIVE[3:]]
    assert all("previous_response_id" in body for body in upstream.asked[-2:])
    assert upstream.requests[-1].size < 600  # What it has seen by now is not shown again.


async def test_another_name_and_another_url_are_another_state() -> None:
    def state(text: str = "what is it?", url: str = "https://images.example/a?id=1", **extra: Any) -> str:
        parts = (Text(text), MediaPart(MediaKind.IMAGE, Remote(url)))
        return digests([Turn(Message("user", parts, extra=extra))])[0]

    states = [state(), state(url="https://images.example/a?id=2"), state(name="bob"), state(name="eve"), state("what?")]
    assert len(set(states)) == len(states)
    assert state(" what is\r\nit?") == state()


@pytest.mark.parametrize("late", [False, True], ids=["first", "late"])
def test_what_a_transcript_says_besides_is_read(late: bool) -> None:
    writer = TranscriptWriter("en")
    begun = writer.progress(Progress("running")) if late else ""
    text = begun + writer.plan({"prompt": "a cat"}) + writer.generation("gen_01jqwte8yjf7haxqc521b7z2wf")
    text += writer.picture("a cat", "https://images.example/cat.png") + "Here it is."
    found = read_transcript(text)
    assert found is not None
    assert found.said.strip() == "Here it is."


async def test_an_answer_outlives_what_could_not_be_remembered_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        monkeypatch.setattr(type(house.gateway.database.upstreams), "add_thread", _refuses)
        messages: list[Json] = []
        await say(house, messages, FIVE[0])
        assert [row.status for row in await house.generations()] == ["completed"]
        await say(house, messages, FIVE[1])
    assert "previous_response_id" not in upstream.asked[-1]


@STREAM
async def test_a_client_is_told_when_an_end_could_not_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    async with connected(tmp_path, ResponsesUpstream(key="sesame")) as house:
        monkeypatch.setattr(Database, "finish_generation", _refuses)
        body = {"model": MODEL, "messages": [user(FIVE[0])]}
        told = (await house.frames(body))[-2] if stream else (await house.post(body))[1]
        assert told["error"]["code"] == "storage_failed"
        assert len(told["darkroom"]["media"]) == len(await house.media()) == 1


@pytest.mark.parametrize("what", ["set_object", "set_due"])
async def test_an_upload_is_let_go_of_when_it_can_not_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    async def send() -> Uploaded:
        return Uploaded("https://up.example/files/one")

    let_go: list[str] = []
    release = Cleanup.release

    async def noted(self: Cleanup, target: Any, id: str) -> None:
        let_go.append(id)
        await release(self, target, id)

    async with connected(tmp_path, ResponsesUpstream(key="sesame")) as house:
        gateway = house.gateway
        target = gateway.providers.routes(MODEL, "local")[0]
        media = await house.upload(paint("a barn").data)
        uploads = gateway.chat.means.uploads
        if what == "set_due":  # It is there already, and to be used once more.
            known = await uploads.hold(target, "local", media, "/files/one", send)
            await gateway.cleanup.release(target, known.id)
        monkeypatch.setattr(Cleanup, "release", noted)
        with monkeypatch.context() as patch:
            patch.setattr(type(gateway.database.upstreams), what, _refuses)
            with pytest.raises(StorageFailed):
                await uploads.hold(target, "local", media, "/files/one", send)
        (row,) = await gateway.database.upstreams.objects(10)
        assert let_go == [row.id]


async def test_two_who_ask_the_same_go_on_from_their_own(tmp_path: Path) -> None:
    upstream = ResponsesUpstream(key="sesame")
    async with connected(tmp_path, upstream) as house:
        question = user("describe nothing")
        one, two = await asyncio.gather(house.ask(MODEL, question), house.ask(MODEL, question))
        assert content_of(one) == content_of(two)
        await house.ask(MODEL, question, message_of(one), user("describe it again"))
        resolver = house.gateway.chat.resolver
        routes = house.gateway.providers.routes(MODEL, "local")
        from_there = [Message("user", (Text("describe nothing"),)), Message("assistant", (Text(content_of(one)),))]
        asked = Conversation(MODEL, (*from_there, Message("user", (Text("describe it again"),))))
        mine, theirs = [await resolver.resolve(asked, owner, routes) for owner in ("local", "somebody else")]
    assert upstream.asked[-1]["previous_response_id"] in upstream.kept
    assert mine.attempts[0].previous in upstream.kept
    assert [each.previous for each in theirs.attempts] == [None]


async def _refuses(*args: Any, **named: Any) -> None:
    raise StorageFailed("the disk is full")

"""`POST /v1/chat/completions`: the main door."""

from __future__ import annotations

from starlette.requests import Request

from darkroom.clock import nonce, now
from darkroom.dialects.openai_chat import AnswerHead, EventEncoder, assemble, decode_request
from darkroom.endpoints.body import read_lifted
from darkroom.endpoints.door import Asked, Door, Writer, output_of
from darkroom.gateway import Gateway
from darkroom.lifted import Lifts
from darkroom.messages import Conversation
from darkroom.reply import Reply


class ChatCompletions(Door):
    async def read(self, request: Request, gateway: Gateway, lifts: Lifts) -> Asked:
        body = await read_lifted(request, lifts, gateway.settings.limits)
        conversation = decode_request(body, lifts, gateway.settings.limits.parts)
        return Asked(conversation, lambda answer: _writer(_head(gateway, request, conversation, answer), answer))


def _head(gateway: Gateway, request: Request, conversation: Conversation, answer: Reply) -> AnswerHead:
    return AnswerHead(
        f"chatcmpl-{nonce()}",
        conversation.model,
        now() // 1000,
        output_of(request, request.state.output or answer.output or gateway.settings.output),
        gateway.settings.public_url,
        answer.language,
        conversation.include_usage,
    )


def _writer(head: AnswerHead, answer: Reply) -> Writer:
    told = answer.report, answer.generation
    return Writer(lambda: EventEncoder(head, *told), lambda events: assemble(head, events, *told))

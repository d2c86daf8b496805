"""How each dialect's upstream is asked: one request where that is enough, and where it is not, a file of its own."""

from darkroom.dialects import openai_chat, openai_images
from darkroom.exchanges import a1111, comfyui, gemini, gemini_enterprise, gemini_interactions, openai_responses
from darkroom.exchanges.call import Call, Exchange, Means, one_request

EXCHANGES: dict[str, Exchange] = {
    "a1111": a1111.exchange,
    "comfyui": comfyui.exchange,
    "gemini": gemini.exchange,
    "gemini-enterprise": gemini_enterprise.exchange,
    "gemini-interactions": gemini_interactions.exchange,
    "openai-chat": one_request(openai_chat.WIRE),
    "openai-images": one_request(openai_images.WIRE),
    "openai-responses": openai_responses.exchange,
}

__all__ = ["EXCHANGES", "Call", "Exchange", "Means", "one_request"]

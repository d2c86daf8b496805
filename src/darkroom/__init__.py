"""Darkroom: an OpenAI-compatible media gateway."""

__version__ = "0.1.0"

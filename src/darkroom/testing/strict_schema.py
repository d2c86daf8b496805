"""What the APIs take as a JSON schema for structured output, and what they refuse of it.

Sources: OpenAI's guide on structured outputs ("supported schemas": every property required, `additionalProperties`
false, no `default`, no composition but `anyOf`), Google's on `responseJsonSchema`, and the proto behind
`responseSchema`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TYPES = {"string", "number", "integer", "boolean", "object", "array", "null"}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COMMON = frozenset(
    "type description enum items properties required minItems maxItems minimum maximum anyOf format".split()
)
_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class _Subset:
    """What an API takes of JSON Schema. `strict`: objects as in OpenAI's strict mode; `single`: one type each."""

    words: frozenset[str]
    strict: bool = False
    single: bool = False

    def fault(self, schema: Any, depth: int = 1) -> str | None:
        """Return the first fault of a schema and of those in it, or None."""
        if not isinstance(schema, Mapping):
            return f"{schema!r} is not valid under any of the given schemas."
        if depth > _DEEPEST:
            return f"the schema is nested deeper than {_DEEPEST} levels."
        if unknown := sorted(set(schema) - self.words):
            return f"'{unknown[0]}' is not permitted."
        own = self._fault_of_type(schema) or (self._fault_of_object(schema) if self.strict else None)
        inner = [*(schema.get("properties") or {}).values(), *schema.get("anyOf", ())]
        inner += [schema["items"]] if "items" in schema else []
        return own or next(filter(None, (self.fault(each, depth + 1) for each in inner)), None)

    def _fault_of_type(self, schema: Mapping[str, Any]) -> str | None:
        types = schema.get("type", [])
        if self.single and not isinstance(types, str):
            return "Proto field is not repeating, cannot start list."
        listed = {types.lower()} if isinstance(types, str) else {*types}
        missing = not listed and "anyOf" not in schema
        return "schema must have a 'type' key." if missing or not listed <= _TYPES else None

    def _fault_of_object(self, schema: Mapping[str, Any]) -> str | None:
        if "object" not in schema.get("type", ()):
            return None
        if schema.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false."
        if {*schema.get("properties", {})} != {*schema.get("required", ())}:
            return "'required' is required to be supplied and to be an array including every key in properties."
        return None


_OPENAI = _Subset(
    _COMMON | set("additionalProperties const pattern exclusiveMinimum exclusiveMaximum multipleOf".split()),
    strict=True,
)
_GEMINI = _Subset(_COMMON | set("additionalProperties title prefixItems oneOf propertyOrdering".split()))
_GEMINI_PROTO = _Subset(
    _COMMON | set("title nullable propertyOrdering default example minLength maxLength pattern".split()), single=True
)


def fault_of_strict(format: Any) -> str | None:
    """Return what OpenAI finds wrong with the table of a JSON schema format: `name`, `schema`, `strict`, or None."""
    if not isinstance(format, Mapping) or not isinstance(format.get("schema"), Mapping):
        return "Missing required parameter: 'schema'."
    if not isinstance(format.get("name"), str) or not _NAME.fullmatch(format["name"]):
        return "Invalid 'name': string does not match pattern. Expected a string that matches '^[a-zA-Z0-9_-]+$'."
    if format.get("strict") is not True:
        return None
    if format["schema"].get("type") != "object":
        return "schema must be a JSON Schema of 'type: \"object\"'."
    return _OPENAI.fault(format["schema"])


def fault_of_gemini(config: Mapping[str, Any]) -> str | None:
    """Return what Gemini finds wrong with the schemas of a `generationConfig`, or None."""
    given = [name for name in ("responseSchema", "responseJsonSchema") if config.get(name) is not None]
    if not given:
        return None
    if len(given) > 1:
        return "Only one of response_schema and response_json_schema may be set."
    if config.get("responseMimeType") != "application/json":
        return "A response schema needs response_mime_type application/json."
    subset = _GEMINI if given == ["responseJsonSchema"] else _GEMINI_PROTO
    return subset.fault(config[given[0]])

"""Everything that can go wrong, once.

    DarkroomError
    ├── ClientError                    the request was wrong
    │   ├── MalformedRequest           400  not JSON, or not the shape that the door takes
    │   ├── UnsupportedPart            400  a content part that nobody here understands
    │   ├── InvalidMedia               400  bytes that are not what they claim to be
    │   ├── UrlRefused                 400  an address that the guard does not fetch
    │   ├── UrlUnreachable             400  an address that did not answer with media
    │   ├── Unauthorized               401
    │   ├── Forbidden                  403
    │   ├── NotFound                   404
    │   │   └── UnknownModel           404
    │   ├── MethodNotAllowed           405
    │   ├── Conflict                   409  what it is about is in another state than the request takes it to be
    │   ├── PreconditionFailed         412  a version of a protocol that is not spoken here
    │   ├── TooLarge                   413  body, media, pixels or parts over a limit
    │   ├── WrongType                  415  a body of another type than the door takes
    │   ├── RangeNotSatisfiable        416
    │   ├── KeyReused                  422  an idempotency key that belongs to another request
    │   ├── TooManyRequests            429  Darkroom's own limits
    │   ├── ChecksumMismatch           460  bytes that are not those that the client sent; the number is tus's
    │   └── Cancelled                  499  the client left before the end
    ├── UpstreamError                  the upstream failed
    │   ├── UpstreamRejected           400  it refused the request as it stood
    │   │   └── UpstreamForgot         400  it does not know any more what it was reminded of
    │   ├── ContentPolicyViolation     400  it refused the content
    │   ├── UpstreamNotFound           404  it does not know the model or the file
    │   ├── UpstreamRateLimited        429
    │   ├── UpstreamAuthFailed         502  our credentials for it are wrong
    │   ├── UpstreamBroken             502  its answer can't be read, or ended too early
    │   ├── UpstreamBadMedia           502  it sent something that is no picture or video
    │   ├── PlanInvalid                502  it was asked for a plan, and its answer is none
    │   ├── UpstreamUnavailable        503  it can't be reached
    │   └── UpstreamTimeout            504
    └── GatewayError                   Darkroom failed
        ├── ConfigInvalid              500
        ├── StorageFailed              500
        └── Overloaded                 503

An error is a code, a status and a fault; the message says what happened and what to do. Foreign exceptions are
translated where the IO is, and turned into HTTP at the door alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

SHORTEST_SECRET = 6
"""What is shorter gives nothing away, and would blank out half of the words."""

Fault = Literal["client", "upstream", "gateway"]


class DarkroomError(Exception):
    """The root; never raised itself.

    `message` is for the user; `param` names the field at fault, as OpenAI does (`messages[2].content[0]`);
    `retry_after` is in seconds. `elsewhere`: nothing was made, and another key or provider may do better.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    type: ClassVar[str] = "server_error"
    fault: ClassVar[Fault] = "gateway"

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.elsewhere = False

    def hide(self, secrets: Iterable[str]) -> None:
        """Take secrets out of the message: upstreams like to quote the key that they refuse."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self.message = self.message.replace(secret, "…")

    def body(self) -> dict[str, Any]:
        """Return the error in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


class ClientError(DarkroomError):
    status = 400
    code = "invalid_request"
    type = "invalid_request_error"
    fault = "client"


class MalformedRequest(ClientError):
    code = "malformed_request"


class UnsupportedPart(ClientError):
    code = "unsupported_part"


class InvalidMedia(ClientError):
    code = "invalid_media"


class UrlRefused(ClientError):
    code = "url_refused"


class UrlUnreachable(ClientError):
    code = "url_unreachable"


class Unauthorized(ClientError):
    status = 401
    code = "invalid_api_key"
    type = "authentication_error"


class Forbidden(ClientError):
    status = 403
    code = "forbidden"
    type = "permission_error"


class NotFound(ClientError):
    status = 404
    code = "not_found"


class UnknownModel(NotFound):
    code = "model_not_found"


class MethodNotAllowed(ClientError):
    status = 405
    code = "method_not_allowed"


class Conflict(ClientError):
    status = 409
    code = "conflict"


class PreconditionFailed(ClientError):
    status = 412
    code = "precondition_failed"


class TooLarge(ClientError):
    status = 413
    code = "too_large"


class WrongType(ClientError):
    status = 415
    code = "wrong_type"


class RangeNotSatisfiable(ClientError):
    status = 416
    code = "range_not_satisfiable"


class KeyReused(ClientError):
    status = 422
    code = "idempotency_key_reused"


class TooManyRequests(ClientError):
    status = 429
    code = "rate_limit_exceeded"
    type = "rate_limit_error"


class ChecksumMismatch(ClientError):
    status = 460
    code = "checksum_mismatch"


class Cancelled(ClientError):
    status = 499
    code = "cancelled"


class UpstreamError(DarkroomError):
    status = 502
    code = "upstream_error"
    type = "upstream_error"
    fault = "upstream"


class UpstreamRejected(UpstreamError):
    status = 400
    code = "upstream_rejected"


class UpstreamForgot(UpstreamRejected):
    code = "upstream_forgot"


class ContentPolicyViolation(UpstreamError):
    status = 400
    code = "content_policy_violation"
    type = "image_generation_user_error"


class UpstreamNotFound(UpstreamError):
    status = 404
    code = "upstream_not_found"


class UpstreamRateLimited(UpstreamError):
    status = 429
    code = "rate_limit"
    type = "rate_limit_error"


class UpstreamAuthFailed(UpstreamError):
    code = "upstream_auth_failed"


class UpstreamBroken(UpstreamError):
    code = "upstream_broken"


class UpstreamBadMedia(UpstreamError):
    code = "upstream_bad_media"


class PlanInvalid(UpstreamError):
    """`complaints` say what is wrong with a plan, each in a sentence that its model can act upon."""

    code = "plan_invalid"

    def __init__(self, *complaints: str, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(" ".join(complaints), param=param, retry_after=retry_after)
        self.complaints = complaints


class UpstreamUnavailable(UpstreamError):
    status = 503
    code = "upstream_unavailable"


class UpstreamTimeout(UpstreamError):
    status = 504
    code = "upstream_timeout"


class GatewayError(DarkroomError):
    pass


class ConfigInvalid(GatewayError):
    code = "config_invalid"


class StorageFailed(GatewayError):
    code = "storage_failed"


class Overloaded(GatewayError):
    status = 503
    code = "overloaded"

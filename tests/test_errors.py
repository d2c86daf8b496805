"""The tree of errors: what its drawing says is what the classes are."""

from __future__ import annotations

import re

import pytest

from darkroom import errors
from darkroom.endpoints.errors import error_response
from darkroom.errors import DarkroomError

_ROW = re.compile(r"^ {4}(?P<indent>[│ ├└─]*)(?P<name>[A-Z]\w+)(?: +(?P<status>\d{3}))?", re.MULTILINE)


def drawn() -> dict[str, tuple[str | None, int | None]]:
    """Read the drawing: class → its parent's name and its status, where one is drawn."""
    found: dict[str, tuple[str | None, int | None]] = {}
    above: list[tuple[int, str]] = []
    for row in _ROW.finditer(errors.__doc__ or ""):
        depth = len(row["indent"])
        while above and above[-1][0] >= depth:
            above.pop()
        found[row["name"]] = (above[-1][1] if above else None, int(row["status"]) if row["status"] else None)
        above.append((depth, row["name"]))
    return found


def family(root: type[DarkroomError] = DarkroomError) -> list[type[DarkroomError]]:
    return [root, *(found for child in root.__subclasses__() for found in family(child))]


def classes() -> list[type[DarkroomError]]:
    return [kind for kind in family() if kind.__module__ == errors.__name__]


LEAVES = [kind for kind in classes() if kind not in (DarkroomError, errors.ClientError, errors.GatewayError)]


def test_the_drawing_names_every_class() -> None:
    assert set(drawn()) == {kind.__name__ for kind in classes()}
    assert len(drawn()) > 20


@pytest.mark.parametrize("kind", classes())
def test_a_class_hangs_where_it_is_drawn(kind: type[DarkroomError]) -> None:
    parent, status = drawn()[kind.__name__]
    assert kind.__base__ is not None
    assert parent == (None if kind is DarkroomError else kind.__base__.__name__)
    assert status in (None, kind.status)


@pytest.mark.parametrize("kind", LEAVES)
def test_a_class_that_is_raised_has_a_status_in_the_drawing(kind: type[DarkroomError]) -> None:
    if kind is not errors.UpstreamError:
        assert drawn()[kind.__name__][1] == kind.status


def test_nobody_else_adds_a_code_or_a_status() -> None:
    """A module may tell a case of its own apart; to the client it is the error that it refines."""
    for kind in family():
        if kind not in classes():
            parent = kind.__base__
            assert parent in classes()
            assert (kind.code, kind.status, kind.type) == (parent.code, parent.status, parent.type)


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in classes() if kind is not errors.GatewayError]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", classes())
def test_the_fault_fits_the_branch_and_the_status(kind: type[DarkroomError]) -> None:
    branch = {errors.ClientError: "client", errors.UpstreamError: "upstream", errors.GatewayError: "gateway"}
    for root, fault in branch.items():
        if issubclass(kind, root):
            assert kind.fault == fault
    if kind.fault == "client":
        assert 400 <= kind.status < 500
    if kind.fault == "gateway":
        assert kind.status >= 500


@pytest.mark.parametrize("kind", classes())
def test_the_body_is_openais(kind: type[DarkroomError]) -> None:
    error = kind("something happened", param="messages[0]")
    assert error.body() == {
        "error": {"message": "something happened", "type": kind.type, "param": "messages[0]", "code": kind.code}
    }
    assert str(error) == "something happened"


def test_the_response_has_the_status_and_the_headers() -> None:
    response = error_response(errors.TooManyRequests("slower", retry_after=1.2))
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert response.headers["content-type"] == "application/json"
    assert error_response(errors.Unauthorized("who?")).headers["www-authenticate"] == "Bearer"
    assert "retry-after" not in error_response(errors.NotFound("gone")).headers

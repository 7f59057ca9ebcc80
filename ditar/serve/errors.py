"""Errors for clients: OpenAI's form, with the value and the remedy in the message."""

import json
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.routing import Match

log = logging.getLogger("uvicorn.error")
SHOWN_CHARACTERS = 80  # of a value that is quoted
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "not_found", 413: "too_large", 429: "queue_full", 503: "unavailable"}


class ErrorFacts(BaseModel):
    """type: of OpenAI's kinds; param: the field that is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorAnswer(BaseModel):
    """The body of every answer that is an error, as /docs describes it."""

    error: ErrorFacts


class ApiError(Exception):
    """An answer that is an error. param: the field that is wrong."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status, self.message, self.param = status, message, param
        self.code, self.headers = code or _CODES.get(status), dict(headers or {})

    def body(self) -> dict[str, Any]:
        """In OpenAI's form."""
        kind = _TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        # ASCII: a quoted value may hold halves of characters
        return Response(json.dumps(self.body()), self.status, self.headers, "application/json")


def shown(value: Any) -> str:
    """A value as an error quotes it, in one line of plain characters."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


def of_validation(errors: Iterable[Mapping[str, Any]], fields: Iterable[str] = ()) -> ApiError:
    """An answer for pydantic's errors. fields: the existing ones, to be named if one is unknown."""
    said, param = [], None
    for error in errors:
        names = [part for part in error["loc"] if isinstance(part, str) and part not in ("body", "query", "path")]
        place = ".".join(names) or "the body"
        param = param or (place if names else None)
        if error["type"] == "extra_forbidden":
            said.append(f"there is no field {shown(names[-1])}; there are {', '.join(fields)}")
        elif error["type"] == "missing":
            said.append(f"{place} is missing; give it")
        elif error["type"] == "json_invalid":
            said.append(f"the body is not JSON ({error['ctx']['error']}); send a JSON object")
        elif isinstance(given := error.get("input"), bytes):
            body = shown(given.decode(errors="replace"))
            said.append(
                f"the body {body} was not sent as JSON; send a JSON object with Content-Type: application/json"
            )
        elif isinstance(given, UploadFile):
            said.append(f"{place} must be text, got the file {shown(given.filename)}; send what is in it: "
                        f"curl -F '{place}=<FILE'")  # fmt: skip
        elif "UploadFile" in error["msg"]:
            said.append(f"{place} must be a file, got {shown(given)}; send it as one: curl -F {place}=@FILE")
        else:
            reason = error["msg"][:1].lower() + error["msg"][1:]
            said.append(f"{place}: {reason}, got {shown(given)}")
    message = "; ".join(dict.fromkeys(said)) or "the request is not valid"
    return ApiError(422, message, param=param, code="invalid_value")


async def on_validation(request: Request, error: RequestValidationError) -> Response:
    """FastAPI's handler of what pydantic refused."""
    return of_validation(error.errors(), fields_of(request)).response()


def fields_of(request: Request) -> Iterable[str]:
    """The names of the fields that the body of a request may have."""
    body = getattr(request.scope.get("route"), "body_field", None)
    model = None if body is None else body.field_info.annotation
    return getattr(model, "model_fields", ())


def check_fields(given: Iterable[str], known: Iterable[str], ignored: Iterable[str]) -> None:
    """ApiError: a form has a field that is neither `known` nor `ignored`: FastAPI would leave it out in silence."""
    unknown = [{"type": "extra_forbidden", "loc": ("body", name)} for name in given if name not in {*known, *ignored}]
    if unknown:
        raise of_validation(unknown, known)


async def on_api_error(request: Request, error: ApiError) -> Response:
    return error.response()


async def on_http_error(request: Request, error: HTTPException) -> Response:
    """Unknown paths and methods, bodies that are too large or no text, and what the framework itself refuses."""
    status = HTTPStatus(error.status_code)
    is_form = "form" in request.headers.get("content-type", "")
    messages = {
        400: f"the body is no form ({error.detail.rstrip('.')}); send one as curl -F makes it" if is_form else
        "the body is not JSON in UTF-8, or nested too deeply; send a JSON object in UTF-8",
        404: f"there is nothing at {shown(request.url.path)}; see /docs",
        405: f"{request.method} is not for {shown(request.url.path)}; see /docs",
        413: "the body is larger than is taken here; send less",
    }
    message = messages.get(error.status_code, f"{status.phrase}: {error.detail}")
    headers = {"Allow": _allowed(request)} if status == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return ApiError(error.status_code, message, headers=headers).response()


def _allowed(request: Request) -> str:
    """The methods of a path, of all its routes: the framework names those of the first. HEAD: see `HeadAsGet`."""
    found = [route for route in request.app.routes if route.matches(request.scope)[0] != Match.NONE]
    methods = {method for route in found for method in getattr(route, "methods", None) or ()}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def failure() -> ApiError:
    """The answer to an internal error: a client learns nothing more; the log has the traceback."""
    log.exception("a request failed")
    return ApiError(500, "something went wrong on the server; its log says what", code="server_error")


async def on_failure(request: Request, error: Exception) -> Response:
    """FastAPI's handler of unexpected errors, which it logs, too."""
    return failure().response()

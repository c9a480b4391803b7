"""The application: routes, errors, pages put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from wetread._version import __version__
from wetread.errors import OutsideError, WetreadError
from wetread.room import schemas
from wetread.room.cases import Cases
from wetread.room.context import Room, current
from wetread.room.files import BlobStore, disk_error
from wetread.room.middleware import Guard, bug
from wetread.room.oidc import Provider
from wetread.room.problems import STATUS, Problem
from wetread.room.routes import (
    admin,
    help,
    reader_studies,
    reports,
    session,
    single_sign_on,
    statistics,
    studies,
    uploads,
    worklist,
)
from wetread.room.settings import Settings
from wetread.room.store import Store

__all__ = ["create_app", "make_room", "open_store"]

STATIC = Path(__file__).parent / "static"
_CODES = {
    400: "the request cannot be read",
    401: "not logged in",
    403: "not allowed, CSRF token missing, or wrong password at signing",
    404: "not there",
    405: "no such method here",
    409: "conflict, claimed, or not in this state",
    413: "too large",
    422: "a field or file is wrong",
    429: "too many requests or wrong passwords",
    500: "a bug",
    503: "database or disk out of reach",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.ErrorBody, "description": text} for code, text in _CODES.items()
}
_FALLBACK = (
    "<!doctype html><html lang='en'><meta charset='utf-8'><title>wetread: log in</title>"
    "<h1>wetread</h1><p>The page is not built into this installation; see frontend/ in the source, or use the API "
    "(log in by POST /api/login).</p><p>Research use; not a medical device.</p></html>"
)


def open_store(settings: Settings) -> Store:
    """Make the data folder and the tables where they are absent. Raises OutsideError where that cannot be done."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise OutsideError(f"The data folder {settings.data} cannot be made ({error.strerror}).") from error
    store = Store(settings)
    try:
        store.migrate()
    except SQLAlchemyError as error:
        store.close()
        raise OutsideError(_database_words(error)) from error
    return store


def _database_words(error: SQLAlchemyError) -> str:
    text = str(getattr(error, "orig", error)).casefold()
    if "disk is full" in text or "no space" in text or "disk full" in text:
        return "The disk of the database is full; nothing acknowledged was lost, free some space and try again."
    if "readonly" in text or "unable to open" in text or "read-only" in text:
        return "The database cannot be written; check the data folder's rights and the disk."
    return "The database cannot be reached; what you typed is kept in this window, try again in a moment."


def make_room(settings: Settings, store: Store, similar: Cases | None = None) -> Room:
    """The parts of one server process."""
    sso = None if settings.oidc is None else Provider(settings.oidc, store)
    return Room(settings, store, BlobStore(settings.films), BlobStore(settings.cache), similar, sso)


def create_app(settings: Settings, *, similar: Cases | None = None, store: Store | None = None) -> FastAPI:
    """The reading room as an ASGI application; ``app.state.room`` holds its parts.

    Args:
        settings: see ``Settings``.
        similar: the index of similar cases, of which a line is shown and from which erased studies go.
        store: a database that is open already.
    """
    app = FastAPI(
        title="wetread reading room",
        version=__version__,
        description="Research use; not a medical device.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.room = make_room(settings, store or open_store(settings), similar)
    api = APIRouter(prefix="/api", responses=_RESPONSES)
    api.include_router(session.public)
    if settings.oidc is not None:
        api.include_router(single_sign_on.router)
    private = APIRouter(dependencies=[Depends(current)])
    for module in (session, worklist, uploads, studies, reports, help, statistics, admin, reader_studies):
        private.include_router(module.router)
    private.add_api_route("/openapi.json", _openapi, methods=["GET"], tags=["session"], response_model=dict[str, Any])
    api.include_router(private)
    app.include_router(api)
    app.add_api_route(
        "/api/{path:path}", _no_route, methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
    )
    app.add_api_route("/static/{path:path}", _static, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/{path:path}", _page, methods=["GET", "HEAD"], include_in_schema=False)
    _handle_errors(app)
    app.add_middleware(Guard, settings=settings)
    return app


def _openapi(request: Request) -> dict[str, Any]:
    """The description of this interface."""
    schema: dict[str, Any] = request.app.openapi()
    return schema


def _no_route(_: str = Depends(current)) -> None:
    raise Problem("not_found", "There is no such thing in this interface.")


def _static(path: str) -> Response:
    file = (STATIC / path).resolve()
    if not file.is_relative_to(STATIC.resolve()) or not file.is_file():
        raise Problem("not_found", "There is no such file.")
    return FileResponse(file, headers={"Cache-Control": "no-cache"})


def _page(path: str) -> Response:
    file = STATIC / "index.html"
    if not file.is_file():
        return HTMLResponse(_FALLBACK)
    return FileResponse(file, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})


def _answer(problem: Problem) -> JSONResponse:
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return JSONResponse(problem.body(), status_code=problem.status, headers=headers)


def _from_ours(error: WetreadError) -> Problem:
    if isinstance(error, OutsideError):
        return Problem("outside", str(error))
    if error.http_status < 500:
        return Problem("input", str(error))
    return Problem("bug", str(error))


def _from_http(error: HTTPException) -> Problem:
    by_status = {status: code for code, status in reversed(list(STATUS.items()))}
    code = "not_found" if error.status_code == 404 else by_status.get(error.status_code, "input")
    problem = Problem(code, str(error.detail).rstrip(".") + ".")
    problem.status = error.status_code
    return problem


def _from_validation(error: RequestValidationError) -> Problem:
    fields = [
        {"field": ".".join(str(part) for part in e["loc"][1:]), "message": str(e["msg"])[:200]}
        for e in error.errors()[:20]
    ]
    named = fields[0]["field"] if fields else ""
    problem = Problem("input", f"The field '{named}' is wrong: {fields[0]['message']}." if fields else "Wrong request.")
    problem.extra = {"error": {"code": "input", "message": problem.message, "fields": fields}}
    return problem


def _from_database(error: SQLAlchemyError) -> Problem:
    text = str(getattr(error, "orig", error)).casefold()
    wrong_words = "syntax" in text or "no such" in text  # SQLite calls our own mistakes operational, too
    down = isinstance(error, OperationalError | InterfaceError | PoolTimeout) and not wrong_words
    if down or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return Problem("outside", _database_words(error))
    return bug(error)


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(Problem, lambda _, e: _answer(e))
    app.add_exception_handler(WetreadError, lambda _, e: _answer(_from_ours(e)))
    app.add_exception_handler(HTTPException, lambda _, e: _answer(_from_http(e)))
    app.add_exception_handler(RequestValidationError, lambda _, e: _answer(_from_validation(e)))
    app.add_exception_handler(SQLAlchemyError, lambda _, e: _answer(_from_database(e)))
    app.add_exception_handler(OSError, lambda _, e: _answer(_from_ours(disk_error(e))))

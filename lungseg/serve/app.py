"""The server behind the page: it answers this machine's browser alone, one film at a time, and keeps none."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from lungseg.serve.answers import Looking

HOSTS = ("127.0.0.1", "localhost")  # any other name that leads here is another page's (DNS rebinding)
PAGE = Path(__file__).parent / "page"
LONGEST = 30.0  # seconds for a film to arrive, after which others have their turn
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def make_app(looking: Looking, longest: float = LONGEST) -> Starlette:
    """The application.

    A film is taken in only once the film before it is done: there is never more than one in memory, and whoever
    waits holds nothing but a connection.

    Args:
        looking: What looks at the films.
        longest: Seconds for a film to arrive.
    """
    one_at_a_time = asyncio.Lock()

    async def about(_: Request) -> Response:
        return JSONResponse(looking.about())

    async def films(request: Request) -> Response:
        if int(request.headers.get("content-length") or 0) > looking.most_bytes:
            raise _too_large(looking.most_bytes)
        async with one_at_a_time:
            content = await _received(request, looking.most_bytes, longest)
            answer = await run_in_threadpool(looking.answer, content, request.query_params.get("name", ""))
        return JSONResponse(answer)

    return Starlette(
        routes=[
            Route("/about", about),
            Route("/films", films, methods=["POST"]),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ],
        middleware=[
            Middleware(BaseHTTPMiddleware, dispatch=_guarded),
            Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
        ],
        exception_handlers={HTTPException: _told},
    )


async def _received(request: Request, most: int, longest: float) -> bytes:
    """The body of a request.

    Raises:
        HTTPException: It is empty, larger than `most` bytes, or does not arrive in time.
    """
    chunks, size = [], 0
    try:
        async with asyncio.timeout(longest):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                chunks.append(chunk)
    except TimeoutError as error:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The film stopped coming. Give it again.") from error
    except ClientDisconnect as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The page went away.") from error
    if not size:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The file is empty. Bring it again.")
    return b"".join(chunks)


def _too_large(most: int) -> HTTPException:
    told = f"The file is larger than {most} bytes. Look whether it is the film that you mean."
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)


async def _guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Nothing is sent here but by the page itself, and every answer says what a browser may do with it."""
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if request.method not in ("GET", "HEAD") and request.headers.get("origin") != own:
        response: Response = JSONResponse({"error": "Films come from the page itself alone."}, HTTPStatus.FORBIDDEN)
    else:
        try:
            response = await call_next(request)
        except Exception:
            traceback.print_exc()  # an error of lungseg: for the terminal, with its place
            told = "An error in lungseg; the terminal shows it. The page can go on."
            response = JSONResponse({"error": told}, HTTPStatus.INTERNAL_SERVER_ERROR)
    response.headers.update(HEADERS)
    return response


async def _told(_: Request, error: Exception) -> Response:
    """An error as the page reads it, in one sentence."""
    assert isinstance(error, HTTPException)  # noqa: S101 - no other is sent here
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)

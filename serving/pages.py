"""The pages for people: one to try the models on, and one that describes the endpoints.

Both are made in the browser from what the server says of itself; folder `page` holds their files.
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from serving.openapi.described import described

HTML = {"type": "string"}
FOLDER = Path(__file__).parent / "page"
# Pictures and sounds of an answer are addresses of the page's own; all else is the server's.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# Asked for again each time, and sent again only if it changed.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


@described(HTML, media="text/html")
async def page(request: Request) -> Response:
    """A page to try the models in a browser."""
    return FileResponse(FOLDER / "index.html", headers=HEADERS)


@described(HTML, media="text/html")
async def docs(request: Request) -> Response:
    """A page of the endpoints, made from /openapi.json."""
    return FileResponse(FOLDER / "docs.html", headers=HEADERS)


def routes() -> list[BaseRoute]:
    """The two pages, and the files that they load."""
    return [Route("/", page), Route("/docs", docs), Mount("/page", _Files(directory=FOLDER))]

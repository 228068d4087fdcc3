"""The demo page as `make page` built it: served beside the REST API, or written for any web server."""

import importlib.resources
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from yolact_tf.detect.engines import LiteRTEngine
from yolact_tf.files import PathLike, new_folder

if TYPE_CHECKING:
    from starlette.routing import Route

INDEX, SETTINGS = "index.html", "page.json"
HOW_TO_BUILD = "The page is not built: run `make page` in a checkout (it needs Node 20 or newer)"
_MEDIA_TYPES = {  # named here, as a machine's own table may lack some
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
}
# The page's own policy is in index.html, for any server to hold; this is what only a header can say.
# Isolated from other origins, a browser lends WebAssembly several threads.
_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# Every build gives other names to what has changed, but for the index.
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


def page_routes(name: str) -> "list[Route]":
    """Starlette's routes of `/` and what it loads: a page that asks this server's model `name`.

    Where the page is not built, `/` says how to.
    """
    from starlette.responses import FileResponse, JSONResponse, Response
    from starlette.routing import Route

    def show(path):
        async def answer(request):
            caching = {"Cache-Control": "no-cache"} if path.name == INDEX else _FOR_GOOD
            return FileResponse(path, media_type=_MEDIA_TYPES[path.suffix], headers=_HEADERS | caching)

        return answer

    async def settings(request):
        return JSONResponse({"name": name, "server": "", "model": name})

    async def explain(request):
        text = f"<!doctype html><title>No page</title><p>{HOW_TO_BUILD}. The REST API answers without it.\n"
        return Response(text, 503, media_type="text/html")

    files = built_files()
    if not files:
        return [Route("/", explain)]
    routes = [Route(f"/{place}", show(path)) for place, path in files.items()]
    return [Route("/", show(files[INDEX])), Route(f"/{SETTINGS}", settings), *routes]


def write_page(folder: PathLike, model: PathLike) -> Path:
    """Writes a page that needs no server of ours: any web server can hold `folder`, and browsers run `model`.

    folder: a new or an empty one; it appears whole or not at all.  model: a `.tflite` of `yolact export`
    with detections. Returns the folder.
    """
    folder, model = Path(folder), Path(model)
    files = built_files()
    if not files:
        raise ValueError(HOW_TO_BUILD)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"OUT must be a new or an empty folder. Received: {str(folder)!r}, which is not")
    if model.suffix != ".tflite" or not model.is_file():
        raise FileNotFoundError(f"--model must be a .tflite file. Received: {str(model)!r}")
    if LiteRTEngine(model).ends_with_heads:
        raise ValueError(
            "--model must end with detections, as the recipes litert_float32 and litert_explore have it. "
            f"Received: {str(model)!r}, which ends with the network's raw outputs"
        )
    with new_folder(folder) as made:
        for place, path in files.items():
            (made / place).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, made / place)
        shutil.copyfile(model, made / model.name)
        settings = {"name": model.stem, "file": model.name}
        (made / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")
    return folder


def built_files() -> dict[str, Path]:
    """Place below the page -> Path, {} where the page was not built."""
    root = Path(str(importlib.resources.files("yolact_tf.serve").joinpath("static")))
    if not (root / INDEX).is_file():
        return {}
    paths = [path for path in sorted(root.rglob("*")) if path.suffix in _MEDIA_TYPES]
    return {path.relative_to(root).as_posix(): path for path in paths}

"""HTML pages of numbers and pictures that load nothing from elsewhere, legible on a phone and in the dark."""

import base64
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from yolact_tf.files import PathLike, write_text

_TEMPLATE = Path(__file__).with_name("page.html")


def write_page(
    path: PathLike,
    title: str,
    about: str,
    tiles: Mapping[str, str],
    sections: Iterable[tuple[str, str]],
) -> None:
    """Writes a page of `tiles`, name -> number, above `sections`, (title, HTML).

    Sections without HTML are left out. Titles, about and the names of tiles are text.
    """
    shown = "".join(
        f'<div class="tile"><b>{value}</b>{html.escape(name)}</div>' for name, value in tiles.items()
    )
    bodies = (f"<section><h2>{html.escape(name)}</h2>{body}</section>" for name, body in sections if body)
    page = _TEMPLATE.read_text(encoding="utf-8")
    for name, content in {
        "title": html.escape(title),
        "about": html.escape(about),
        "tiles": shown,
        "sections": "\n".join(bodies),
    }.items():
        page = page.replace("{{" + name + "}}", content)
    write_text(path, page)


def table(heading: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "") -> str:
    """HTML of a table, the cells of which are HTML; `kind` is a class of the page's style, such as "text"."""
    lines = ["".join(f"<th>{cell}</th>" for cell in heading)]
    lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table class="{kind}">{body}</table></div>'


def picture(path: Path, is_chart: bool = False, is_wide: bool = False) -> str:
    """HTML of a PNG or JPEG, the file itself inside.

    is_chart: drawn on white, so turned over where the page is dark.  is_wide: of many parts, so that it
    scrolls on a phone and does not shrink.
    """
    kinds = ["chart"] * is_chart + ["many"] * is_wide
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    source = f"data:image/{'jpeg' if path.suffix == '.jpg' else 'png'};base64,{content}"
    return f'<div class="wide"><img class="{" ".join(kinds)}" alt="{path.stem}" src="{source}"></div>'


def number(value: float, digits: int = 3) -> str:
    """A fraction or a count as text; a dash where COCO has none (-1) or nothing was measured."""
    return f"{value:.{digits}f}" if math.isfinite(value) and value >= 0 else "–"

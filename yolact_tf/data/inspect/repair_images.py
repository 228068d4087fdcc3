"""Images of a mended copy: their annotations upright, their files of formats that TensorFlow decodes."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from yolact_tf.data.coco.turning import turn_annotation
from yolact_tf.data.inspect.check_files import ImageFile
from yolact_tf.files import link_or_copy
from yolact_tf.images.orientation import turned_size
from yolact_tf.images.png_copies import png_names, write_png

Files = Mapping[Path, ImageFile]


def copies_of(files: Files) -> dict[Path, Path]:
    """{path of an image that TensorFlow does not decode: the path that its PNG would have beside it}."""
    others = [str(path) for path, file in files.items() if file.header and file.header.other]
    names = png_names(map(str, files), others)
    return {Path(path): Path(png) for path, png in names.items()}


def mend_images(
    content: Mapping[str, Any], folder: Path, files: Files, copies: Mapping[Path, Path]
) -> tuple[dict[str, Any], dict[str, Path], Counter[str]]:
    """(COCO content whose annotations are upright and whose images are decodable, {file name: the file that
    it is made of}, Counter of what that took).

    folder: of the images.  copies: as `copies_of` gives them.
    """
    images, sizes, turns, sources = [], {}, {}, {}
    done: Counter[str] = Counter()
    for image in content["images"]:
        path, size = folder / image["file_name"], (image["width"], image["height"])
        sizes[image["id"]], turns[image["id"]] = size, files[path].turn(*size) or 1
        width, height = turned_size(size, turns[image["id"]])
        name = image["file_name"]
        if path in copies:
            name = PurePath(name).with_name(copies[path].name).as_posix()
        images.append({**image, "file_name": name, "width": width, "height": height})
        sources[name] = path
        done["annotations of stored pixels turned upright, by image"] += turns[image["id"]] != 1
        done["images written as PNG"] += path in copies
    annotations = [
        turn_annotation(a, sizes[a["image_id"]], turns[a["image_id"]]) for a in content["annotations"]
    ]
    return {**content, "images": images, "annotations": annotations}, sources, done


def put_image(source: Path, path: Path, as_png: bool) -> None:
    """Puts an image file at `path`: a PNG of it, a hard link where the disk allows it, else a copy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if as_png:
        write_png(source, path)
    else:
        link_or_copy(source, path)

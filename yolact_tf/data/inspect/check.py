"""Finds what is wrong with a data folder before training meets it: files, ids, boxes, masks, splits.

This file compares entries with each other; `unchecked` reads them, `check_files` looks at the images,
`check_objects` at one annotation, `problems` knows the kinds, `repair` writes a mended copy.
"""

from collections import Counter

from yolact_tf.data.coco.entries import image_key, parse_image, parse_object, reference_faults
from yolact_tf.data.coco.json_numbers import whole_number
from yolact_tf.data.coco.layouts import is_documented
from yolact_tf.data.coco.problems import Malformed, Problem
from yolact_tf.data.inspect.check_files import check_file, look_at_files
from yolact_tf.data.inspect.check_objects import check_object, key_of_object
from yolact_tf.data.inspect.unchecked import image_paths, read_splits, steps_of
from yolact_tf.files import PathLike
from yolact_tf.structures import Progress


def check(folder: PathLike, decode: bool = False, progress: Progress | None = None) -> list[Problem]:
    """[Problem] of the splits in a data folder; `load_coco` takes one without errors as it is.

    decode: also decodes every image in full.  progress: called as progress(done, total) after each image
    file and each annotation.
    ValueError for a file that is not COCO JSON, FileNotFoundError for a folder without a split.
    """
    splits = read_splits(folder)
    advance = steps_of(splits, progress)
    files = look_at_files(image_paths(splits), decode, advance)
    problems: list[Problem] = []
    for split in splits:
        problems += _check_entries(split, files)
        problems += _check_ids(split)
        problems += _check_annotations(split, advance)
        problems += _check_copies(split)
        problems += [split.problem(k, example, count=n) for k, (n, example) in split.accents.items()]
        problems += _check_use(split)
        problems += _check_twins(split, files)
        if not is_documented(folder, split.annotation_file, split.image_folder):
            message = f"read as {split.name}, with the images in {split.image_folder.name}/"
            problems.append(split.problem("layout of another tool", message))
    if [split.name for split in splits] == ["train"]:
        message = f"`yolact data split {folder} OUT --val 0.2` makes one, which training needs"
        problems.append(splits[0].problem("no validation split", message))
    if len(splits) == 2:
        train, val = splits
        problems += _check_categories(train, val)
        problems += _check_shared(train, val, files)
    return problems


def _images_by_id(split):
    """{id: ImageEntry}, None for an id that several entries have."""
    counts = Counter(image.image_id for image in split.images)
    return {image.image_id: image if counts[image.image_id] == 1 else None for image in split.images}


def _check_entries(split, files):
    for image in split.content["images"]:
        try:
            parse_image(image)
        except Malformed as fault:
            yield split.problem(fault.kind, str(fault), part=f"image {image['id']!r}")
    entries = {(image.file_name, image.width, image.height): image for image in split.images}
    for (_, width, height), image in entries.items():
        path = split.path(image)
        for kind, message in check_file(path, files[path], width, height):
            yield split.problem(kind, message, image)
    if not any(files[split.path(i)].turn(i.width, i.height) for i in split.images):
        yield split.problem("empty split", "expected at least one readable image. Received: none")


def _check_ids(split):
    content = split.content
    ids = [image.image_id for image in split.images]
    yield from _repeated(split, "duplicate image id", "image", ids)
    ids = [a["id"] for a in content["annotations"] if isinstance(a.get("id"), (int, str))]
    yield from _repeated(split, "duplicate annotation id", "annotation", ids)
    if 0 in ids:  # COCO's evaluation takes it for "no match": the object counts as missed
        yield split.problem("annotation id 0", "expected ids from 1. Received: 0", part="annotation 0")
    ids = [whole_number(category["id"]) for category in content["categories"]]
    yield from _repeated(split, "duplicate category", "category", ids)
    first = {}
    for category_id, name in split.labels.items():
        known = first.setdefault(name.strip().casefold(), category_id)
        if known != category_id:
            message = f"expected another name than that of category {known}. Received: {name!r}"
            yield split.problem("category name twice", message, part=f"category {category_id}")
    # Entries that share the id as well are one problem, not two.
    paths = {(image.image_id, split.path(image)): image for image in split.images}
    counts = Counter(path for _, path in paths)
    for path, image in {path: image for (_, path), image in paths.items()}.items():
        if counts[path] > 1:
            message = f"expected one image entry a file. Received: {counts[path]}"
            yield split.problem("duplicate file name", message, image)


def _repeated(split, kind, noun, ids):
    for value, count in Counter(ids).items():
        if count > 1:
            message = f"expected ids to be unique. Received: {value!r} {count} times"
            yield split.problem(kind, message, part=f"{noun} {value}")


def _check_annotations(split, advance):
    images = _images_by_id(split)
    # Those of malformed entries too: an annotation of one is no further problem.
    keys = {image_key(image["id"]) for image in split.content["images"]} - {None}
    for annotation in split.content["annotations"]:
        advance()
        name = f"annotation {annotation.get('id', '(no id)')}"
        for fault in reference_faults(annotation, keys, split.labels):
            yield split.problem(fault.kind, str(fault), part=name)
        image = images.get(image_key(annotation["image_id"]))
        if image:
            for fault in check_object(annotation, image.height, image.width):
                yield split.problem(fault.kind, str(fault), image, name)


def _check_copies(split):
    first = {}
    for annotation in split.content["annotations"]:
        known = first.setdefault(key_of_object(annotation), annotation)
        if known is not annotation:
            message = (
                f"expected another object than that of annotation {known.get('id', '(no id)')}. "
                "Received: the same image, class, box and mask"
            )
            part = f"annotation {annotation.get('id', '(no id)')}"
            yield split.problem("object twice", message, part=part)


def _check_use(split):
    """Notes on images and classes without objects, and a warning where there is nothing to learn from."""
    images = _images_by_id(split)
    annotations = split.content["annotations"]
    used_images = {image_key(annotation["image_id"]) for annotation in annotations}
    used_classes = {whole_number(annotation["category_id"]) for annotation in annotations}
    for key, image in images.items():
        if image and key not in used_images:
            yield split.problem("image without objects", "no annotations", image)
    for category_id, name in split.labels.items():
        if category_id not in used_classes:
            part = f"category {category_id} ({name})"
            yield split.problem("class without objects", "no annotations", part=part)
    kinds = {_use_of(annotation, images) for annotation in annotations}
    if "object" not in kinds:
        received = "crowds only" if "crowd" in kinds else "none that is usable" if kinds else "no annotations"
        yield split.problem(
            "split without objects", f"expected an object to learn from. Received: {received}"
        )


def _use_of(annotation, images):
    """ "object" for an annotation that trains, "crowd" for one of those, None for one that is no good."""
    image = images.get(image_key(annotation["image_id"]))
    entry = image and parse_object(annotation, image.height, image.width)[0]
    return None if not entry else "crowd" if entry.is_crowd else "object"


def _check_twins(split, files):
    first = {}
    for path, image in sorted({split.path(image): image for image in split.images}.items()):
        digest = files[path].digest
        if digest and digest in first:
            message = f"expected another picture than in {first[digest]}. Received: the same bytes"
            yield split.problem("same picture twice", message, image)
        first.setdefault(digest, image.file_name)


def _check_categories(train, val):
    expected, received = train.labels, val.labels
    differing = [key for key in sorted(expected | received) if expected.get(key) != received.get(key)]
    if differing:
        key = differing[0]
        message = (
            f"expected the categories of {train.annotation_file.name}, {key} being {expected.get(key)!r}. "
            f"Received: {received.get(key)!r} ({len(differing)} differ)"
        )
        yield val.problem("different categories", message, part=f"category {key}")


def _check_shared(train, val, files):
    paths = {train.path(image) for image in train.images}
    by_name = sorted(train.images, key=lambda image: image.file_name, reverse=True)
    pictures = {files[train.path(image)].digest: image.file_name for image in by_name}
    for path, image in {val.path(image): image for image in val.images}.items():
        digest = files[path].digest
        if path in paths:
            message = "expected in one split only. Received: the same file name in train"
            yield val.problem("image in both splits", message, image)
        elif digest and digest in pictures:
            message = f"expected in one split only. Received: the bytes of {pictures[digest]} in train"
            yield val.problem("image in both splits", message, image)

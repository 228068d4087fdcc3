"""Finds what is wrong with a data folder before training meets it: files, ids, boxes, masks, splits.

This file compares entries with each other; `splits` reads them, `check_files` looks at the images,
`check_objects` at one annotation, `problems` knows the kinds, `repair` writes a mended copy.
"""

from collections import Counter

from yolact_tf.data.check_files import check_file, look_at_files
from yolact_tf.data.check_objects import check_object
from yolact_tf.data.splits import entry_fault, image_paths, is_key, read_splits, steps_of


def check(folder, decode=False, progress=None):
    """[Problem] of the splits in a data folder; `load_coco` takes one without errors as it is.

    decode: also decodes every image in full.  progress: called as progress(done, total) after each image
    file and each annotation.
    ValueError for a file that is not COCO JSON, FileNotFoundError for a folder without a split.
    """
    splits = read_splits(folder)
    advance = steps_of(splits, progress)
    files = look_at_files(image_paths(splits), decode, advance)
    problems = []
    for split in splits:
        problems += _check_entries(split, files)
        problems += _check_ids(split)
        problems += _check_annotations(split, advance)
        problems += _check_use(split)
        problems += _check_twins(split, files)
    if len(splits) == 2:
        problems += _check_categories(*splits)
        problems += _check_shared(*splits, files)
    return problems


def _images_by_id(split):
    """{id: image entry}, None for an id that several entries have."""
    counts = Counter(image["id"] for image in split.images)
    return {image["id"]: image if counts[image["id"]] == 1 else None for image in split.images}


def _check_entries(split, files):
    for image in split.content["images"]:
        if fault := entry_fault(image):
            yield split.problem("malformed image entry", fault, part=f"image {image['id']!r}")
    entries = {(image["file_name"], image["width"], image["height"]): image for image in split.images}
    for (_, width, height), image in entries.items():
        path = split.path(image)
        for kind, message in check_file(path, files[path], width, height):
            yield split.problem(kind, message, image)
    if not any(files[split.path(i)].size == (i["width"], i["height"]) for i in split.images):
        yield split.problem("empty split", "expected at least one readable image. Received: none")


def _check_ids(split):
    content = split.content
    ids = [image["id"] for image in split.images]
    yield from _repeated(split, "duplicate image id", "image", ids)
    ids = [a["id"] for a in content["annotations"] if isinstance(a.get("id"), (int, str))]
    yield from _repeated(split, "duplicate annotation id", "annotation", ids)
    if 0 in ids:  # COCO's evaluation takes it for "no match": the object counts as missed
        yield split.problem("annotation id 0", "expected ids from 1. Received: 0", part="annotation 0")
    ids = [category["id"] for category in content["categories"]]
    yield from _repeated(split, "duplicate category", "category", ids)
    # Entries that share the id as well are one problem, not two.
    paths = {(image["id"], split.path(image)): image for image in split.images}
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
    ids = {image["id"] for image in split.content["images"] if isinstance(image["id"], (int, float, str))}
    categories = {category["id"] for category in split.content["categories"]}
    for annotation in split.content["annotations"]:
        advance()
        image_id, category_id = annotation["image_id"], annotation["category_id"]
        name = f"annotation {annotation.get('id', '(no id)')}"
        if not is_key(image_id, ids):
            message = f"expected the id of one of {len(ids)} images as `image_id`. Received: {image_id!r}"
            yield split.problem("unknown image", message, part=name)
        if not is_key(category_id, categories):
            message = f"expected the id of a category as `category_id`. Received: {category_id!r}"
            yield split.problem("unknown category", message, part=name)
        image = images.get(image_id) if is_key(image_id, images) else None
        if image:
            for kind, message in check_object(annotation, image["height"], image["width"]):
                yield split.problem(kind, message, image, name)


def _check_use(split):
    """Notes on images and classes without objects."""
    images = _images_by_id(split)
    classes = {c["id"]: f"category {c['id']} ({c['name']})" for c in split.content["categories"]}
    annotations = split.content["annotations"]
    used_images = {a["image_id"] for a in annotations if is_key(a["image_id"], images)}
    used_classes = {a["category_id"] for a in annotations if is_key(a["category_id"], classes)}
    for image_id, image in images.items():
        if image and image_id not in used_images:
            yield split.problem("image without objects", "no annotations", image)
    for category_id, name in classes.items():
        if category_id not in used_classes:
            yield split.problem("class without objects", "no annotations", part=name)


def _check_twins(split, files):
    first = {}
    for path, image in sorted({split.path(image): image for image in split.images}.items()):
        digest = files[path].digest
        if digest and digest in first:
            message = f"expected another picture than in {first[digest]}. Received: the same bytes"
            yield split.problem("same picture twice", message, image)
        first.setdefault(digest, image["file_name"])


def _check_categories(train, val):
    expected, received = ({c["id"]: c["name"] for c in s.content["categories"]} for s in (train, val))
    differing = [key for key in sorted(expected | received) if expected.get(key) != received.get(key)]
    if differing:
        key = differing[0]
        message = (
            f"expected the categories of {train.annotation_file.name}, {key} being {expected.get(key)!r}. "
            f"Received: {received.get(key)!r} ({len(differing)} differ)"
        )
        yield val.problem("different categories", message, part=f"category {key}")


def _check_shared(train, val, files):
    names = {image["file_name"] for image in train.images}
    by_name = sorted(train.images, key=lambda image: image["file_name"], reverse=True)
    pictures = {files[train.path(image)].digest: image["file_name"] for image in by_name}
    for path, image in {val.path(image): image for image in val.images}.items():
        digest = files[path].digest
        if image["file_name"] in names:
            message = "expected in one split only. Received: the same file name in train"
            yield val.problem("image in both splits", message, image)
        elif digest and digest in pictures:
            message = f"expected in one split only. Received: the bytes of {pictures[digest]} in train"
            yield val.problem("image in both splits", message, image)

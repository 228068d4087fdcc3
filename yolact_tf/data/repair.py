"""Writes a mended copy of a data folder: what cannot be used is left out, what can be told is put right."""

import json
from collections import Counter
from pathlib import Path, PurePath

from yolact_tf.data.check_files import look_at_files
from yolact_tf.data.repair_objects import mend_object
from yolact_tf.data.splits import image_paths, is_key, read_splits, steps_of
from yolact_tf.new_folder import link_or_copy, new_folder


def repair(folder, target, decode=False, progress=None):
    """Writes the mended splits of `folder` to `target`, a new folder; returns {what was done: how often}.

    Images that are missing, unreadable or of another size go, and those that share an id, as nobody knows
    whose the objects are; so do objects without a usable mask or class. Boxes are clipped, or taken from
    the mask like wrong areas; repeated entries of a file become one; ids become unique and the categories
    of both splits the same. Images in both splits stay, since only their owner knows where they belong.
    Image files are hard links where the disk allows it. decode, progress: as in `check`.
    """
    target = _checked_target(target)
    splits = read_splits(folder)
    for split in splits:
        _check_names(split)
    advance = steps_of(splits, progress)
    files = look_at_files(image_paths(splits), decode, advance)
    categories = _united_categories(splits)
    mended = [_mend(split, files, categories, advance) for split in splits]
    with new_folder(target) as made:
        for split, (content, _) in zip(splits, mended, strict=True):
            _write(split, content, Path(folder), made)
    done = sum((counts for _, counts in mended), Counter())
    return {name: count for name, count in done.items() if count}


def _checked_target(target):
    target = Path(target).resolve()
    if target.exists():
        raise ValueError(
            f"The repaired copy must go to a new folder. Received: {str(target)!r}, which exists"
        )
    return target


def _united_categories(splits):
    """The categories of all splits, ids in rising order. ValueError where one id has two names."""
    categories = {}
    for split in splits:
        for category in split.content["categories"]:
            known = categories.setdefault(category["id"], category)
            if known["name"] != category["name"]:
                raise ValueError(
                    f"{split.annotation_file}: expected one name for category {category['id']}, which cannot "
                    f"be repaired. Received: {known['name']!r} and {category['name']!r}"
                )
    return [categories[key] for key in sorted(categories)]


def _mend(split, files, categories, advance):
    """(content of a split, mended; Counter of what that took)."""
    kept = _kept_images(split, files)
    if not kept:
        raise ValueError(f"{split.annotation_file}: expected at least one image to keep. Received none")
    images = {image["id"]: image for image in kept.values()}
    entries = Counter(kept[i["id"]]["id"] for i in split.content["images"] if is_key(i["id"], kept))
    class_ids = {category["id"] for category in categories}
    annotations, done = _mend_annotations(split, kept, class_ids, advance)
    repeated = {image_id for image_id, count in entries.items() if count > 1}
    distinct = _drop_copies(annotations, repeated)
    done["images dropped"] = len(split.content["images"]) - entries.total()
    done["repeated image entries dropped"] = entries.total() - len(images)
    done["annotations dropped"] += len(annotations) - len(distinct)
    done["annotations renumbered"] = _renumber(distinct)
    if sorted(c["id"] for c in split.content["categories"]) == [c["id"] for c in categories]:
        categories = split.content["categories"]
    else:
        done["categories made the same"] = 1
    content = {"images": list(images.values()), "annotations": distinct, "categories": categories}
    return {**split.content, **content}, done


def _kept_images(split, files):
    """{id of a usable image entry: the entry to keep for it}, the same for all entries of one file."""
    meanings = {(i["id"], split.path(i), i["width"], i["height"]) for i in split.images}
    counts = Counter(image_id for image_id, *_ in meanings)
    kept, by_path = {}, {}
    for image in split.images:
        path = split.path(image)
        if counts[image["id"]] == 1 and files[path].size == (image["width"], image["height"]):
            kept[image["id"]] = by_path.setdefault(path, image)
    return kept


def _mend_annotations(split, kept, class_ids, advance):
    """(usable annotations, mended; Counter of what that took)."""
    annotations, done = [], Counter()
    for annotation in split.content["annotations"]:
        advance()
        if not is_key(annotation["image_id"], kept) or not is_key(annotation["category_id"], class_ids):
            done["annotations dropped"] += 1
            continue
        image = kept[annotation["image_id"]]
        mended, steps = mend_object(annotation, image["height"], image["width"])
        done.update(steps)
        if mended:
            annotations.append({**mended, "image_id": image["id"]})
    return annotations, done


def _drop_copies(annotations, image_ids):
    """The annotations without second copies of one object in the images `image_ids`."""
    first = {}
    for number, annotation in enumerate(annotations):
        key = number
        if annotation["image_id"] in image_ids:
            key = json.dumps([annotation.get(k) for k in ("image_id", "category_id", "bbox", "segmentation")])
        first.setdefault(key, annotation)
    return list(first.values())


def _renumber(annotations):
    """Gives a new id to each annotation whose id is 0 or taken; returns to how many."""
    taken, repeated = {0}, []
    for annotation in annotations:
        if is_key(annotation.get("id"), taken):
            repeated.append(annotation)
        elif isinstance(annotation.get("id"), (int, str)):
            taken.add(annotation["id"])
    free = max((value for value in taken if isinstance(value, int)), default=0) + 1
    for number, annotation in enumerate(repeated, free):
        annotation["id"] = number
    return len(repeated)


def _write(split, content, folder, made):
    """Writes a mended split to `made`, laid out as in `folder`."""
    annotation_file = made / split.annotation_file.relative_to(folder)
    annotation_file.parent.mkdir(parents=True, exist_ok=True)
    annotation_file.write_text(json.dumps(content), encoding="utf-8")
    image_folder = made / split.image_folder.relative_to(folder)
    image_folder.mkdir(parents=True, exist_ok=True)
    for image in content["images"]:
        copy = image_folder / image["file_name"]
        if not copy.exists():  # else the other split has it as well
            copy.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(split.path(image), copy)


def _check_names(split):
    for image in split.images:
        name = PurePath(image["file_name"])
        if name.is_absolute() or ".." in name.parts:
            raise ValueError(
                f"{split.annotation_file}: expected file names inside {split.image_folder.name}/, as a "
                f"copy needs. Received: {image['file_name']!r}"
            )

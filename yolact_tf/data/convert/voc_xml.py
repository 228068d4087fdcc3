"""VOC's Annotations: an XML an image, whose k-th object is value k of SegmentationObject."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from yolact_tf.data.convert.conversion_losses import held
from yolact_tf.data.convert.data_set import Instance
from yolact_tf.data.convert.xml_files import read_xml

OBJECT_FIELDS = dict.fromkeys(("pose", "truncated", "difficult", "occluded"), (str, int))
_DEFAULTS = {"pose": "Unspecified", "truncated": 0, "difficult": 0, "occluded": 0}


def read_objects(file: Path) -> list[dict[str, str | int]]:
    """[{name, and those of OBJECT_FIELDS that say something}] of an XML file; none where it is missing."""
    if not file.is_file():
        return []
    objects = []
    for entry in read_xml(file).iter("object"):
        texts = {key: (entry.findtext(key) or "").strip() for key in ("name", *OBJECT_FIELDS)}
        values = {key: int(text) if text in ("0", "1") else text for key, text in texts.items()}
        known = {k: v for k, v in values.items() if v != "" and v != _DEFAULTS.get(k)}
        objects.append(known)
    return objects


def write_objects(
    file: Path, image_name: str, ids: np.ndarray, instances: Iterable[Instance], names: Mapping[int, str]
) -> None:
    """Writes the XML of one image; ids: [H, W], k + 1 at the pixels of instance k."""
    root = ElementTree.Element("annotation")
    _texts(root, {"filename": image_name})
    _texts(ElementTree.SubElement(root, "size"), {"width": ids.shape[1], "height": ids.shape[0], "depth": 3})
    _texts(root, {"segmented": 1})
    rows, columns = np.nonzero(ids)
    values = ids[rows, columns]
    for number, instance in enumerate(instances, 1):
        entry = ElementTree.SubElement(root, "object")
        fields = {**_DEFAULTS, **held(instance.extra, OBJECT_FIELDS)}
        _texts(entry, {"name": names[instance.category_id], **fields})
        y, x = rows[values == number], columns[values == number]
        # VOC counts pixels from 1, and the last one is inside.
        box = {"xmin": x.min() + 1, "ymin": y.min() + 1, "xmax": x.max() + 1, "ymax": y.max() + 1}
        _texts(ElementTree.SubElement(entry, "bndbox"), box)
    ElementTree.indent(root)
    file.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(file, encoding="utf-8")


def _texts(parent, values):
    for key, value in values.items():
        text = str(int(value)) if isinstance(value, bool) else str(value)
        ElementTree.SubElement(parent, key).text = text

"""What a conversion loses: counted by kind, with the first example of each."""

import dataclasses
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any, Self

from yolact_tf.data.convert.left_out import LeftOut
from yolact_tf.data.tally import Tally

if TYPE_CHECKING:  # it imports this file
    from yolact_tf.data.convert.data_set import DataSet

FieldTypes = Mapping[str, type | tuple[type, ...]]  # extra fields that a format holds


class Losses(Tally):
    """Kind of loss -> Counted; beside them what is malformed, and what was understood in another form."""

    def __init__(self) -> None:
        super().__init__()
        self.left_out = LeftOut()
        self.accents = Tally()

    def include(self, other: Self) -> None:
        """Adds the losses of `other`."""
        super().include(other)
        self.left_out.include(other.left_out)
        self.accents.include(other.accents)


def without_crowds(data_set: "DataSet", losses: Losses) -> "DataSet":
    """`data_set` with no crowd regions, for formats that would make ordinary objects of them."""
    splits = {}
    for split, pictures in data_set.splits.items():
        for picture in pictures:
            crowds = sum(instance.is_crowd for instance in picture.instances)
            losses.add("crowd regions left out", f"{split}/{picture.name}", crowds)
        splits[split] = tuple(
            dataclasses.replace(p, instances=tuple(i for i in p.instances if not i.is_crowd))
            for p in pictures
        )
    return dataclasses.replace(data_set, splits=splits)


def held(extra: Mapping[str, Any], fields: FieldTypes) -> dict[str, Any]:
    """Those of the extra fields that a format holds; fields: name -> type, or tuple of types."""
    return {key: v for key, v in extra.items() if key in fields and isinstance(v, fields[key])}


def count_fields(
    data_set: "DataSet",
    losses: Losses,
    object_fields: FieldTypes | None = None,
    image_fields: FieldTypes | None = None,
) -> None:
    """Counts ids, areas, boxes and extra fields as lost, but for those that a format holds."""
    of_images, of_objects = _Fields("images"), _Fields("objects")
    for split, pictures in data_set.splits.items():
        of_split = ", ".join(data_set.extra.get(split, ()))
        losses.add("fields of splits", f"{split}: {of_split}", bool(of_split))
        for picture in pictures:
            where = f"{split}/{picture.name}"
            of_images.note({"id": picture.image_id, **picture.extra}, image_fields or {}, where)
            for instance in picture.instances:
                given = {"id": instance.instance_id, "area": instance.area, "bbox": instance.box}
                of_objects.note({**given, **instance.extra}, object_fields or {}, where)
    of_images.report(losses)
    of_objects.report(losses)


def count_category_fields(data_set: "DataSet", losses: Losses) -> None:
    """Counts supercategories, and ids that are not 1, 2, … as the format numbers its names."""
    for number, (category_id, category) in enumerate(data_set.categories.items(), 1):
        if category_id != number:
            losses.add("category ids", f"{category.name}: {category_id} reads back as {number}")
        if category.supercategory:
            losses.add("supercategories", f"{category.name}: {category.supercategory}")


def count_reserved_names(names: Mapping[int, str], reserved: Container[str], losses: Losses) -> None:
    """Counts classes whose name means no class in a format, and which it therefore does not give back."""
    for name in names.values():
        losses.add("classes of a name that means none", name, name in reserved)


class _Fields:
    """Counts owners of fields that are lost; the kind of loss names all these fields."""

    def __init__(self, owners):
        self.owners, self.names, self.count, self.example = owners, {}, 0, ""

    def note(self, values, fields, where):
        kept = held(values, fields)
        lost = [name for name, value in values.items() if value is not None and name not in kept]
        if lost:
            self.names.update(dict.fromkeys(lost))
            self.count += 1
            self.example = self.example or where

    def report(self, losses):
        losses.add(f"fields of {self.owners} ({', '.join(self.names)})", self.example, self.count)

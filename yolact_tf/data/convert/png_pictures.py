"""Pictures that TensorFlow does not decode, which become PNG on the way."""

from dataclasses import replace

from yolact_tf.data.convert.data_set import DataSet
from yolact_tf.images.png_copies import header_of_other, png_names


def called_png(data_set: DataSet) -> DataSet:
    """The DataSet with such pictures named as the PNGs that `place_picture` makes of them; all counted."""
    losses, splits = data_set.losses, {}
    for split, pictures in data_set.splits.items():
        headers = {p.name: header for p in pictures if (header := header_of_other(p.source))}
        names = png_names([picture.name for picture in pictures], headers)
        for name, header in headers.items():
            where = f"{split}/{name} ({header.other})"
            losses.add("image files as they were, now PNG of 8 bits", where)
            losses.add("pages or frames but the first", where, header.num_pages - 1)
            losses.add("alpha channels", where, header.has_alpha)
        splits[split] = tuple(
            replace(p, name=names[p.name], as_png=True) if p.name in names else p for p in pictures
        )
    return replace(data_set, splits=splits)

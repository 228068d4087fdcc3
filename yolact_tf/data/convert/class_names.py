"""Class names, for formats that tell classes apart by nothing else."""

from pathlib import Path

from yolact_tf.data.convert.data_set import DataSet


def category_names(data_set: DataSet) -> dict[int, str]:
    """Category id -> name. ValueError where two are the same, or one breaks a line."""
    names = {category_id: category.name for category_id, category in data_set.categories.items()}
    seen = set()
    for category_id, name in names.items():
        if name in seen or not name.strip() or "\n" in name or "\r" in name:
            raise ValueError(
                "A format that knows classes by name needs names that differ, each on one line. "
                f"Received: {name!r} for category {category_id}"
            )
        seen.add(name)
    return names


def read_lines(file: Path) -> list[str]:
    """The lines of a text file that are not empty."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: expected text in UTF-8. Received: {error}") from None
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]

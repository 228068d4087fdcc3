"""What several commands take: a data folder and overrides."""

from typing import Annotated

import typer

Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a field: section.field=value.")]
DATA_HELP = "Folder with COCO annotations and images, or one of TFRecord shards."
# Text, since a Path would make gs:/bucket of gs://bucket.
DataFolder = Annotated[str, typer.Option("--data", help=DATA_HELP)]

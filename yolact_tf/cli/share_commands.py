"""`yolact card`, `push` and `pull`: a run told, given away and taken."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from yolact_tf.cli.progress import console

Repository = Annotated[str, typer.Argument(metavar="USER/NAME", help="A repository of the Hugging Face hub.")]
License = Annotated[
    str | None,
    typer.Option(
        "--license", help="Of the weights, as the hub names it: apache-2.0, mit, cc-by-4.0, other, …"
    ),
]
DataName = Annotated[str | None, typer.Option("--data-name", help="What the data are called.")]


def card(
    run: Path,
    output: Annotated[Path | None, typer.Option(help="Where it goes; by default RUN/README.md.")] = None,
    license: License = None,
    repository: Annotated[
        str | None, typer.Option(help="USER/NAME that RUN will be pulled from, for the card's commands.")
    ] = None,
    data_name: DataName = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Validation images and curves of RUN/plots.")
    ] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a card that is there.")] = False,
) -> None:
    """Writes a model card of RUN: data, training, results, use, limits and licence, as RUN knows them."""
    from yolact_tf.share import AuthorFacts, num_asked, write_card

    author = AuthorFacts(license, repository, data_name)
    path = write_card(run, output, author, pictures, overwrite)
    console.print(escape(str(path)))
    count = num_asked(path.read_text(encoding="utf-8"))
    console.print(f"{count} lines ask for what only you know; they begin with 'To be said by the author'")


def push(
    run: Path,
    repository: Repository,
    private: Annotated[bool, typer.Option("--private", help="A new repository that only you see.")] = False,
    revision: Annotated[str | None, typer.Option(help="A branch instead of the first.")] = None,
    message: Annotated[str | None, typer.Option(help="Of the commit.")] = None,
    license: License = None,
    data_name: DataName = None,
) -> None:
    """Pushes RUN, its weights, results and card, to a repository of the Hugging Face hub."""
    from yolact_tf.share import AuthorFacts
    from yolact_tf.share import push as push_run

    author = AuthorFacts(license, data_name=data_name)
    pushed = push_run(run, repository, private, revision, message, author)
    for name in pushed.files:
        console.print(escape(name))
    console.print(escape(pushed.url))


def pull(
    repository: Repository,
    run: Annotated[Path, typer.Option(help="Folder to fill; must be new.")],
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit.")] = None,
) -> None:
    """Pulls a run from a repository of the Hugging Face hub into RUN."""
    from yolact_tf.share import pull as pull_run

    console.print(f"run: {escape(str(pull_run(repository, run, revision)))}")

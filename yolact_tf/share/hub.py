"""Runs to and from repositories of the Hugging Face hub."""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from yolact_tf import __version__
from yolact_tf.config import Config
from yolact_tf.files import PathLike, new_folder
from yolact_tf.labels import labels_from_json
from yolact_tf.runs import config_of, is_run, load_run
from yolact_tf.share.card import CARD, card_text, num_asked
from yolact_tf.share.facts import AuthorFacts, read_scores
from yolact_tf.share.front_matter import scores_in, told_scores
from yolact_tf.share.parcel import DESCRIPTION, RESULTS, WEIGHTS, pack, parts_in, pictures_of
from yolact_tf.share.repository import Repository

logger = logging.getLogger(__name__)


class Pushed(NamedTuple):
    """What a repository has now."""

    url: str
    files: tuple[str, ...]


def push(
    run: PathLike,
    repository: str,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    author: AuthorFacts | None = None,
) -> Pushed:
    """Commits a run to repository USER/NAME, which is made where there is none, and returns what it has now.

    The card is README.md of the run, whose pictures go along; where there is none it is written for the
    repository, of what `author` says and without pictures.  private: only you may see a repository that is
    made; one that is public is refused.  revision: a branch instead of the first, made where there is none.
    All files become one commit, or nothing does: ValueError or OSError in one line says why.
    """
    run, target = Path(run), Repository(repository, revision)
    if not is_run(run):
        raise FileNotFoundError(f"Expected a run folder, with config.json. Received: {str(run)!r}")
    target.require_token()
    card = _card_of(run, repository, author or AuthorFacts())
    with tempfile.TemporaryDirectory() as holder:
        folder = Path(holder)
        files = pack(run, folder, card)
        message = message or f"{config_of(run).name}, by yolact_tf {__version__}"
        # What an earlier push left must not be taken for a part of this run.
        target.commit(folder, files, (*WEIGHTS, *RESULTS), message, private)
    return Pushed(target.url, tuple(files))


def pull(repository: str, run: PathLike, revision: str | None = None) -> Path:
    """Downloads the run in repository USER/NAME into folder `run`, which must be new, and returns its path.

    Only what is shared of a run is taken, all of it data: nothing of a repository is executed. The folder
    gets its name once the run in it loads.  revision: a branch, tag or commit.
    ValueError or OSError in one line says why where there is no run.
    """
    source, target = Repository(repository, revision), Path(run)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"--run must be a new folder. Received: {str(run)!r}, which exists")
    with new_folder(target.absolute()) as folder:
        _download(source, folder)
        try:
            _require_classes(load_run(folder))
        except (ValueError, OSError) as error:
            reason = str(error).replace(f"{folder}/", "").replace(str(folder), "its folder")
            raise ValueError(f"{repository}: expected a run that loads. Received: {reason}") from None
    return target


def _card_of(run, repository, author):
    """The text of the run's card, its own or a new one; what is wrong with it is said."""
    if not (run / CARD).is_file():
        # Without images of the data, which nobody has chosen to give away.
        card = card_text(run, AuthorFacts(author.license, repository, author.data_name), pictures=False)
    elif author != AuthorFacts():
        raise ValueError(
            f"--license and --data-name are for a card that is written. Received: {str(run / CARD)!r}, which "
            "exists; `yolact card --overwrite` writes it anew"
        )
    else:
        card = (run / CARD).read_text(encoding="utf-8", errors="replace")
        told, scores = scores_in(card), read_scores(run)
        if told and scores and told != told_scores(scores):
            logger.warning(
                "%s tells other results than metrics.json; `yolact card --overwrite` writes it anew",
                run / CARD,
            )
    if num_asked(card):
        logger.warning("%d lines of the card still ask for what only its author knows", num_asked(card))
    return card


def _download(source, folder):
    """Fills `folder` with the run in a Repository, of one commit, what describes it before what is large."""
    commits = source.files()
    try:
        parts = parts_in(commits)
    except ValueError as error:
        raise ValueError(f"{source.name}: {error}") from None
    for name in parts:
        file = source.download(name, commits[name], folder)
        if name in DESCRIPTION:
            _require_ours(file, source.name)
    if CARD in parts:
        for name in pictures_of((folder / CARD).read_text(encoding="utf-8", errors="replace")):
            if name in commits:
                source.download(name, commits[name], folder)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # notes of the hub's client


def _require_classes(run):
    expected, received = run.config.model.num_classes, len(run.labels)
    if expected != received:
        raise ValueError(
            f"labels.json: expected {expected} classes, as config.json says. Received: {received}"
        )


def _require_ours(file, repository):
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        if file.name == "config.json":
            Config.from_json(text)
        else:
            labels_from_json(text, file.name)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{repository}: expected a run of yolact_tf. Received: {error}") from None

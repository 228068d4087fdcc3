"""A repository of the Hugging Face hub, or of the server that HF_ENDPOINT names: one commit in, one out."""

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from yolact_tf import __version__
from yolact_tf.packages import require_package
from yolact_tf.share.facts import require_repository

_TOKEN_HELP = "`hf auth login` keeps one, or HF_TOKEN names it"


class Repository:
    """USER/NAME, on a branch, tag or commit, the first branch where None.

    What the hub, the way there and its client say against something is an OSError in one line.
    """

    def __init__(self, name: str, revision: str | None = None):
        require_repository(name)
        hub = require_package("huggingface_hub", "huggingface", "Repositories of the Hugging Face hub")
        self.name, self.revision = name, revision
        self._has_token = bool(hub.get_token())
        self._api: Any = hub.HfApi(library_name="yolact_tf", library_version=__version__)

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self._api.endpoint}/{self.name}" + (f"/tree/{self.revision}" if self.revision else "")

    def require_token(self) -> None:
        """ValueError where there is no token to write with."""
        if not self._has_token:
            raise ValueError(f"Expected a token of the hub that may write: {_TOKEN_HELP}. Received none")

    def commit(
        self, folder: Path, files: Collection[str], owned: Iterable[str], message: str, private: bool = False
    ) -> None:
        """Makes one commit of `files` in `folder`, or none at all; the repository where there is none, too.

        owned: names of files that go where they are not among `files`.  private: only its owners may see a
        repository that is made; ValueError for one that is there and public.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        api = self._api
        with self._one_line_errors():
            api.create_repo(self.name, private=private or None, exist_ok=True)
            if self.revision:
                api.create_branch(self.name, branch=self.revision, exist_ok=True)
            now = api.model_info(self.name, revision=self.revision)
            if private and not now.private:
                raise ValueError(
                    f"{self.name}: expected a private repository. Received: a public one, left as it is"
                )
            known = {file.rfilename for file in now.siblings or ()}
            stale = [name for name in owned if name in known and name not in files]
            operations: list[Any] = [CommitOperationDelete(name) for name in stale]
            operations += [CommitOperationAdd(name, folder / name) for name in files]
            # With its parent, so that of two commits at once the second is refused.
            api.create_commit(
                self.name,
                operations,
                commit_message=message,
                revision=self.revision,
                parent_commit=now.sha,
            )

    def files(self) -> dict[str, str]:
        """{name of each file: the commit that it is of, the same for all}."""
        with self._one_line_errors():
            now = self._api.model_info(self.name, revision=self.revision)
        return {file.rfilename: now.sha for file in now.siblings or ()}

    def download(self, name: str, commit: str, folder: Path) -> Path:
        """Puts a file of a commit into `folder` and returns its path. The client takes notes in `.cache`."""
        with self._one_line_errors():
            return Path(self._api.hf_hub_download(self.name, name, revision=commit, local_dir=folder))

    @contextlib.contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        from huggingface_hub.errors import HTTPError

        try:
            yield
        except (HTTPError, RuntimeError, OSError) as error:
            if getattr(error, "errno", None):  # of a file here
                raise
            raise OSError(self._reason(error)) from None
        except json.JSONDecodeError:
            raise OSError(f"{self._api.endpoint} does not answer as the hub does") from None

    def _reason(self, error):
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            HTTPError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        name, endpoint, cause = self.name, self._api.endpoint, error.__cause__
        if not isinstance(error, HTTPError) and isinstance(cause, (HTTPError, RuntimeError)):
            return self._reason(cause)
        if not isinstance(error, HfHubHTTPError):
            kind = "no answer from" if isinstance(error, HTTPError) else "interrupted:"
            return f"{kind} {endpoint}: {' '.join(str(error).split()) or type(error).__name__}"
        if isinstance(error, RevisionNotFoundError):
            return (
                f"{name}: expected a branch, tag or commit of it. Received: {self.revision!r}, which it lacks"
            )
        if isinstance(error, GatedRepoError):
            return f"{name}: its page asks for consent first: {self.url}"
        if isinstance(error, RepositoryNotFoundError):
            return f"{name}: no such repository at {endpoint}, or a private one for a token: {_TOKEN_HELP}"
        known = {
            401: f"{endpoint} does not accept the token: {_TOKEN_HELP}",
            403: f"{name}: the token may not do this at {endpoint}",
            412: f"{name} was changed meanwhile; the same command tries again",
        }
        status = error.response.status_code
        return known.get(status, f"{endpoint} answers {status}: {error.server_message or 'no more is said'}")

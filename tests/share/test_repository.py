"""Commits to a server that stands in for the hub, and files of it."""

import pytest

from yolact_tf.share.repository import Repository

FILES = ("README.md", "weights/best.weights.h5", "plots/a.png")


@pytest.fixture
def folder(tmp_path):
    """Folder with FILES."""
    folder = tmp_path / "files"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"---\nlicense: mit\n---\n{name}".encode())
    return folder


def test_what_is_committed_is_downloaded(hub, folder, tmp_path):
    repository = Repository("ann/deer")
    repository.commit(folder, FILES, (), "Deer")
    assert repository.url == f"{hub.url}/ann/deer"
    assert hub.repositories["ann/deer"].messages == ["first", "Deer"]
    commits = repository.files()
    assert set(commits) == {*FILES, ".gitattributes"} and len(set(commits.values())) == 1
    for name in FILES:
        file = repository.download(name, commits[name], tmp_path / "down")
        assert file == tmp_path / "down" / name and file.read_bytes() == (folder / name).read_bytes()


def test_what_is_there_is_sent_once(hub, folder):
    repository = Repository("ann/deer")
    for number in range(2):
        (folder / "README.md").write_text(f"---\nlicense: mit\n---\n{number}")
        repository.commit(folder, FILES, (), "Deer")
    assert len(hub.uploads) == 2  # weights and picture, LFS files


def test_owned_files_go_and_others_stay(hub, folder):
    hub.add("ann/deer", {"metrics.json": b"{}", "weights/last.weights.h5": b"old", "notes.txt": b"mine"})
    Repository("ann/deer").commit(folder, FILES, ("metrics.json", "weights/last.weights.h5", "none"), "Deer")
    assert set(hub.repositories["ann/deer"].files()) == {*FILES, "notes.txt", ".gitattributes"}


def test_a_private_repository_is_made_and_a_public_one_refused(hub, folder, monkeypatch):
    for _ in range(2):
        Repository("ann/secret").commit(folder, FILES, (), "Deer", private=True)
    assert hub.repositories["ann/secret"].private
    hub.add("ann/public", {})
    with pytest.raises(ValueError, match="ann/public: expected a private repository. Received: a public one"):
        Repository("ann/public").commit(folder, FILES, (), "Deer", private=True)
    assert set(hub.repositories["ann/public"].files()) == {".gitattributes"}
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(OSError, match="ann/secret: no such repository at .*, or a private one for a token"):
        Repository("ann/secret").files()


def test_branches_and_commits(hub, folder):
    Repository("ann/deer").commit(folder, FILES, (), "Deer")
    night = Repository("ann/deer", "night")
    night.commit(folder, ["README.md"], ["plots/a.png"], "By night")
    night.commit(folder, ["README.md"], [], "By night")
    assert night.url == f"{hub.url}/ann/deer/tree/night"
    assert "plots/a.png" not in night.files() and "plots/a.png" in Repository("ann/deer").files()
    commit = Repository("ann/deer").files()["README.md"]
    assert set(Repository("ann/deer", commit).files().values()) == {commit}
    with pytest.raises(
        OSError, match="expected a branch, tag or commit of it. Received: 'day', which it lacks"
    ):
        Repository("ann/deer", "day").files()


@pytest.mark.parametrize(
    ("refuse", "message"),
    [
        ({"POST /api/repos/create": 401}, "does not accept the token: `hf auth login` keeps one"),
        ({"POST /api/models/.*/commit/main": 403}, "ann/deer: the token may not do this at"),
        (
            {"POST /api/models/.*/commit/main": 412},
            "ann/deer was changed meanwhile; the same command tries again",
        ),
        ({"POST /api/models/.*/commit/main": 418}, "http://127.0.0.1:[0-9]+ answers 418: refused"),
        ({"PUT /lfs/.*": 403}, "ann/deer: the token may not do this at"),
        ({"GET /api/models/.*": None}, "no answer from http://127.0.0.1"),
    ],
)
def test_a_commit_that_ends_early_is_none(refuse, message, hub, folder):
    hub.refuse = refuse
    repository = Repository("ann/deer")
    with pytest.raises(OSError, match=message) as refused:
        repository.commit(folder, FILES, (), "Deer")
    assert "\n" not in str(refused.value)
    hub.refuse = {}
    assert "ann/deer" not in hub.repositories or len(hub.repositories["ann/deer"].commits) == 1
    repository.commit(folder, FILES, (), "Deer")
    assert set(FILES) < set(hub.repositories["ann/deer"].files())


def test_what_another_has_committed_meanwhile_is_not_undone(hub, folder):
    """The stand-in commits for another just before it takes ours."""
    repository = hub.add("ann/deer", {})
    hub.before_commit = lambda: repository.commit("main", {"notes.txt": b"theirs"}, "Theirs")
    with pytest.raises(OSError, match="ann/deer was changed meanwhile"):
        Repository("ann/deer").commit(folder, FILES, (), "Deer")
    assert set(repository.files()) == {"notes.txt"}


def test_where_there_is_no_hub(hub, folder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(OSError, match="no answer from http://127.0.0.1:1: .*refused"):
        Repository("ann/deer").commit(folder, FILES, (), "Deer")
    with pytest.raises(OSError, match="no answer from http://127.0.0.1:1: .*refused"):
        Repository("ann/deer").files()


def test_a_server_that_is_no_hub(hub, folder):
    hub.refuse = {".*": 200}
    with pytest.raises(OSError, match="http://127.0.0.1:[0-9]+ does not answer as the hub does"):
        Repository("ann/deer").files()


def test_who_may_not_write(hub, folder, monkeypatch):
    with pytest.raises(OSError, match="bob/deer: the token may not do this at"):
        Repository("bob/deer").commit(folder, FILES, (), "Deer")
    Repository("ann/deer").require_token()
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ValueError, match="Expected a token of the hub that may write: .* Received none"):
        Repository("ann/deer").require_token()


def test_a_licence_that_the_hub_does_not_know(hub, folder):
    (folder / "README.md").write_text("---\nlicense: mine\n---\n")
    with pytest.raises(ValueError, match='(?s)README.md.*"license" must be one of'):
        Repository("ann/deer").commit(folder, FILES, (), "Deer")
    assert len(hub.repositories["ann/deer"].commits) == 1


@pytest.mark.parametrize(
    "name", ["deer", "a/b/c", "/deer", "ann/", "ann/..", "-a/deer", "ann/de er", "änn/deer", ""]
)
def test_other_names_are_refused(name, hub):
    with pytest.raises(ValueError, match="A repository must read USER/NAME. Received: "):
        Repository(name)

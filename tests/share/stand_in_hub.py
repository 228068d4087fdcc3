"""A server that keeps repositories as the Hugging Face hub does, as far as pushing and pulling need it.

It speaks what `huggingface_hub` asks: repositories, branches, commits of regular and of LFS files, downloads.
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

TOKEN, USER = "hf_standIn", "ann"
_LFS = (".h5", ".png", ".jpg")  # what its .gitattributes would name


@dataclass
class Repository:
    """Commits by their names, and which one a branch is at."""

    private: bool
    commits: dict = field(default_factory=dict)  # sha -> {name: bytes}
    branches: dict = field(default_factory=dict)
    messages: list = field(default_factory=list)

    def commit(self, branch, files, message):
        sha = hashlib.sha1(f"{len(self.commits)} {message}".encode()).hexdigest()
        self.commits[sha], self.branches[branch] = files, sha
        self.messages.append(message)
        return sha

    def files(self, branch="main"):
        """{name: bytes} at the head of a branch."""
        return self.commits[self.branches[branch]]


class StandInHub(ThreadingHTTPServer):
    """The server.

    refuse: {pattern of "METHOD path": the status that it answers with instead}, None to cut the line.
    before_commit: called just before it looks at a commit.
    hold: pattern of requests that wait until `release`, after `held` is set.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.repositories, self.blobs, self.uploads = {}, {}, []
        self.refuse, self.before_commit, self.hold = {}, lambda: None, None
        self.held, self.release = threading.Event(), threading.Event()
        self.lock = threading.Lock()

    def add(self, name, files, private=False):
        """A Repository that has these files already."""
        self.repositories[name] = Repository(private)
        self.repositories[name].commit("main", {".gitattributes": b"", **files}, "first")
        return self.repositories[name]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = self._chunks()
        path = unquote(urlsplit(self.path).path)
        request = f"{self.command} {path}"
        if self.server.hold and re.fullmatch(self.server.hold, request):
            self.server.held.set()
            self.server.release.wait(120)
        with self.server.lock:
            for pattern, status in self.server.refuse.items():
                if re.fullmatch(pattern, request):
                    if status is None:  # as where the line is cut
                        self.close_connection = True
                        self.connection.close()
                        return
                    return self._send(status, {"error": "refused"} if status >= 300 else b"<html>")
            for pattern, name in _ROUTES:
                match = re.fullmatch(pattern, request)
                if match:
                    return getattr(self, name)(body, **match.groupdict())
        self._send(404, {"error": f"no such page: {request}"})

    def _chunks(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    @property
    def is_user(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _open(self, name):
        """The Repository, where it is there and may be seen; else None, and it is said."""
        found = self.server.repositories.get(name)
        if found is None or (found.private and not self.is_user):
            status = 404 if self.is_user else 401
            self._send(status, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return None
        return found

    def _sha(self, repository, revision):
        sha = repository.branches.get(revision, revision)
        if sha not in repository.commits:
            self._send(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
            return None
        return sha

    def create(self, body):
        if not self.is_user:
            return self._send(401, {"error": "Invalid username or password."})
        wanted = json.loads(body)
        name = f"{wanted['organization']}/{wanted['name']}"
        if wanted["organization"] != USER:
            return self._send(403, {"error": "You don't have the rights to create a model here"})
        if name in self.server.repositories:
            return self._send(409, {"error": "You already created this model repo", "url": self._url(name)})
        self.server.add(name, {}, wanted.get("visibility") == "private")
        self._send(200, {"url": self._url(name)})

    def branch(self, body, repository, revision):
        found = self._open(repository)
        if found:
            if revision in found.branches:
                return self._send(409, {"error": "Reference already exists"})
            found.branches[revision] = found.branches["main"]
            self._send(200, {})

    def info(self, body, repository, revision="main"):
        found = self._open(repository)
        sha = found and self._sha(found, revision)
        if sha:
            names = [{"rfilename": name} for name in found.commits[sha]]
            self._send(200, {"id": repository, "sha": sha, "private": found.private, "siblings": names})

    def validate(self, body):
        content = json.loads(body)["content"]
        front = yaml.safe_load(content.split("---\n")[1])
        errors = (
            []
            if isinstance(front, dict) and front.get("license") != "mine"
            else [{"message": '"license" must be one of [apache-2.0, mit, …]'}]
        )
        self._send(400 if errors else 200, {"errors": errors, "warnings": []})

    def preupload(self, body, repository, revision):
        found = self._open(repository)
        if found:
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(_LFS) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self._send(200, {"files": files})

    def lfs_batch(self, body, repository):
        if not self.is_user:
            return self._send(401, {"error": "no"})
        objects = []
        for wanted in json.loads(body)["objects"]:
            item = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.server.blobs:
                upload = {"href": f"{self.server.url}/lfs/{wanted['oid']}"}
                item["actions"] = {"upload": upload, "verify": {"href": f"{self.server.url}/lfs-verify"}}
            objects.append(item)
        self._send(200, {"transfer": "basic", "objects": objects})

    def lfs_put(self, body, oid):
        if hashlib.sha256(body).hexdigest() != oid:
            return self._send(400, {"error": "not what was announced"})
        self.server.blobs[oid] = body
        self.server.uploads.append(oid)
        self._send(200, {})

    def lfs_verify(self, body):
        wanted = json.loads(body)
        is_whole = len(self.server.blobs.get(wanted["oid"], b"")) == wanted["size"]
        self._send(200 if is_whole else 404, {})

    def commit(self, body, repository, revision):
        found = self._open(repository)
        if not found:
            return
        if not self.is_user or repository.split("/")[0] != USER:
            return self._send(403, {"error": "Forbidden"})
        self.server.before_commit()
        lines = [json.loads(line) for line in body.splitlines()]
        header, files = lines[0]["value"], dict(found.files(revision))
        if header.get("parentCommit") not in (None, found.branches[revision]):
            return self._send(412, {"error": "A commit has happened since"})
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
            else:
                del files[value["path"]]
        sha = found.commit(revision, files, header["summary"])
        self._send(200, {"commitUrl": f"{self._url(repository)}/commit/{sha}", "commitOid": sha})

    def resolve(self, body, repository, revision, name):
        found = self._open(repository)
        sha = found and self._sha(found, revision)
        if not sha:
            return
        content = found.commits[sha].get(name)
        if content is None:
            return self._send(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
        etag = hashlib.sha256(content).hexdigest()
        self._send(200, content, {"X-Repo-Commit": sha, "ETag": f'"{etag}"'})

    def _url(self, name):
        return f"{self.server.url}/{name}"

    def _send(self, status, content, headers=None):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        if not isinstance(content, bytes) and "error" in content:
            self.send_header("X-Error-Message", content["error"].encode("ascii", "replace").decode())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


_NAME = r"(?P<repository>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>[^/]+)"
_ROUTES = (
    (r"POST /api/repos/create", "create"),
    (r"POST /api/validate-yaml", "validate"),
    (rf"GET /api/models/{_NAME}", "info"),
    (rf"GET /api/models/{_NAME}/revision/{_REVISION}", "info"),
    (rf"POST /api/models/{_NAME}/branch/{_REVISION}", "branch"),
    (rf"POST /api/models/{_NAME}/preupload/{_REVISION}", "preupload"),
    (rf"POST /api/models/{_NAME}/commit/{_REVISION}", "commit"),
    (rf"POST /{_NAME}\.git/info/lfs/objects/batch", "lfs_batch"),
    (r"PUT /lfs/(?P<oid>\w+)", "lfs_put"),
    (r"POST /lfs-verify", "lfs_verify"),
    (rf"(?:GET|HEAD) /{_NAME}/resolve/{_REVISION}/(?P<name>.+)", "resolve"),
)

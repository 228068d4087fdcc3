"""Files of Beam's local file system as those of an object store, `far://bucket/a.jpg`."""

import os
import shutil

from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.localfilesystem import LocalFileSystem


class FarFileSystem(LocalFileSystem):
    """What lies below `root`. Beam finds it as a subclass."""

    root = ""

    @classmethod
    def scheme(cls):
        return "far"

    def near(self, url):
        assert url.startswith("far://"), url
        return f"{self.root}/{url.removeprefix('far://')}"

    def has_dirs(self):
        return False

    def join(self, base, *paths):
        return "/".join([base.rstrip("/"), *paths])

    def split(self, path):
        return tuple(path.rsplit("/", 1))

    def _list(self, dir_or_prefix):
        for found in super()._list(self.near(dir_or_prefix).rpartition("/")[0]):
            url = "far://" + found.path.removeprefix(f"{self.root}/")
            if url.startswith(dir_or_prefix):
                yield FileMetadata(url, found.size_in_bytes, found.last_updated_in_seconds)

    def exists(self, path):
        return os.path.isfile(self.near(path)) if path.startswith("far://") else super().exists(path)

    def open(self, path, *arguments, **named):
        return super().open(self.near(path), *arguments, **named)

    def create(self, path, *arguments, **named):
        return super().create(self.near(path), *arguments, **named)

    def rename(self, sources, targets):
        return super().rename(list(map(self.near, sources)), list(map(self.near, targets)))

    def delete(self, paths):
        for path in map(self.near, paths):
            if path.endswith("/"):  # all that begins so
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

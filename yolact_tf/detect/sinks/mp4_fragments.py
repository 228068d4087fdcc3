"""What there is of a fragmented MP4 whose writing was cut short."""

import os
import struct

from yolact_tf.files import PathLike


def cut_after_last_whole(path: PathLike) -> None:
    """Cuts off the fragment that is not whole: no player gets past the torn head of one, nor past its torn
    last picture without complaint.

    A fragment is a box `moof`, which says what is in the box `mdat` behind it (ISO 14496-12).
    """
    with open(path, "r+b") as file:
        length = file.seek(0, os.SEEK_END)
        whole = end = 0
        while end < length:
            file.seek(end)
            head = file.read(16)
            size, kind = struct.unpack(">I4s", head[:8]) if len(head) >= 8 else (0, b"")
            if size == 1 and len(head) == 16:  # then it is the next eight bytes
                (size,) = struct.unpack(">Q", head[8:])
            if size < 8:  # torn, or to the end of the file, however long that should be
                break
            end += size
            if kind == b"mdat" and end <= length:
                whole = end
        file.truncate(whole)

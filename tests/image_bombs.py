"""Files of a few bytes that ask a decoder for a lot of memory."""

import struct
import zlib


def png_header(width, height):
    """A PNG that says how large it is and then ends: whoever tries to decode it reports something else."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBBI", width, height, 8, 2, 0, 0, 0, 0)


def png_of_size(width, height):
    """A PNG of whole chunks that says how large it is, and holds a few of its pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(bytes(100)), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


def gif(width, height, frames):
    """A GIF of frames without a single pixel of data."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + frame * frames + b";"

"""XML files: parsed, or refused in one line."""

from xml.etree import ElementTree

from yolact_tf.files import PathLike


def read_xml(file: PathLike) -> ElementTree.Element:
    """The root element of an XML file. ValueError names the file, and the row where it is malformed."""
    try:
        return ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: odd encodings
        raise ValueError(f"{file}: expected XML. Received: {error}") from None

"""Arguments that a docstring explains are a list on the page, and nothing else is."""

import importlib.util

import pytest

from tests.docs.pages import DOCS

pytest.importorskip("griffe", reason="mkdocstrings is not installed")


@pytest.fixture(scope="module")
def with_lists():
    spec = importlib.util.spec_from_file_location("argument_lists", DOCS / "argument_lists.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.with_lists


def test_arguments_are_items_wherever_they_begin(with_lists):
    docstring = "What it does.\n\nboxes: [n, 4] corners.  low, high: numbers\nthat go on."
    expected = "What it does.\n\n- `boxes`: [n, 4] corners.\n- `low`, `high`: numbers\n  that go on."
    assert with_lists(docstring) == expected


def test_what_comes_before_and_after_them_stays_a_paragraph(with_lists):
    docstring = "It asks.\ndata: a folder.\nReturns a dict: name to value.\nValueError: never."
    expected = "It asks.\n\n- `data`: a folder.\n\nReturns a dict: name to value.\nValueError: never."
    assert with_lists(docstring) == expected


@pytest.mark.parametrize(
    "docstring",
    [
        "",
        "One line: with a colon.",
        "Two lines, of which\nthis says: nothing.",
        "An abbreviation (such as\nNMS: one).",
        "ValueError: no file.",
        "A code `of: one` and a time, 10:30.",
    ],
)
def test_prose_stays_as_it_is(with_lists, docstring):
    assert with_lists(docstring) == docstring

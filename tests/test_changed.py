"""The tests that `make check` chooses for a change."""

from tests.changed import files_that_test


def test_a_module_has_the_test_of_its_name():
    assert files_that_test("keras_seg/layers/strip_pooling.py") == [
        "tests/layers/test_strip_pooling.py"
    ]


def test_a_test_is_its_own():
    path = "tests/layers/test_strip_pooling.py"
    assert files_that_test(path) == [path]
    assert files_that_test("tests/checks.py") == []


def test_other_files_have_none():
    assert files_that_test("README.md") == []

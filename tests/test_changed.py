"""What `make check` tests of a change."""

from tests.changed import tests_of


def test_a_module_has_the_test_of_its_name():
    assert tests_of("keras_seg/layers/strip_pooling.py") == [
        "tests/layers/test_strip_pooling.py"
    ]


def test_a_test_is_its_own():
    path = "tests/layers/test_strip_pooling.py"
    assert tests_of(path) == [path]
    assert tests_of("tests/checks.py") == []


def test_other_files_have_none():
    assert tests_of("README.md") == []

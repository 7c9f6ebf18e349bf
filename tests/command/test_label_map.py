import pytest

from keras_seg.command.label_map import label_map


def test_reads_pairs():
    assert label_map("0:0,255:1") == {0: 0, 255: 1}
    assert label_map("7:255") == {7: 255}


@pytest.mark.parametrize("text", ["", "0", "0:0,", "a:1", "0:0:0", "1:0,1:1", "0=0"])
def test_refuses_all_else(text):
    with pytest.raises(ValueError, match="pairs VALUE:CLASS.*0:0,255:1"):
        label_map(text)

import pytest
from PIL import Image

from keras_seg.command import main
from keras_seg.data import class_table


def test_what_is_printed_can_be_read_again(tmp_path, capsys):
    main(["palette", "camvid"])
    path = tmp_path / "classes.txt"
    path.write_text(capsys.readouterr().out)
    names, palette = class_table(path)
    expected = class_table("camvid")
    assert names == expected[0] and palette.tolist() == expected[1].tolist()


def test_the_legend_has_every_color(tmp_path):
    path = tmp_path / "legend.png"
    main(["palette", "scenes", "--legend", str(path), "--width", "300"])
    with Image.open(path) as legend:
        assert legend.width == 300
        found = {color for _, color in legend.getcolors(10**6)}
    assert found >= {tuple(color) for color in class_table("scenes")[1].tolist()}


def test_unknown_classes_are_a_message(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["palette", "none"])
    assert exit.value.code == 1
    assert "or a text file with one class per line" in capsys.readouterr().err

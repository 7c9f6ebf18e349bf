import keras
import pytest

from keras_seg.command import main
from keras_seg.inference import flops
from keras_seg.models import inference_model
from tests.models.networks import cheap_deeplab


def test_parameters_operations_and_memory(tmp_path, monkeypatch, capsys):
    memory = "keras_seg.inference.peak_memory"
    monkeypatch.setattr(memory, lambda model, size: size[0] * 2**20)
    model = cheap_deeplab()
    model.save(tmp_path / "a.keras")
    sizes = ["--size", "64", "96", "--size", "512", "256"]
    main(["info", str(tmp_path / "a.keras"), *sizes])
    lines = capsys.readouterr().out.splitlines()
    network = inference_model(model)
    facts = [
        ["images", "any", "x", "any,", "3", "channels"],
        ["classes", "3"],
        ["parameters", f"{network.count_params() / 1e6:.2f}", "M"],
    ]
    assert [line.split() for line in lines[1:4]] == facts
    assert lines[4].endswith("with auxiliary")
    for line, size in zip(lines[-2:], ((64, 96), (512, 256)), strict=True):
        *named, operations, memory = line.split()
        assert named == [str(size[0]), "x", str(size[1])]
        assert operations == f"{flops(network, size) / 1e9:.2f}"
        assert memory == str(size[0])


def test_a_model_for_one_size_has_that(tmp_path, capsys):
    image = keras.Input((8, 12, 3))
    keras.Model(image, keras.layers.Rescaling(2.0)(image)).save(tmp_path / "a.keras")
    with pytest.raises(SystemExit) as exit:
        main(["info", str(tmp_path / "a.keras"), "--size", "8", "8"])
    assert exit.value.code == 1
    assert "the model takes: 8 x 12 pixels" in capsys.readouterr().err
    main(["info", str(tmp_path / "a.keras")])
    assert "\n8 x 12 " in capsys.readouterr().out

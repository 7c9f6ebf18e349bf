import json

import numpy as np

from keras_seg.inference import evaluate_label_maps, write_evaluation


def test_the_file_is_json_and_has_null_for_nan(tmp_path):
    labels, classes = np.array([[0, 0, 1]]), np.array([[0, 1, 1]])
    result = evaluate_label_maps([(labels, classes)], ("road", "car", "sky"))
    write_evaluation(result, tmp_path / "evaluation.json")

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    text = (tmp_path / "evaluation.json").read_text()
    read = json.loads(text, parse_constant=refuse)
    assert read["class_iou"] == {"road": 0.5, "car": 0.5, "sky": None}
    assert read["confusion_matrix"] == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert read["mean_iou"] == 0.5

import numpy as np

from keras_seg.inference import evaluate_label_maps, evaluation_table


def test_a_line_for_each_class_and_measure():
    labels = np.array([[0, 0, 0, 1], [0, 0, 0, 1]])
    classes = np.array([[0, 0, 0, 1], [0, 0, 1, 1]])
    names = ("road", "a long class name", "sky")
    result = evaluate_label_maps([(labels, classes)], names, boundary_tolerance=0)
    assert evaluation_table(result).splitlines() == [
        "                        pixels     IoU  accuracy  boundary F1",
        "                  road   75.0%   83.3%     83.3%        50.0%",
        "     a long class name   25.0%   66.7%    100.0%        50.0%",
        "                   sky    0.0%       -         -            -",
        "        pixel accuracy   87.5%",
        "         mean accuracy   91.7%",
        "frequency-weighted IoU   79.2%",
        "           boundary F1   50.0%",
        "              mean IoU   75.0%",
    ]


def test_without_boundaries():
    labels = np.array([[0, 1]])
    result = evaluate_label_maps([(labels, labels)], ("a", "b"), boundaries=False)
    assert "boundary" not in evaluation_table(result)


def test_ignored_pixels_have_a_line():
    labels = np.array([[0, 1, 255, 255], [255, 255, 255, 255]])
    result = evaluate_label_maps([(labels[None, :1], labels[None, :1])], ("a", "b"))
    assert "        ignored pixels   50.0%" in evaluation_table(result).splitlines()

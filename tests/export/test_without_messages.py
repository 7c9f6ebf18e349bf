import logging

from keras_seg.export.without_messages import without_messages


def test_drops_only_these_messages(caplog):
    logger = logging.getLogger("tf2onnx.optimizer")
    with without_messages("tf2onnx.optimizer", "Failed to apply"):
        logger.warning("Failed to apply %s", "optimize_transpose")
        logger.warning("Another message")
    logger.warning("Failed to apply %s", "later")
    assert caplog.messages == ["Another message", "Failed to apply later"]

"""The tab that compares two models on a photograph."""

import gradio as gr
import numpy as np

from keras_seg.app import pictures
from keras_seg.app.components import (
    AUGMENTED,
    ONE_AT_A_TIME,
    OPACITY,
    QUIET,
    answering,
    picture_frame,
)
from keras_seg.app.seen import segment


def add_compare_tab(offered, inputs):
    """Adds the components of the tab, and what happens when they are used.

    Args:
        offered: dict `{name: Network}` of all networks of the page.
        inputs: `Inputs` on the left of the page.

    Returns:
        The dropdown of the second model.
    """
    with gr.Row():
        other = gr.Dropdown(list(offered), label="Other model", elem_id="other")
        button = gr.Button("Compare", elem_id="compare")
    slider = picture_frame(
        "Model on the left, other model on the right", "slider", gr.ImageSlider
    )
    report = gr.Markdown(elem_id="compared")
    differing = picture_frame("Pixels on which they differ", "differing")

    def compare(photograph, name, other_name, window, flip, scaled):
        if not other_name:
            raise ValueError("Choose the other model.")
        scales = AUGMENTED if scaled else (1.0,)
        first, second = (
            segment(offered[x], photograph, None, window, scales, flip)
            for x in (name, other_name)
        )
        differing = pictures.differ(first.classes, second.classes)
        if first.class_names != second.class_names:
            gr.Warning("The two models have different classes.")
        overlays = [
            found.painted(range(len(found.palette)), OPACITY)
            for found in (first, second)
        ]
        share = np.mean(differing)
        times = f"{first.seconds:.2f} and {second.seconds:.2f} seconds"
        return (
            tuple(overlays),
            f"They differ on {share:.2%} of the pixels. {times}.",
            pictures.differences(first.small()[0], first.small()[1], second.small()[1]),
        )

    # Also offer models that were opened since.
    inputs.network.change(
        lambda: gr.Dropdown(choices=list(offered)), None, other, **QUIET
    )
    button.click(
        answering(compare),
        [inputs.photograph, inputs.network, other, *inputs.options],
        [slider, report, differing],
        **ONE_AT_A_TIME,
    )
    return other

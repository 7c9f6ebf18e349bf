"""The tab with what a network's modules see: prior, attention, affinity, gates."""

import functools

import gradio as gr
import numpy as np

from keras_seg.app import pictures
from keras_seg.app.components import ONE_AT_A_TIME, QUIET, answering, picture_frame
from keras_seg.app.insight import Insight, ideal_row, row_of
from keras_seg.app.seen import SIDE, labels_of, photograph_of

_NO_INSIGHT = (
    "This network has nothing to show here. Choose the .keras file of a CPNet (prior), "
    "a HANet (attention), a DSRL (reconstruction) or an SPNet (gates)."
)


def add_insight_tab(offered, inputs):
    """Adds the components of the tab, and what happens when they are used.

    Args:
        offered: dict `{name: Network}` of all networks of the page.
        inputs: `Inputs` on the left of the page.
    """
    button = gr.Button("Look into the network", elem_id="look")
    note = gr.Markdown(elem_id="note")
    prior, labels = gr.State(), gr.State()
    with gr.Row(visible=False) as prior_row:
        picked = picture_frame("Click on a pixel", "pick")
        learned = picture_frame("Context prior", "prior")
        ideal = picture_frame("Ideal prior", "ideal", visible=False)
    plots = {
        "attention": gr.Plot(
            label="Attention by height", visible=False, elem_id="attention"
        ),
        "resolution": gr.Plot(
            label="Reconstruction and affinity",
            visible=False,
            elem_id="resolution",
        ),
        "gates": gr.Plot(
            label="Gates of strip pooling", visible=False, elem_id="gates"
        ),
    }
    insights = {}

    def look(photograph, label, name):
        if not photograph:
            raise ValueError("Choose a photograph first.")
        network = offered[name]
        if name not in insights:
            insights[name] = Insight(network.model)
        insight = insights[name]
        image = photograph_of(photograph)
        figures = {
            "attention": insight.attention,
            "gates": insight.gates,
            "resolution": functools.partial(
                insight.resolution,
                palette=network.palette,
                class_names=network.class_names,
            ),
        }
        has_prior = "prior" in insight.kinds
        truth = None
        if has_prior and label:
            truth = labels_of(label, image.shape[:2])
        small, _ = pictures.fitted(image, np.zeros(image.shape[:2], "uint8"), SIDE)
        return [
            "" if insight.kinds else _NO_INSIGHT,
            insight.prior(image) if has_prior else None,
            truth,
            gr.Row(visible=has_prior),
            small if has_prior else None,
            None,
            gr.Image(value=None, visible=truth is not None),
            *(
                gr.Plot(value=figures[kind](image), visible=True)
                if kind in insight.kinds
                else gr.Plot(value=None, visible=False)
                for kind in plots
            ),
        ]

    def pick(small, found, truth, event: gr.SelectData):
        x, y = event.index
        sides = small.shape[:2]
        values, size = found
        row = row_of(values, size, (y, x), sides)
        result = pictures.heat_over(small, row, (y, x))
        if truth is None:
            return result, gr.skip()
        height, width = truth.shape
        place = y * height // sides[0], x * width // sides[1]
        cells = ideal_row(truth, size, place)
        return result, pictures.heat_over(small, cells, (y, x))

    button.click(
        answering(look),
        [inputs.photograph, inputs.label, inputs.network],
        [note, prior, labels, prior_row, picked, learned, ideal, *plots.values()],
        **ONE_AT_A_TIME,
    )
    picked.select(pick, [picked, prior, labels], [learned, ideal], **QUIET)

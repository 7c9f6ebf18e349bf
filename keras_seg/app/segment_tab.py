"""The tab with the class map of a photograph, and its scores beside a label."""

import dataclasses
import tempfile

import gradio as gr

from keras_seg.app.components import (
    AUGMENTED,
    ONE_AT_A_TIME,
    OPACITY,
    QUIET,
    answering,
    picture_frame,
)
from keras_seg.app.seen import labels_of, segment


def add_segment_tab(offered, inputs, seen):
    """Adds the components of the tab, and what happens when they are used.

    Args:
        offered: dict `{name: Network}` of all networks of the page.
        inputs: `Inputs` on the left of the page.
        seen: `gradio.State` with the last result of `segment`.
    """
    picture = picture_frame("Segmentation", "overlay")
    report = gr.Markdown(elem_id="report")
    alpha = gr.Slider(0, 1, OPACITY, step=0.05, label="Opacity", elem_id="opacity")
    legend = gr.CheckboxGroup([], label="Classes", elem_id="legend", visible=False)
    swatches = gr.HTML()
    with gr.Row():
        mask = gr.DownloadButton("Download the mask", visible=False, elem_id="mask")
        overlay = gr.DownloadButton(
            "Download the overlay", visible=False, elem_id="download"
        )
    with gr.Row(visible=False) as truth:
        table = gr.Dataframe(
            headers=["class", "IoU in %"], interactive=False, elem_id="scores"
        )
        errors = picture_frame("Wrong pixels are red, ignored ones black", "errors")

    def clear():
        return (
            None,
            None,
            "",
            gr.CheckboxGroup(choices=[], value=[], visible=False),
            gr.DownloadButton(visible=False),
            gr.DownloadButton(visible=False),
            gr.Row(visible=False),
        )

    def look(photograph, label, name, window, flip, scaled, opacity):
        scales = AUGMENTED if scaled else (1.0,)
        found = segment(offered[name], photograph, label, window, scales, flip)
        entries = found.legend()
        shown = [index for _, index in entries]
        folder = tempfile.mkdtemp()
        files = found.write_mask(folder), found.write_overlay(folder, shown, opacity)
        return (
            found,
            found.painted(shown, opacity),
            found.report(),
            gr.CheckboxGroup(choices=entries, value=shown, visible=True),
            gr.DownloadButton(value=files[0], visible=True),
            gr.DownloadButton(value=files[1], visible=True),
            *judged(found),
            _swatches(found.palette, shown),
        )

    def judged(found):
        """Returns what a label adds: its row, the IoU by class, the wrong pixels."""
        if found.labels is None:
            return gr.Row(visible=False), [], None
        rows = [[name, f"{iou:.1f}"] for name, iou in found.scores()]
        return gr.Row(visible=True), rows, found.errors()

    def judge(found, label):
        """Scores the last result by a label that was chosen after the photograph."""
        if found is None:
            return 4 * [gr.skip()]
        classes = found.classes
        labels = labels_of(label, classes.shape[:2], classes.ndim == 3)
        found = dataclasses.replace(found, labels=labels)
        return found, *judged(found)

    def paint(found, shown, opacity):
        return gr.skip() if found is None else found.painted(shown, opacity)

    def save(found, shown, opacity):
        if found is None:
            return gr.skip()
        return found.write_overlay(tempfile.mkdtemp(), shown, opacity)

    cleared = [seen, picture, report, legend, mask, overlay, truth]
    gr.on(
        [inputs.button.click, inputs.photograph.upload], clear, None, cleared, **QUIET
    ).then(
        answering(look),
        [inputs.photograph, inputs.label, inputs.network, *inputs.options, alpha],
        [*cleared, table, errors, swatches],
        show_progress_on=picture,
        **ONE_AT_A_TIME,
    )
    inputs.label.upload(
        answering(judge), [seen, inputs.label], [seen, truth, table, errors], **QUIET
    )
    drawing = [alpha.change, legend.input]
    options = QUIET | {"trigger_mode": "always_last"}  # while the slider moves
    gr.on(drawing, answering(paint), [seen, legend, alpha], picture, **options)
    # The file has the size of the photograph, and takes its time.
    gr.on(drawing, answering(save), [seen, legend, alpha], overlay, **options)


def _swatches(palette, shown):
    """Returns a style that gives each legend entry the color of its class."""
    rules = []
    for place, index in enumerate(shown, 1):
        color = "#" + bytes(palette[index].tolist()).hex()
        rules.append(f"#legend label:nth-of-type({place}) {{ --swatch: {color}; }}")
    return f"<style>{' '.join(rules)}</style>"

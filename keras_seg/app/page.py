import dataclasses
import functools
import html
import pathlib
import tempfile

import gradio as gr
import numpy as np

from keras_seg.app import pictures
from keras_seg.app.insight import Insight, ideal_row, row_of
from keras_seg.app.open_network import open_network
from keras_seg.app.seen import SIDE, labels_of, photograph_of, segment

_ONE_AT_A_TIME = {"concurrency_id": "networks", "concurrency_limit": 1}
_QUIET = {"show_progress": "hidden", "concurrency_limit": None}
_OPACITY = 0.5  # of the colours, before it is changed
_AUGMENTED = (0.75, 1.0, 1.25)  # the scales of test-time augmentation
_NO_INSIGHT = (
    "This network has nothing to show here. Choose the .keras file of a CPNet (prior), "
    "a HANet (attention), a DSRL (reconstruction) or an SPNet (gates)."
)
THEME = gr.themes.Default(
    primary_hue="blue",
    font=["system-ui", "sans-serif"],  # local fonts: none is fetched
    font_mono=["monospace"],
)
CSS = """
#legend label { border-left: 1.2em solid var(--swatch, transparent); }
#legend .wrap { gap: 6px; }
.picture .image-container { padding-top: 2.2rem; } /* of the name and the buttons */
.picture .image-frame { width: 100%; }
.picture img { width: 100%; max-height: 70vh; object-fit: contain; }
footer { display: none !important; }
"""


def page(networks):
    """Builds the page for one or several networks.

    Args:
        networks: list of one or more `Network`.

    Returns:
        `gradio.Blocks`.
    """
    offered = {}
    for network in networks:
        offered[_unused(network.name, offered)] = network
    with gr.Blocks(
        title="keras_seg", analytics_enabled=False, fill_width=True
    ) as blocks:
        gr.Markdown("# What a model sees")
        seen = gr.State()
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                inputs = _inputs(offered)
            with gr.Column(scale=3), gr.Tabs():
                with gr.Tab("Segment"):
                    _segment_tab(offered, inputs, seen)
                with gr.Tab("What the network sees"):
                    _insight_tab(offered, inputs)
                with gr.Tab("Compare"):
                    other = _compare_tab(offered, inputs)
        # Models that were opened since the start are offered to each new tab too.
        blocks.load(
            lambda: 2 * [gr.Dropdown(choices=list(offered))],
            None,
            [inputs.network, other],
            **_QUIET,
        )
    blocks.queue(max_size=32)
    return blocks


class _Inputs:
    """Components on the left, shared by all tabs."""

    def __init__(self, offered):
        names = list(offered)
        self.photograph = gr.File(
            label="Photograph", height=110, elem_id="photograph", file_types=["image"]
        )
        self.label = gr.File(
            label="Label (optional PNG of class indices)",
            height=110,
            elem_id="label",
            file_types=["image"],
        )
        self.network = gr.Dropdown(
            names, value=names[0], label="Model", elem_id="model"
        )
        self.other_model = gr.UploadButton(
            "Open a model file", file_types=[".keras", ".onnx"], elem_id="open"
        )
        with gr.Accordion("Windows and test-time augmentation", open=False):
            self.window = gr.Number(
                0,
                precision=0,
                minimum=0,
                label="Window size in pixels",
                info="0 for the whole image; very large images use windows of 1024",
            )
            self.flip = gr.Checkbox(label="Average with the mirrored image")
            self.scaled = gr.Checkbox(label="Average over scales 0.75, 1 and 1.25")
        self.button = gr.Button("Segment", variant="primary", elem_id="segment")

    @property
    def options(self):
        return [self.window, self.flip, self.scaled]


def _inputs(offered):
    inputs = _Inputs(offered)

    def add(path, current):
        # By the file alone: the folder of an upload says nothing.
        name = _unused(pathlib.Path(path).name, offered)
        network = open_network(path, name=name)
        like = offered[current]
        if network.num_classes == like.num_classes:  # files have no names of their own
            network.class_names, network.palette = like.class_names, like.palette
        offered[name] = network
        return gr.Dropdown(choices=list(offered), value=name)

    inputs.other_model.upload(
        _answering(add),
        [inputs.other_model, inputs.network],
        inputs.network,
        **_ONE_AT_A_TIME,
    )
    # The label belongs to the photograph that goes.
    inputs.photograph.clear(lambda: None, None, inputs.label, **_QUIET)
    return inputs


def _unused(name, offered):
    """The name, with a number behind it where another network has it already."""
    names = [name, *(f"{name} ({number})" for number in range(2, len(offered) + 2))]
    return next(name for name in names if name not in offered)


def _segment_tab(offered, inputs, seen):
    picture = _picture("Segmentation", "overlay")
    report = gr.Markdown(elem_id="report")
    alpha = gr.Slider(0, 1, _OPACITY, step=0.05, label="Opacity", elem_id="opacity")
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
        errors = _picture("Wrong pixels are red, ignored ones black", "errors")

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
        scales = _AUGMENTED if scaled else (1.0,)
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
        """What a label tells: whether there is one, IoU by class, the wrong pixels."""
        if found.labels is None:
            return gr.Row(visible=False), [], None
        rows = [[name, f"{iou:.1f}"] for name, iou in found.scores()]
        return gr.Row(visible=True), rows, found.errors()

    def judge(found, label):
        """A label that comes after the photograph needs no other look at it."""
        if found is None:
            return 4 * [gr.skip()]
        labels = labels_of(label, found.classes.shape)
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
        [inputs.button.click, inputs.photograph.upload], clear, None, cleared, **_QUIET
    ).then(
        _answering(look),
        [inputs.photograph, inputs.label, inputs.network, *inputs.options, alpha],
        [*cleared, table, errors, swatches],
        show_progress_on=picture,
        **_ONE_AT_A_TIME,
    )
    inputs.label.upload(
        _answering(judge), [seen, inputs.label], [seen, truth, table, errors], **_QUIET
    )
    drawing = [alpha.change, legend.input]
    options = _QUIET | {"trigger_mode": "always_last"}  # while the slider moves
    gr.on(drawing, _answering(paint), [seen, legend, alpha], picture, **options)
    # The file has the size of the photograph, and takes its time.
    gr.on(drawing, _answering(save), [seen, legend, alpha], overlay, **options)


def _insight_tab(offered, inputs):
    button = gr.Button("Look into the network", elem_id="look")
    note = gr.Markdown(elem_id="note")
    prior, labels = gr.State(), gr.State()
    with gr.Row(visible=False) as prior_row:
        picked = _picture("Click on a pixel", "pick")
        learned = _picture("Context prior", "prior")
        ideal = _picture("Ideal prior", "ideal", visible=False)
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
        _answering(look),
        [inputs.photograph, inputs.label, inputs.network],
        [note, prior, labels, prior_row, picked, learned, ideal, *plots.values()],
        **_ONE_AT_A_TIME,
    )
    picked.select(pick, [picked, prior, labels], [learned, ideal], **_QUIET)


def _compare_tab(offered, inputs):
    with gr.Row():
        other = gr.Dropdown(list(offered), label="Other model", elem_id="other")
        button = gr.Button("Compare", elem_id="compare")
    slider = _picture(
        "Model on the left, other model on the right", "slider", gr.ImageSlider
    )
    report = gr.Markdown(elem_id="compared")
    differing = _picture("Pixels on which they differ", "differing")

    def compare(photograph, name, other_name, window, flip, scaled):
        if not other_name:
            raise ValueError("Choose the other model.")
        scales = _AUGMENTED if scaled else (1.0,)
        first, second = (
            segment(offered[x], photograph, None, window, scales, flip)
            for x in (name, other_name)
        )
        if first.class_names != second.class_names:
            gr.Warning("The two models have different classes.")
        overlays = [
            found.painted(range(len(found.palette)), _OPACITY)
            for found in (first, second)
        ]
        share = np.mean(first.classes != second.classes)
        times = f"{first.seconds:.2f} and {second.seconds:.2f} seconds"
        return (
            tuple(overlays),
            f"They differ on {share:.2%} of the pixels. {times}.",
            pictures.differences(first.small()[0], first.small()[1], second.small()[1]),
        )

    # Also offer models that were opened since.
    inputs.network.change(
        lambda: gr.Dropdown(choices=list(offered)), None, other, **_QUIET
    )
    button.click(
        _answering(compare),
        [inputs.photograph, inputs.network, other, *inputs.options],
        [slider, report, differing],
        **_ONE_AT_A_TIME,
    )
    return other


def _picture(label, elem_id, kind=gr.Image, **options):
    """Returns a component that shows a picture, without Gradio's share button."""
    return kind(
        label=label,
        elem_id=elem_id,
        elem_classes="picture",
        interactive=False,
        format="png",  # lossless
        buttons=["download", "fullscreen"],
        **options,
    )


def _swatches(palette, shown):
    """Returns a style that gives each legend entry the colour of its class."""
    rules = []
    for place, index in enumerate(shown, 1):
        color = "#" + bytes(palette[index].tolist()).hex()
        rules.append(f"#legend label:nth-of-type({place}) {{ --swatch: {color}; }}")
    return f"<style>{' '.join(rules)}</style>"


def _answering(function):
    """Wraps a function so that its errors become messages on the page."""

    @functools.wraps(function)
    def answer(*args):
        try:
            return function(*args)
        except Exception as error:  # the page must survive any error
            message = html.escape(str(error)) or type(error).__name__
            raise gr.Error(message, duration=None, print_exception=False) from error

    return answer

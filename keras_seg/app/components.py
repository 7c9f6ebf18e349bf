"""Components that the tabs of the page share: event settings, pictures, errors."""

import functools
import html

import gradio as gr

ONE_AT_A_TIME = {"concurrency_id": "networks", "concurrency_limit": 1}
QUIET = {"show_progress": "hidden", "concurrency_limit": None}
OPACITY = 0.5  # of the colors, before it is changed
AUGMENTED = (0.75, 1.0, 1.25)  # the scales of test-time augmentation


def picture_frame(label, elem_id, kind=gr.Image, **options):
    """Returns a component that shows a picture, without Gradio's share button.

    Args:
        label: str. The name above the picture.
        elem_id: str. The element's id in the page.
        kind: `gradio.Image`, or another component for images.
        **options: Further arguments of the component.
    """
    return kind(
        label=label,
        elem_id=elem_id,
        elem_classes="picture",
        interactive=False,
        format="png",  # lossless
        buttons=["download", "fullscreen"],
        **options,
    )


def answering(function):
    """Wraps a function so that its errors become messages on the page."""

    @functools.wraps(function)
    def answer(*args):
        try:
            return function(*args)
        except Exception as error:  # the page must survive any error
            message = html.escape(str(error)) or type(error).__name__
            raise gr.Error(message, duration=None, print_exception=False) from error

    return answer

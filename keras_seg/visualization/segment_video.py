import contextlib
import fractions
import math
import sys
from collections.abc import Callable

import keras
import numpy as np

from keras_seg.data import read_image
from keras_seg.data.find_files import IMAGE_SUFFIXES, find_files
from keras_seg.local_path import local_path
from keras_seg.typing import PathLike
from keras_seg.visualization.overlay import overlay

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v")
_CODECS = {".webm": "libvpx-vp9"}  # the others have H.264


def segment_video(
    label_map: Callable[[np.ndarray], np.ndarray],
    source: PathLike,
    output: PathLike,
    palette: np.ndarray,
    alpha: float = 0.5,
    frames_per_second: float | None = None,
    verbose: int = 1,
) -> int:
    """Segments a video and writes it overlaid with the colors of the classes.

    Frames are read, segmented and written one at a time, so that memory does not grow
    with the length of the video. Sound is dropped. Odd heights and widths are padded by
    repeating the last row or column, because video codecs require even sizes.

    Args:
        label_map: function from an image, uint8 `(height, width, 3)`, to its class map
            or masks of independent classes, such as `predictor` returns.
        source: str or path of a video, or of a folder of frames. Frames are sorted by
            name, with numbers in numerical order.
        output: str or path of the video to write: .mp4, .mkv, .mov, .avi, .m4v or
            .webm. The file appears when it is complete.
        palette: uint8 array `(num_classes, 3)`, RGB.
        alpha: float in 0..1. Opacity of the colors.
        frames_per_second: float, or None for that of the source, and 25 for a folder.
        verbose: 0, or 1 for a progress bar on the standard error.

    Returns:
        int, the number of frames.

    Raises:
        FileNotFoundError: If `source` or the folder of `output` does not exist.
        OSError: If the video cannot be written.
        ImportError: If PyAV is not installed: `pip install 'keras-seg[video]'`.
        ValueError: If the source holds no frames or is damaged, if frames differ in
            size, if `output` has another suffix, or if `frames_per_second` is not
            positive.

    Example:
        `segment_video(predictor(model), "drive.mp4", "classes.mp4", val.palette)`
    """
    av = _av()
    source, target = local_path(source), local_path(output)
    _check(source, target)
    if frames_per_second is not None and not 0 < frames_per_second < math.inf:
        raise ValueError(
            "`frames_per_second` must be a positive number or None. Received: "
            f"{frames_per_second=}"
        )
    partial = target.with_name(f".{target.stem}.partial{target.suffix}")
    with _writing(av, target), contextlib.ExitStack() as stack:
        frames, count, rate = _frames(av, source, stack)
        rate = fractions.Fraction(frames_per_second or rate).limit_denominator(1001)
        bar = keras.utils.Progbar(count or None, unit_name="frame")
        stack.callback(partial.unlink, missing_ok=True)
        container = stack.enter_context(av.open(str(partial), "w"))
        stream, written = None, 0
        for image in frames:
            picture = _even(overlay(image, label_map(image), palette, alpha))
            if stream is None:
                stream = _add_stream(container, target, rate, picture.shape)
            if picture.shape[:2] != (stream.height, stream.width):
                raise ValueError(
                    f"The frames of {source} must have one size. Received "
                    f"{stream.height}x{stream.width} and {picture.shape[0]}x"
                    f"{picture.shape[1]} (height x width)."
                )
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            written += 1
            if verbose:
                with contextlib.redirect_stdout(sys.stderr):
                    bar.add(1)
        if stream is None:
            raise ValueError(f"{source} holds no frames")
        container.mux(stream.encode())
        container.close()
        partial.replace(target)
    return written


@contextlib.contextmanager
def _writing(av, output):
    """Turns FFmpeg's errors, which name no file, into an `OSError` that does."""
    try:
        yield
    except av.error.FFmpegError as error:
        message = f"Cannot write: {error.strerror}"
        raise OSError(error.errno, message, str(output)) from error


def _av():
    try:
        import av
    except ImportError as error:
        raise ImportError("Videos need PyAV: pip install 'keras-seg[video]'") from error
    return av


def _check(source, output):
    if not source.exists():
        raise FileNotFoundError(f"There is no file or folder {source}")
    if output.suffix.lower() not in VIDEO_SUFFIXES:
        raise ValueError(
            f"The video must end in {', '.join(VIDEO_SUFFIXES)}. Received: {output}"
        )
    if not output.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {output.parent}")
    if source.resolve() == output.resolve():
        raise ValueError(
            f"`output` must be a different file from `source`. Received: {source}"
        )


def _frames(av, source, stack):
    """Returns the images, their number (0 if unknown) and the frames per second."""
    if source.is_dir():
        paths = sorted(find_files(source, IMAGE_SUFFIXES), key=_by_numbers)
        images = (np.uint8(np.rint(read_image(path))) for path in paths)
        return images, len(paths), 25
    try:
        container = stack.enter_context(av.open(str(source)))
        stream = container.streams.video[0]
    except (av.error.FFmpegError, IndexError) as error:
        raise ValueError(f"{source} must be a video. {error}") from error
    stream.thread_type = "AUTO"
    return _decode(av, source, container), stream.frames, stream.average_rate or 25


def _decode(av, source, container):
    try:
        for frame in container.decode(video=0):
            turns = round(getattr(frame, "rotation", 0) / 90)  # phones store rotations
            yield np.rot90(frame.to_ndarray(format="rgb24"), turns)
    except av.error.FFmpegError as error:
        raise ValueError(f"Cannot read {source}: {error}") from error


def _by_numbers(path):
    """Returns a sort key that puts "frame10" after "frame9"."""
    parts, digits = [], ""
    for character in [*path.as_posix(), ""]:
        if character.isdecimal():  # int does not read others, such as a raised 2
            digits += character
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        parts.append((1, 0, character))
    return parts


def _even(picture):
    height, width, _ = picture.shape
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _add_stream(container, output, rate, shape):
    codec = _CODECS.get(output.suffix.lower(), "h264")
    stream = container.add_stream(codec, rate=rate)
    stream.height, stream.width = shape[:2]
    stream.pix_fmt = "yuv420p"
    return stream

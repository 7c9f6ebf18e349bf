import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence

from keras_seg.app.open_network import open_network
from keras_seg.typing import PathLike

_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
_LARGEST_FILE = "1gb"  # model files are uploaded too


def launch(
    models: Sequence[PathLike],
    classes: PathLike | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = False,
    share: bool = False,
) -> None:
    """Serves the browser page for one or several models until it is interrupted.

    The page works offline: fonts and scripts come from its own server, the browser is
    told not to fetch anything from elsewhere, and no analytics are sent. Uploads are
    stored in a folder that is removed at the end.

    Args:
        models: sequence of one or more paths or preset names; see `open_network`.
        classes: class names and colors; see `open_network`.
        host: str. The address to listen on. With the default, only this computer can
            reach the page; with "0.0.0.0", every computer that can reach this one.
            There is no password: anyone who reaches the page can use it, and upload
            models too.
        port: int, or None for the first free one from 7860.
        open_browser: bool. Whether to open the page in the default browser.
        share: bool. Whether to create a public link through Gradio's servers.

    Raises:
        ImportError: If Gradio is not installed: `pip install 'keras-seg[app]'`.
        OSError: If the port is in use.
        ValueError: See `open_network`.

    Example:
        `launch(["runs/spnet/best.keras"], classes="camvid")`
    """
    networks = [open_network(model, classes) for model in models]
    with tempfile.TemporaryDirectory(prefix="keras-seg-app-") as folder:
        # Set before Gradio is imported, which reads these variables.
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        tempfile.tempdir = folder  # for files to download
        blocks = None
        try:
            try:
                from keras_seg.app.page import CSS, THEME, page
            except ImportError as error:
                raise ImportError(
                    "The app needs Gradio: pip install 'keras-seg[app]'"
                ) from error
            # Exit normally on SIGTERM too, so that the folder is removed.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            blocks = page(networks)
            _, url, public_url = blocks.launch(
                prevent_thread_lock=True,
                quiet=True,
                server_name=host,
                server_port=port,
                share=share,
                inbrowser=open_browser,
                max_file_size=_LARGEST_FILE,
                ssr_mode=False,
                mcp_server=False,
                footer_links=[],
                theme=THEME,
                css=CSS,
                app_kwargs={"middleware": [_middleware()]},
            )
            print(f"The page is at {public_url or url}  (Ctrl+C to stop)", flush=True)
            _wait()
        finally:
            tempfile.tempdir = None
            if blocks is not None:
                blocks.close(verbose=False)


def _wait():
    """Waits until the user interrupts."""
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _middleware():
    """Returns middleware that forbids browsers to fetch from other servers."""
    from starlette.middleware import Middleware

    return Middleware(_ContentPolicy)


class _ContentPolicy:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def send_with_policy(message):
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", _POLICY.encode())
                message = message | {"headers": [*message["headers"], policy]}
            await send(message)

        await self.app(scope, receive, send_with_policy)

import contextlib
import os
import signal
import sys
import tempfile
import threading

from keras_seg.app.open_network import open_network

_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
_LARGEST_FILE = "1gb"  # model files are uploaded too


def launch(
    models,
    classes=None,
    host="127.0.0.1",
    port=None,
    open_browser=False,
    share=False,
):
    """Serves the page for some models, until it is interrupted.

    The page needs no network but that to its server: fonts and scripts are the server's
    own, the browser is told to fetch nothing from elsewhere, and nothing is reported.
    What users upload lies in a folder that is removed at the end.

    Args:
        models: sequence of paths and names that `open_network` opens, one or more.
        classes: of `open_network`.
        host: str, the address to listen at. The default is reached from this computer
            alone; "0.0.0.0" from all that reach it. There is no password: whoever
            reaches the page can use it, and upload models too.
        port: int, or None for a free one from 7860 on.
        open_browser: bool. Whether to show the page in the default browser.
        share: bool. Whether Gradio is asked for a public link, through its servers.

    Raises:
        ImportError: If Gradio is not installed: `pip install 'keras-seg[app]'`.
        OSError: If the port is in use.
        ValueError: As `open_network`.

    Example: `launch(["runs/spnet/best.keras"], classes="camvid")`
    """
    networks = [open_network(model, classes) for model in models]
    with tempfile.TemporaryDirectory(prefix="keras-seg-app-") as folder:
        # Before Gradio is imported, which reads these.
        os.environ["GRADIO_TEMP_DIR"] = folder
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        tempfile.tempdir = folder  # of the files to download
        try:
            from keras_seg.app.page import CSS, THEME, page
        except ImportError as error:
            raise ImportError(
                "The app needs Gradio: pip install 'keras-seg[app]'"
            ) from error
        # So that the folder goes in the end, whoever ends the process.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        blocks = page(networks)
        try:
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
            print(f"The page is at {public_url or url}  (Ctrl+C ends it)", flush=True)
            _wait()
        finally:
            blocks.close(verbose=False)
            tempfile.tempdir = None


def _wait():
    """Returns when the user interrupts."""
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _middleware():
    """Tells browsers to fetch nothing from elsewhere."""
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

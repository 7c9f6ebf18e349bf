"""The page in a real browser: `make test-app`, with Debian's Chromium."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_seg.app import pictures
from keras_seg.data import StreetScenes
from keras_seg.layers import ContextPriorLayer
from keras_seg.models import SPNet, inference_model, prior_model
from keras_seg.visualization import overlay
from tests.models.test_cpnet import SIZE, tiny_cpnet
from tests.models.test_spnet import tiny_network

pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

SCENES = StreetScenes(2, (96, 128))
PALETTE = SCENES.palette
SECONDS = 1000  # milliseconds
PATIENCE = 60 * SECONDS


def classes_of(model, image):
    """What a network says of an image, without the package's way to ask it."""
    logits = inference_model(model)(image[None].astype("float32"))
    return keras.ops.convert_to_numpy(logits)[0].argmax(axis=-1).astype("uint8")


def scene(index):
    image, label = SCENES[index]
    return image.astype("uint8"), label.astype("uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models and photographs."""
    folder = tmp_path_factory.mktemp("files")
    for index in range(2):
        for name, pixels in zip(("image", "label"), scene(index), strict=True):
            Image.fromarray(pixels).save(folder / f"{name}{index}.png")
    content = (folder / "image0.png").read_bytes()
    (folder / "broken.png").write_bytes(content[: len(content) // 2])
    Image.new("1", (20000, 20000)).save(folder / "large.png")
    (folder / "text.keras").write_text("no model")
    return folder


@pytest.fixture(scope="module")
def models(folder):
    keras.utils.set_random_seed(0)
    classes = SCENES.num_classes
    networks = {
        "cpnet": tiny_cpnet(classes),
        "spnet": SPNet(classes, tiny_network(), pool_sizes=(2, 1)),
    }
    (layer,) = (
        layer
        for layer in networks["cpnet"].layers
        if isinstance(layer, ContextPriorLayer)
    )
    norm = layer.prior.norm
    norm.gamma.assign(1000 * keras.ops.ones_like(norm.gamma))  # not alike everywhere
    for name, model in networks.items():
        model.save(folder / f"{name}.keras")
    return networks


@pytest.fixture(scope="module")
def address(folder, models, tmp_path_factory):
    """Where `keras-seg app` serves; at its end all that was uploaded is gone."""
    temporary = tmp_path_factory.mktemp("temporary")
    files = [folder / f"{name}.keras" for name in models]
    command = [sys.executable, "-m", "keras_seg", "app", *files, "--classes", "scenes"]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        try:
            yield re.search(r"http://127\.0\.0\.1:\d+", line)[0]
            assert [*temporary.glob("keras-seg-app-*/*")]
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert not [*temporary.glob("keras-seg-app-*")]


@pytest.fixture(scope="module")
def browser(address):
    with sync_api.sync_playwright() as playwright:
        options = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    yield from open_page(browser, address)


def open_page(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(address)
    page.wait_for_selector("#photograph input[type=file]", state="attached")
    page.wait_for_selector("#segment")
    page.wait_for_timeout(2 * SECONDS)  # until it listens
    yield page
    context.close()
    # Nothing was asked of anybody else.
    assert hosts - {""} <= {address.removeprefix("http://")}, hosts


def upload(page, field, path):
    page.set_input_files(f"#{field} input[type=file]", path)
    page.wait_for_selector(f"#{field} .file-preview")


def pixels_of(page, element):
    """What a picture of the page holds, as the browser got it."""
    source = page.wait_for_selector(f"#{element} img").get_attribute("src")
    content = page.request.get(source).body()
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def wait_for_another(page, element, source):
    page.wait_for_function(
        "([id, old]) => { const image = document.querySelector(`#${id} img`);"
        " return image && image.src !== old; }",
        arg=[element, source],
    )


def source_of(page, element):
    return page.locator(f"#{element} img").evaluate("image => image.src")


def message_of(page):
    message = page.wait_for_selector(".toast-body").inner_text()
    page.locator(".toast-close").first.click(force=True)
    page.wait_for_selector(".toast-body", state="detached")
    return message


def test_upload_overlay_and_classes(page, folder, models):
    upload(page, "photograph", folder / "image0.png")
    image, _ = scene(0)
    classes = classes_of(models["cpnet"], image)
    np.testing.assert_array_equal(
        pixels_of(page, "overlay"), overlay(image, classes, PALETTE)
    )
    assert "96 x 128 pixels in" in page.inner_text("#report")
    counts = np.bincount(classes.ravel(), minlength=len(PALETTE))
    first = page.locator("#legend label").first
    most = counts.argmax()
    share = f"{counts[most] / classes.size:.1%}"
    assert first.inner_text().split() == [*SCENES.class_names[most].split(), share]

    source = source_of(page, "overlay")
    first.click()  # switches the most frequent class off
    wait_for_another(page, "overlay", source)
    rest = np.where(classes == most, -1, classes.astype(int))
    np.testing.assert_array_equal(
        pixels_of(page, "overlay"), overlay(image, rest, PALETTE)
    )

    source = source_of(page, "overlay")
    slider = page.locator("#opacity input[type=range]")
    slider.focus()
    slider.press("End")
    wait_for_another(page, "overlay", source)
    np.testing.assert_array_equal(
        pixels_of(page, "overlay"), overlay(image, rest, PALETTE, 1.0)
    )

    with page.expect_download() as download:
        page.click("#mask")
    mask = np.asarray(Image.open(download.value.path()))
    np.testing.assert_array_equal(mask, classes)


def test_label_gives_scores_and_errors(page, folder, models):
    upload(page, "label", folder / "label0.png")
    upload(page, "photograph", folder / "image0.png")
    image, labels = scene(0)
    expected = pictures.errors(image, classes_of(models["cpnet"], image), labels)
    np.testing.assert_array_equal(pixels_of(page, "errors"), expected)
    assert "mean IoU" in page.inner_text("#scores")


def test_click_on_the_prior(page, folder, models):
    upload(page, "label", folder / "label0.png")
    upload(page, "photograph", folder / "image0.png")
    page.wait_for_selector("#overlay img")
    page.get_by_role("tab", name="What the network sees").click()
    page.click("#look")
    picture = page.wait_for_selector("#pick img")
    box = picture.bounding_box()
    # Near the middle of the image, wherever the picture has margins.
    x, y = (box[a] + 0.53 * box[b] for a, b in (("x", "width"), ("y", "height")))
    page.mouse.click(x, y)
    image, _ = scene(0)
    prior = prior_model(models["cpnet"])(image[None].astype("float32"))
    prior = keras.ops.convert_to_numpy(prior)[0]
    row = prior[SIZE[0] // 2 * SIZE[1] + SIZE[1] // 2].reshape(SIZE)
    expected = pictures.heat_over(image, row).astype(int)
    found = pixels_of(page, "prior").astype(int)
    ring = np.ones(found.shape[:2], bool)
    ring[40:65, 54:84] = False  # around the pixel
    assert np.abs(found - expected)[ring].max() <= 2
    assert pixels_of(page, "ideal").shape == image.shape


def test_bad_input_is_a_message_and_the_page_goes_on(page, folder):
    for name, words in (("broken.png", "broken.png"), ("large.png", "pixels")):
        upload(page, "photograph", folder / name)
        assert words in message_of(page)
        page.get_by_role("button", name="Clear").first.click()
    page.click("#segment")
    assert "Choose a photograph" in message_of(page)
    with page.expect_file_chooser() as chooser:
        page.click("#open")
    chooser.value.set_files(folder / "text.keras")
    assert "Cannot load the model text.keras" in message_of(page)
    upload(page, "photograph", folder / "image1.png")
    assert pixels_of(page, "overlay").shape == (96, 128, 3)

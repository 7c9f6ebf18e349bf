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
from tests.models.networks import SIZE, tiny_cpnet, tiny_network

pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

SCENES = StreetScenes(2, (96, 128))
PALETTE = SCENES.palette
PATIENCE = 60_000  # milliseconds


def classes_of(model, image):
    """Returns a network's classes without the package's prediction functions."""
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
    """Yields the address of `keras-seg app`; at its end all uploads are deleted."""
    temporary = tmp_path_factory.mktemp("temporary")
    files = [folder / f"{name}.keras" for name in models]
    command = [sys.executable, "-m", "keras_seg", "app", *files, "--classes", "scenes"]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, f"the app did not start: {line!r}"
            yield found[0]
            assert [*temporary.glob("keras-seg-app-*/*")]
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(60)
        assert status == 0
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


@pytest.fixture
def second_page(browser, address):
    yield from open_page(browser, address)


def open_page(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    # The page asks for the models once it is built: from then on it listens.
    with page.expect_response(lambda response: "/queue/data" in response.url):
        page.goto(address)
    yield page
    context.close()
    # Nothing was asked of anybody else.
    assert hosts - {""} <= {address.removeprefix("http://")}, hosts


def upload(page, field, path):
    page.set_input_files(f"#{field} input[type=file]", path)
    page.wait_for_selector(f"#{field} .file-preview")


def source_of(page, element, old=""):
    """The address of a picture that has arrived, and is not `old`."""
    handle = page.wait_for_function(
        "([id, old]) => { const image = document.querySelector(`#${id} img`);"
        " return image && image.complete && image.naturalWidth && image.src !== old"
        " && image.src; }",
        arg=[element, old],
    )
    return handle.json_value()


def pixels_of(page, element, old=""):
    """Returns the pixels of a picture of the page, as the browser received them."""
    content = page.request.get(source_of(page, element, old)).body()
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def open_tab(page, name):
    page.get_by_role("tab", name=name).click()


def choose(page, field, text):
    page.click(f"#{field} input")
    page.get_by_role("option", name=text, exact=True).click()


def open_model(page, path):
    with page.expect_file_chooser() as chooser:
        page.click("#open")
    chooser.value.set_files(path)


def message_of(page):
    message = page.wait_for_selector(".toast-body").inner_text()
    page.locator(".toast-close").first.dispatch_event("click")
    page.wait_for_selector(".toast-body", state="detached")
    return message


def assert_alike(found, expected):
    """Runs in two processes may round differently at the edge of a class."""
    assert found.shape == expected.shape
    assert (found != expected).mean() < 0.002


def percent_of(text):
    return float(re.search(r"([\d.]+)%", text)[1])


def test_upload_overlay_and_classes(page, folder, models):
    upload(page, "photograph", folder / "image0.png")
    image, _ = scene(0)
    classes = classes_of(models["cpnet"], image)
    assert_alike(pixels_of(page, "overlay"), overlay(image, classes, PALETTE))
    assert "96 x 128 pixels in" in page.inner_text("#report")
    counts = np.bincount(classes.ravel(), minlength=len(PALETTE))
    most = counts.argmax()
    first = page.locator("#legend label").first
    assert first.inner_text().strip().startswith(SCENES.class_names[most])
    share = 100 * counts[most] / classes.size
    assert percent_of(first.inner_text()) == pytest.approx(share, abs=0.2)

    source = source_of(page, "overlay")
    first.click()  # switches the most frequent class off
    rest = np.where(classes == most, -1, classes.astype(int))
    assert_alike(pixels_of(page, "overlay", source), overlay(image, rest, PALETTE))

    source = source_of(page, "overlay")
    slider = page.locator("#opacity input[type=range]")
    slider.focus()
    slider.press("End")
    assert_alike(pixels_of(page, "overlay", source), overlay(image, rest, PALETTE, 1.0))

    with page.expect_download() as download:
        page.click("#mask")
    assert_alike(np.asarray(Image.open(download.value.path())), classes)


@pytest.mark.parametrize("order", [("label", "photograph"), ("photograph", "label")])
def test_label_gives_scores_and_errors(page, folder, models, order):
    for field, file in zip(order, order, strict=True):
        upload(page, field, folder / f"{file.replace('photograph', 'image')}0.png")
        if field == "photograph":
            source_of(page, "overlay")
    image, labels = scene(0)
    expected = pictures.errors(image, classes_of(models["cpnet"], image), labels)
    assert_alike(pixels_of(page, "errors"), expected)
    assert "mean IoU" in page.inner_text("#scores")
    # The next photograph has another label.
    page.locator("#photograph").get_by_role("button", name="Clear").click()
    page.wait_for_selector("#label .file-preview", state="detached")


def test_click_on_the_prior(page, folder, models):
    upload(page, "label", folder / "label0.png")
    upload(page, "photograph", folder / "image0.png")
    source_of(page, "overlay")
    open_tab(page, "What the network sees")
    page.click("#look")
    source_of(page, "pick")
    picture = page.locator("#pick img")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    # Near the middle of the image, wherever the picture has margins.
    page.mouse.click(
        *(box[a] + 0.53 * box[b] for a, b in (("x", "width"), ("y", "height")))
    )
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


def test_gates_of_another_model(page, folder):
    choose(page, "model", f"{folder.name}/spnet.keras")
    upload(page, "photograph", folder / "image0.png")
    source_of(page, "overlay")
    open_tab(page, "What the network sees")
    page.click("#look")
    assert source_of(page, "gates").startswith("data:image/")


def test_bad_input_is_a_message_and_the_page_goes_on(page, folder):
    for name, words in (("broken.png", "broken.png"), ("large.png", "pixels")):
        upload(page, "photograph", folder / name)
        assert words in message_of(page)
        page.locator("#photograph").get_by_role("button", name="Clear").click()
        page.wait_for_selector("#photograph .file-preview", state="detached")
    page.click("#segment")
    assert "Choose a photograph" in message_of(page)
    open_model(page, folder / "text.keras")
    assert "Cannot load the model text.keras" in message_of(page)
    upload(page, "photograph", folder / "image1.png")
    assert pixels_of(page, "overlay").shape == (96, 128, 3)


def test_two_tabs_at_once(page, second_page, folder, models):
    tabs = page, second_page
    for index, tab in enumerate(tabs):
        tab.set_input_files(
            "#photograph input[type=file]", folder / f"image{index}.png"
        )
    for index, tab in enumerate(tabs):
        image, _ = scene(index)
        expected = overlay(image, classes_of(models["cpnet"], image), PALETTE)
        assert_alike(pixels_of(tab, "overlay"), expected)


def test_compares_two_models(page, folder, models):
    upload(page, "photograph", folder / "image0.png")
    source_of(page, "overlay")
    open_tab(page, "Compare")
    choose(page, "other", f"{folder.name}/spnet.keras")
    page.click("#compare")
    image, _ = scene(0)
    first, second = (classes_of(models[name], image) for name in ("cpnet", "spnet"))
    expected = pictures.differences(image, first, second)
    assert_alike(pixels_of(page, "differing"), expected)
    share = 100 * (first != second).mean()
    found = percent_of(page.inner_text("#compared"))
    assert found == pytest.approx(share, abs=0.2)
    assert page.locator("#slider img").count() >= 2


def test_opened_models_are_offered_to_new_tabs(page, browser, address, folder, models):
    open_model(page, folder / "spnet.keras")
    page.wait_for_function(
        "() => document.querySelector('#model input').value === 'spnet.keras'"
    )
    upload(page, "photograph", folder / "image0.png")
    image, _ = scene(0)
    classes = classes_of(models["spnet"], image)
    # With the colors of the models that were there.
    assert_alike(pixels_of(page, "overlay"), overlay(image, classes, PALETTE))
    for another in open_page(browser, address):
        choose(another, "model", "spnet.keras")


def test_the_policy_keeps_the_browser_at_home(page, address):
    response = page.request.get(address)
    assert "default-src 'self'" in response.headers["content-security-policy"]
    refused = page.evaluate(
        "() => new Promise(resolve => {"
        " document.addEventListener('securitypolicyviolation', event =>"
        " resolve(event.blockedURI));"
        " fetch('http://192.0.2.1/fonts.css').catch(() => {}); })"
    )
    assert refused.startswith("http://192.0.2.1")

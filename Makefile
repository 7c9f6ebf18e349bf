# Each target sets up what it needs in .venv by itself. JOBS processes run the tests.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
OTHERS := .venv-backends
JAX := .venv-jax
TORCH := .venv-torch
ADDONS := .venv-addons
NEXT := .venv-next
APP := .venv-app
DOCS := .venv-docs
JOBS ?= 2
ON_EACH_BACKEND := $(addprefix tests/,ops layers losses metrics backbones models checkpoints)
# What the Keras of the lane may change; the rest is NumPy, files and text.
IN_ADDONS := $(addprefix tests/,addons ops layers losses metrics models training inference checkpoints export)
ON_KERAS_2 := import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))
SEES_GPU := import sys, tensorflow as tf; sys.exit(not tf.config.list_physical_devices("GPU"))
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: install demo test test-all test-script test-addons test-next test-jax test-torch test-distributed test-gpu test-app matrix format lint check bench docs backbones clean

install: $(VENV)/installed

$(VENV)/installed: EXTRAS := test,lint,imagenet
$(VENV)/demo: EXTRAS := imagenet
$(VENV)/demo: PIP_OPTIONS := --no-compile
$(NEXT)/installed: EXTRAS := test,imagenet
$(OTHERS)/installed: EXTRAS := test,imagenet,backends
$(JAX)/installed: EXTRAS := test,imagenet,jax
$(TORCH)/installed: EXTRAS := test,imagenet,torch
$(ADDONS)/installed: EXTRAS := addons,test-addons,imagenet
$(APP)/installed: EXTRAS := app,test-app

# A new pip first: older ones do not find the versions that fit on Python 3.10. For the demo,
# modules are compiled when they are imported: most never are. Tests import them often.
define SET_UP
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else f"keras_seg needs Python 3.10 to 3.13, and {sys.executable} is {v[0]}.{v[1]}: name another with make PYTHON=...")'
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade pip
	$(@D)/bin/python -m pip install --quiet $(PIP_OPTIONS) --editable '.[$(EXTRAS)]'
	@touch $@
endef

$(VENV)/installed $(VENV)/demo $(OTHERS)/installed $(JAX)/installed $(TORCH)/installed $(ADDONS)/installed $(NEXT)/installed $(APP)/installed: setup.py
	$(SET_UP)

# Fine-tunes a trained HANet on procedural streets, evaluates and exports it, and draws its
# predictions: a few minutes on two cores. Thin and rare classes weigh more. The packages of
# the tests are not needed.
demo: $(or $(wildcard $(VENV)/installed),$(VENV)/demo)
	TF_ENABLE_ONEDNN_OPTS=1 $(RUN) -m keras_seg train --from hanet_b1_camvid --scenes 272 \
		--image-size 144 192 --crop 128 192 --scale 0.8 1.4 --batch-size 4 --epochs 3 \
		--val-every 3 --learning-rate 4e-3 --backbone-rate 0.5 --warmup 10 --ema 0.95 \
		--loss crossentropy+lovasz --class-weights 1 1 1 1 1 6 3 1 2 \
		--class-balance 0.5 --cache --overwrite --output runs/demo \
		--export saved_models/demo/1

test: install
	$(RUN) -m pytest -m 'not slow' --numprocesses $(JOBS) --dist loadfile

test-all: install
	$(RUN) -m pytest

# A training script from end to end, on a few small scenes; `test-all` runs all scripts.
test-script: install
	$(RUN) -m pytest tests/examples/test_scripts.py -k 'leaves_a_model and train_spnet'

# TensorFlow 2.15 with Keras 2 and tensorflow-addons, in an environment of their own; what
# is exchanged with Keras 3 needs that of `test` too.
test-addons: install
	@if $(PYTHON) -c '$(ON_KERAS_2)'; then \
		$(MAKE) $(ADDONS)/installed && KERAS_SEG_OTHER_PYTHON=$(abspath $(RUN)) \
		$(ADDONS)/bin/python -m pytest -m 'not slow' --numprocesses $(JOBS) --dist loadfile $(IN_ADDONS); \
	else echo "TensorFlow 2.15 is there for Python 3.10 and 3.11 only: nothing to test"; fi

# The newest Keras, release candidates and what setup.py does not admit yet included.
test-next: $(NEXT)/installed
	$(NEXT)/bin/python -m pip install --quiet --upgrade --pre --no-deps keras
	$(NEXT)/bin/python -m pip list | grep -i '^keras '
	$(NEXT)/bin/python -m pytest -m 'not slow' --numprocesses $(JOBS)

# What runs on Keras's other backends, each in an environment of its own.
test-jax test-torch: test-%: .venv-%/installed
	KERAS_BACKEND=$* .venv-$*/bin/python -m pytest -m 'not slow' --numprocesses $(JOBS) \
		--dist loadfile $(ON_EACH_BACKEND)

# Lint, and the tests of what differs from COMMIT, in two minutes: before every commit.
COMMIT ?= HEAD
check: lint
	$(RUN) -m pytest -m 'not slow' --numprocesses $(JOBS) --seconds 75 $$($(RUN) -m tests.changed $(COMMIT))

# Devices, machines, kill -9 and precisions, in processes of their own: half an hour.
test-distributed: install
	$(RUN) -m pytest tests/scale

# What differs on a GPU, against the CPU, and the table of speed and memory there.
test-gpu: install
	$(RUN) -m pytest tests/gpu
	@if $(RUN) -c '$(SEES_GPU)'; then $(RUN) -m benchmarks.networks; \
	else echo "TensorFlow sees no GPU: no table"; fi

# The page of `keras-seg app` in a real browser, in an environment of its own.
test-app: $(APP)/installed
	@command -v chromium || command -v google-chrome || { \
		echo "make test-app needs Chromium: apt-get install chromium"; exit 1; }
	$(APP)/bin/python -m pytest tests/app

# What test-distributed does, with JAX and PyTorch, and the table of what works.
matrix: $(OTHERS)/installed
	mkdir -p runs && rm -f runs/matrix.json
	$(OTHERS)/bin/python -m pytest tests/scale --matrix runs/matrix.json
	$(OTHERS)/bin/python -m tests.matrix runs/matrix.json > docs/matrix.md

format: install
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

lint: install
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: install
	$(RUN) -m benchmarks.xla ops
	$(RUN) -m benchmarks.xla steps
	$(RUN) -m benchmarks.xla sizes
	$(RUN) -m benchmarks.affinity
	$(RUN) -m benchmarks.feature_affinity
	$(RUN) -m benchmarks.evaluation
	$(RUN) -m benchmarks.latency
	$(RUN) -m benchmarks.networks
	$(RUN) -m benchmarks.pipeline

# The pages are made from the sources alone, without TensorFlow.
$(DOCS)/installed: docs/requirements.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --upgrade pip
	$(DOCS)/bin/python -m pip install --quiet --requirement $<
	@touch $@

# The site, in build/site; strict, so that a broken link or a missing page is an error.
docs: $(DOCS)/installed
	$(DOCS)/bin/python -m mkdocs build --strict --quiet

# The table of backbones in the docs: up to half an hour.
backbones: install
	$(RUN) -m benchmarks.backbones > docs/guides/backbone_table.md.new
	mv docs/guides/backbone_table.md.new docs/guides/backbone_table.md

clean:
	rm -rf $(VENV) $(OTHERS) $(JAX) $(TORCH) $(ADDONS) $(NEXT) $(APP) $(DOCS) build *.egg-info

# Two commands need nothing but Python 3.11-3.13 and pip: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo
# Drawn images are plenty and of every colour: no augmentation but mirroring, more steps instead.
DEMO_SETTINGS := $(addprefix --set ,data.image_size=192 data.max_objects=8 data.expand=1 \
	data.sample_crop=false data.photometric=false train.epochs=22 train.images_per_epoch=1400 \
	train.validate_every=5)

PAGE := yolact_tf/serve/page
# Where Node is missing or too old, all but the page works, which says how to build it.
TRY_PAGE := $(if $(shell command -v npm),$(MAKE) page)

BEAM_VENV := .venv-beam

.PHONY: demo test test-all test-batch lint format clean page docs notebooks

demo: $(VENV)/.installed
	rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/yolact data make-shapes $(DEMO)/shapes --train 1400 --max-objects 4
	$(BIN)/yolact train tiny_256 --data $(DEMO)/shapes --run $(DEMO)/run $(DEMO_SETTINGS)
	$(BIN)/yolact detect $(DEMO)/run '$(DEMO)/shapes/images/val_0000*.jpg' --output $(DEMO)/overlays
	$(BIN)/yolact export $(DEMO)/run --recipe saved_model --output $(DEMO)/export/yolact
	$(BIN)/yolact export $(DEMO)/run --recipe litert_float32 --output $(DEMO)/export/yolact.tflite
	$(BIN)/yolact verify $(DEMO)/export/yolact --run $(DEMO)/run --data $(DEMO)/shapes
	$(BIN)/yolact verify $(DEMO)/export/yolact.tflite --run $(DEMO)/run --data $(DEMO)/shapes
	$(BIN)/yolact evaluate $(DEMO)/run --data $(DEMO)/shapes
	$(BIN)/yolact card $(DEMO)/run --license apache-2.0 --data-name 'drawn shapes of yolact data make-shapes'
	@echo "run:        $(DEMO)/run (plots in $(DEMO)/run/plots, model card in $(DEMO)/run/README.md)"
	@echo "overlays:   $(DEMO)/overlays"
	@echo "SavedModel: $(DEMO)/export/yolact"
	@echo "LiteRT:     $(DEMO)/export/yolact.tflite"

# What a change breaks shows within minutes; whole networks, trainings and exports take longer.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not whole"

test-all: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

# In an environment of their own, since Apache Beam holds packages back.
test-batch: $(BEAM_VENV)/.installed
	$(BEAM_VENV)/bin/python -m pytest tests/batch tests/cli/test_batch_command.py \
		tests/examples/test_examples.py::test_a_batch_job

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The page of `yolact serve` and `yolact page`: TypeScript checked, bundled with LiteRT.js from npm.
page: yolact_tf/serve/static/index.html

yolact_tf/serve/static/index.html: $(wildcard $(PAGE)/*.json $(PAGE)/*.js $(PAGE)/*.html $(PAGE)/src/*)
	cd $(PAGE) && npm ci --no-audit --no-fund && npm run build

# The documentation as a site, in site/.
docs: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict

# Runs the notebooks and stores what they show; after `make demo`, whose run two of them open.
notebooks: $(VENV)/.installed-dev
	$(BIN)/python -m tests.notebooks

clean:
	rm -rf $(VENV) $(BEAM_VENV) site runs/demo build dist *.egg-info $(PAGE)/node_modules yolact_tf/serve/static

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(BEAM_VENV)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(BEAM_VENV)
	$(BEAM_VENV)/bin/pip install --quiet --disable-pip-version-check --use-pep517 -e '.[beam]' 'tensorflow==2.20.*' \
		'filelock>=3.12,<4' 'pytest>=8.2,<10' 'pytest-xdist>=3.6,<4'
	touch $@

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 -e '.[serve]' 'tensorflow==2.20.*'
	-$(TRY_PAGE)
	touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 -e '.[dev]'
	-$(TRY_PAGE)
	touch $@ $(VENV)/.installed

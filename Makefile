# The commands of the course. `make` alone lists them.

PYTHON ?= python3
RUN := .venv/bin/python
# All cores, one thread each; the cells of a notebook stay together on one worker.
PYTEST := OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help book serve pdf test lab grade nbgrader notebooks check exercise variants links bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: .venv/installed ## Run every notebook, build the site, say how to open it
	@$(RUN) tools/book.py build

serve: .venv/installed ## Build the site and open it in a browser
	@$(RUN) tools/book.py serve

pdf: book ## Print the whole book to a PDF, with the exercises and their solutions
	@$(RUN) tools/print_book.py $(ARGS)

test: book ## Run every test: the package, the notebooks, the exercises, the pages in a browser
	@$(PYTEST) --nbval --nbval-current-env tests chapters exercises/sources $(ARGS)

lab: .venv/installed ## Open the chapters in JupyterLab
	@.venv/bin/jupyter lab --LabApp.default_url=/lab/tree/chapters

grade: .venv/installed ## Grade what you have answered; or one: make grade FILE=exercises/01-layers-as-matrices.ipynb
	@$(RUN) -m conv2attn.grading grade $(if $(FILE),"$(FILE)")

nbgrader: .nbgrader/installed ## Install nbgrader beside .venv, and grade a small class with it as a test
	@PATH="$(CURDIR)/.nbgrader/bin:$$PATH" PYTHONPATH="$(CURDIR)/.nbgrader" OMP_NUM_THREADS=1 $(RUN) -m pytest exercises/nbgrader $(ARGS)

notebooks: .venv/installed ## Make every generated notebook from its Markdown source
	@$(RUN) tools/notebooks.py build

check: .venv/installed ## Fail if a generated notebook differs from its source
	@$(RUN) tools/notebooks.py check

exercise: .venv/installed ## Write the skeleton of an exercise: make exercise NAME=09-dictionary
	@$(RUN) tools/new_exercise.py "$(NAME)"

variants: .venv/installed ## What each check says of the wrong and right answers: make variants NAME=08
	@$(RUN) tools/variants.py "$(NAME)" $(ARGS)

links: .venv/installed ## Ask the other hosts that the text links to whether they still answer; needs a network
	@$(RUN) tools/book.py links

bench: .venv/installed ## Measure speed and memory, as ratios
	@$(RUN) tools/benchmark.py

clean: ## Remove what was built; the environment stays
	rm -rf _build build

# Five packages, in a folder of their own: .venv stays as requirements.txt says. `pip check` sees both.
.nbgrader/installed: exercises/nbgrader/requirements.txt .venv/installed
	@rm -rf .nbgrader
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --target .nbgrader -r $<
	@PYTHONPATH=.nbgrader $(RUN) -m pip check
	@touch $@

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) tools/environment.py

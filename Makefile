# The commands of the course. `make` alone lists them.

PYTHON ?= python3
RUN := .venv/bin/python
# All cores, one thread each; the cells of a notebook stay together on one worker.
PYTEST := OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help book serve pdf test lab grade notebooks check links bench clean

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

notebooks: .venv/installed ## Make every generated notebook from its Markdown source
	@$(RUN) tools/notebooks.py build

check: .venv/installed ## Fail if a generated notebook differs from its source
	@$(RUN) tools/notebooks.py check

links: .venv/installed ## Ask the other hosts that the text links to whether they still answer; needs a network
	@$(RUN) tools/book.py links

bench: .venv/installed ## Measure speed and memory, as ratios
	@$(RUN) tools/benchmark.py

clean: ## Remove what was built; the environment stays
	rm -rf _build build

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) tools/environment.py

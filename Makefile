# make         sets up .venv, builds the book and serves it
# make test    sets up .venv and checks everything
# make check   checks what a minute can, while you work
# make help    lists the rest
#
# Needs python3 (3.11 or later) with its venv module, and GNU make 3.81 or later.
# A choice is given after the name: make PORT=8080, make PYTHON=python3.12,
# make TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
PORT ?= 8000
# More options for JupyterLab: make lab LAB=--no-browser, or, for root, --allow-root
LAB ?=
# One more place in which pip looks for packages: PyTorch's own index for a smaller
# torch than the default (see README.md).
TORCH_INDEX ?=

.DEFAULT_GOAL := serve
.PHONY: serve book run lab exercises bench experiments real clean help setup port both \
	test check format lint quick library processes interpreted kernels triton doctests \
	claims mutants notebooks site browser
ifndef BESIDE
.NOTPARALLEL:
endif

BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
BUILT := _build/complete
# This checkout is what runs and is tested, whatever else is installed.
export PYTHONPATH := $(CURDIR)
# What one step compiles, the next need not, whatever the surroundings say.
unexport PYTHONDONTWRITEBYTECODE
# The site that is tested. Exported, for a shell would stumble over an apostrophe in it.
export SITE := $(CURDIR)/_build/html

PYTEST := $(BIN)/python -m pytest -q
# More workers than this do not help: each spends seconds on importing torch.
WORKERS := --numprocesses=auto --maxprocesses=4
# In their own order, and not the files with one test last: these take the longest.
PARALLEL := $(WORKERS) --dist=loadfile --no-loadscope-reorder
ONE_BY_ONE := $(WORKERS) --dist=load --maxschedchunk=1

STARTED := $(shell date +%s)
SITE_SOURCES := $(shell find *.md *.yml references.bib api assets chapters attention_lib \
	tools -type f ! -name '*.pyc' ! -name '*.tmp' 2>/dev/null)

# $(call step,what it does,command): announce it, run it, and name it if it fails.
define step
@printf '\n== %s\n' '$(1)'
@$(2) || { printf '\n== Failed: %s. To run only this again: make %s\n' '$(1)' '$@'; \
	exit 1; }
endef

serve: port book  ## build the book and serve it (the default)
	@$(BIN)/python tools/serve.py _build/html '$(PORT)'

port: setup
	@$(BIN)/python tools/serve.py --check '$(PORT)'

# What writes _build, or tests what is there, does so alone: in a second make, which
# holds the lock (tools/alone.py) to its end. What serves it holds none, and so shows
# each new build.
ALONE := book test site browser

ifndef LOCKED

$(ALONE): setup
	@$(BIN)/python tools/alone.py $(MAKE) --no-print-directory LOCKED=1 $@

else

book: $(BUILT)  ## only build it, into _build/html

# Always from nothing: a partial rebuild repeats no warning of a page it skips.
$(BUILT): $(SITE_SOURCES) | setup
	@rm -rf _build
	$(call step,Building the site,$(BIN)/jupyter-book build . -W -n --keep-going -q)
	@touch $@

test: format lint library processes interpreted both notebooks site browser  ## check everything
	@seconds=$$(($$(date +%s) - $(STARTED))); printf \
		'\n== All checks passed in %d min %d s.\n' $$((seconds/60)) $$((seconds%60))

# One process builds the site, anew, and would leave the other processors without work.
both: setup
	@rm -f $(BUILT)
	@$(MAKE) --no-print-directory -j2 BESIDE=1 mutants $(BUILT)

# These need neither torch nor what the tests of the library share.
site: $(BUILT)  ## the built pages: links, anchors, hosts
	$(call step,Site,$(PYTEST) $(PARALLEL) --confcutdir=tests/site tests/site)

browser: $(BUILT)  ## the pages in a browser: errors, accessibility, width
	$(call step,Browser,$(PYTEST) $(ONE_BY_ONE) -rs \
		--confcutdir=tests/browser tests/browser)

endif

check: format lint doctests quick  ## what a minute can, for the hours of work

format: setup  ## format of the Python files and the chapters' cells
	$(call step,Format,$(BIN)/ruff format --check)

lint: setup  ## mistakes and bad habits that ruff knows
	$(call step,Lint,$(BIN)/ruff check)

library: setup  ## docstring examples, the library, the claims, the project's files
	$(call step,Library and claims,$(PYTEST) $(PARALLEL) attention_lib tests \
		--ignore=tests/notebooks --ignore=tests/site --ignore=tests/browser \
		--ignore=tests/kernels --ignore=tests/distributed)

doctests: setup  ## of these, only the examples in the docstrings
	$(call step,Docstring examples,$(PYTEST) attention_lib)

quick: setup  ## of these, only a case of each law: the tests marked quick
	$(call step,A case of each law,$(PYTEST) $(PARALLEL) -m quick tests \
		--ignore=tests/notebooks --ignore=tests/site --ignore=tests/browser \
		--ignore=tests/kernels --ignore=tests/distributed)

claims: setup  ## of these, only the claims of the book
	$(call step,Claims,$(PYTEST) tests/test_claims.py tests/test_verdicts.py)

mutants: setup  ## each mistake, and each impostor of attention, must be noticed
	$(call step,Mutants,$(PYTEST) $(ONE_BY_ONE) tests/mutants.py)

processes: setup  ## attention over two and four processes, which start their own
	$(call step,Many processes,$(PYTEST) tests/distributed)

interpreted: triton  ## the kernels for a GPU, in Triton's interpreter, which needs none
	$(call step,Kernels,TRITON_INTERPRET=1 $(PYTEST) $(PARALLEL) tests/kernels)

kernels: triton  ## compile these for three kinds of GPU, none of which need be here
	$(call step,Compiling kernels,$(BIN)/python tools/compile_kernels.py)

# Fetched where it can be had, and no torch for CUDA has brought it.
triton: setup
	@$(BIN)/python -c 'import triton' 2>/dev/null || test "$$(uname -s)" != Linux || \
		$(PYTHON) tools/setup_environment.py tests/kernels/requirements.txt || \
		test -z "$$CI"

# First the test that runs all of them once more: begun last, it would run alone. And
# without what the tests of the library share, for which torch would be imported. Several
# kernels run at a time, and threads of each would wait for those of the others.
notebooks: setup  ## every cell run again and compared with what is printed
	$(call step,Chapters,OMP_NUM_THREADS=1 $(PYTEST) $(PARALLEL) -p conftest \
		--confcutdir=tests/notebooks --nbval tests/notebooks chapters)

setup:  ## only set up .venv
	@command -v $(PYTHON) >/dev/null || { \
		echo 'There is no $(PYTHON) here. Install Python 3.11 or later'; \
		echo '(Debian and Ubuntu: apt install python3 python3-venv).'; exit 1; }
	@$(if $(TORCH_INDEX),PIP_EXTRA_INDEX_URL=$(TORCH_INDEX)) \
		$(PYTHON) tools/setup_environment.py

run: setup  ## run the chapters and save what they print
	$(call step,Running the chapters,$(BIN)/python tools/run_notebooks.py)

lab: setup  ## open the chapters in JupyterLab, to change and run them
	@$(PYTHON) tools/setup_environment.py requirements-lab.txt
	$(call step,JupyterLab: Ctrl-C ends it,$(BIN)/jupyter-lab \
		--config=tools/jupyter_lab_config.py $(LAB))

exercises: setup  ## write the chapters without solutions, into _exercises
	$(call step,Chapters without solutions,$(BIN)/python tools/exercises.py)

bench: setup  ## time the library against its peers, into benchmarks/results
	@$(PYTHON) tools/setup_environment.py benchmarks/requirements.txt
	$(call step,Benchmarks,$(BIN)/python -m benchmarks)

experiments: setup  ## train the book's toys, run its real model, save what they give
	$(call step,Experiments,$(BIN)/python -m attention_lib.book.experiments)

real: setup  ## run a part of that again on the real model (93 MB), and compare
	$(call step,The real model,$(BIN)/python -m attention_lib.book.real)

# Not _exercises: somebody may have worked there.
clean:  ## remove what make has made, other than _exercises
	rm -rf .venv _build build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list these
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/make \1|\2/p' Makefile | \
		while IFS='|' read -r name does; do printf '%-16s %s\n' "$$name" "$$does"; done

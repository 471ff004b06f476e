# What every layer's Makefile includes. `sam build` runs it with ARTIFACTS_DIR set, on any host:
# wheels are fetched for Lambda's platform and Python, or, with LAYER_PYTHON naming an interpreter,
# for that one (the local cloud runs functions with its own).
LAYER_ARCH ?= arm64
LAYER_PYTHON_VERSION ?= 3.13
LAYER_PYTHON ?=

source := $(dir $(abspath $(firstword $(MAKEFILE_LIST))))
tools := $(source)../de_classes/de_classes/cli
# The project's own, though it is not on the path of somebody who types `sam build`; else whichever there is.
UV ?= $(or $(wildcard $(abspath $(source)../../.venv/bin/uv)),uv)
target := $(ARTIFACTS_DIR)/python
machine_arm64 := aarch64
machine_x86_64 := x86_64
machine := $(machine_$(LAYER_ARCH))

ifeq ($(LAYER_PYTHON),)
  wheels := --python-platform $(machine)-manylinux_2_28 --python-version $(LAYER_PYTHON_VERSION)
  version := $(LAYER_PYTHON_VERSION)
  compiler := $(shell UV="$(UV)" "$(tools)/find-compiler.sh" $(version) --fetch)
else
  wheels := --python "$(LAYER_PYTHON)"
  version = $(shell "$(LAYER_PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  compiler := $(LAYER_PYTHON)
endif

define check
@command -v $(UV) >/dev/null || { echo "no uv to build layers with: run 'make env-dev' once, which installs it" >&2; exit 1; }
@test -n "$(machine)" || { echo "LAYER_ARCH is arm64 or x86_64, not '$(LAYER_ARCH)'" >&2; exit 1; }
@test -n "$(compiler)" # or find-compiler.sh has said what is missing
endef

# Copied, not linked: what is changed here must not be changed in uv's cache.
define install
@$(UV) pip install --quiet --no-deps --only-binary :all: --require-hashes --link-mode copy \
	$(wheels) --target "$(target)" -r "$(source)requirements.txt"
@rm -rf "$(target)/bin" "$(target)/.lock"
endef

# A fixed seed: what is compiled of a set has the order of its hashes.
define finish
@PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 "$(compiler)" -s "$(tools)/finish_layer.py" "$(ARTIFACTS_DIR)" "$(version)"
endef

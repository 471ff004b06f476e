# What every layer's Makefile includes. `sam build` runs it with ARTIFACTS_DIR set, on any host:
# wheels are fetched for Lambda's platform and Python, or, with LAYER_PYTHON naming an interpreter,
# for that one (the local cloud runs functions with its own).
LAYER_ARCH ?= arm64
LAYER_PYTHON_VERSION ?= 3.13
LAYER_PYTHON ?=
UV ?= uv

source := $(dir $(abspath $(firstword $(MAKEFILE_LIST))))
target := $(ARTIFACTS_DIR)/python
machine_arm64 := aarch64
machine_x86_64 := x86_64
machine := $(machine_$(LAYER_ARCH))

ifeq ($(LAYER_PYTHON),)
  wheels := --python-platform $(machine)-manylinux_2_28 --python-version $(LAYER_PYTHON_VERSION)
  compiler = $(shell $(UV) python find --no-project $(LAYER_PYTHON_VERSION) 2>/dev/null)
else
  wheels := --python "$(LAYER_PYTHON)"
  compiler := $(LAYER_PYTHON)
endif

define check
@command -v $(UV) >/dev/null || { echo "uv is needed to build layers: use 'make build', or install uv" >&2; exit 1; }
@test -n "$(machine)" || { echo "LAYER_ARCH is arm64 or x86_64, not '$(LAYER_ARCH)'" >&2; exit 1; }
endef

# Copied, not linked: what is pruned here must not be pruned in uv's cache.
define install
@$(UV) pip install --quiet --no-deps --only-binary :all: --require-hashes --link-mode copy \
	$(wheels) --target "$(target)" -r "$(source)requirements.txt"
@rm -rf "$(target)/bin" "$(target)/.lock"
endef

# A layer is read-only on Lambda, so Python cannot cache bytecode there; and the archive's dates are not
# the sources', so it is not checked against them.
define compile
@if [ -n "$(compiler)" ]; then \
	"$(compiler)" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$(ARTIFACTS_DIR)" -p /opt "$(target)"; \
else \
	echo "no Python $(LAYER_PYTHON_VERSION) here: this layer ships no bytecode, imports will be slower" >&2; \
fi
endef

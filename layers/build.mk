# What `sam build` runs a layer's Makefile by. SAM tells a Makefile nothing of the processor and the Python that it
# builds for, but where the Makefile is: the template names the folder by its parameters, so they cannot disagree.
here := $(abspath $(dir $(firstword $(MAKEFILE_LIST))))
top := $(abspath $(here)/../../..)
export LAYER_ARCH := $(notdir $(abspath $(here)/..))
export LAYER_PYTHON_VERSION := $(patsubst python%,%,$(notdir $(here)))

build-DeClassesLayer: folder := de_classes
build-SdkLayer: folder := sdk
build-ArrowLayer: folder := arrow
build-DataFramesLayer: folder := dataframes
build-PostgresLayer: folder := postgres
build-SourcesLayer: folder := ../sources

# `sam local` insists on a file of variables: what is there without a local cloud is there once something is built.
variables := $(top)/.aws-sam/env-by-sam-build.json

build-%:
	@$(MAKE) --no-print-directory -f "$(top)/layers/$(folder)/Makefile" $@
	@[ "$(variables)" -nt "$(top)/events/env.json" ] || { mkdir -p "$(dir $(variables))"; cp "$(top)/events/env.json" "$(variables)"; }

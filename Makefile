# The front door. `make run` and `make test` do all their own set-up.
BIN := node_modules/.bin
SETUP := src/setup/prerequisites.sh
TESTS := node build/test/run-tests.js

.PHONY: run test test-unit test-netns test-etcd test-docker bench build golden lint check clean plugin plugin-push image deb test-engines test-boot test-ipip
.DEFAULT_GOAL := build

# Flags of the daemon: make run ARGS='--log-level debug'
run: | setup-run
	$(MAKE) --no-print-directory build
	exec build/corduroy daemon $(ARGS)

test: | setup-test
	$(MAKE) --no-print-directory build
	$(TESTS) unit patient kernel

test-unit: build
	$(TESTS) unit

# Real kernel, in namespaces of its own; real etcd; real Docker engine.
test-netns test-etcd test-docker: test-%: | setup-test
	$(MAKE) --no-print-directory build
	$(TESTS) $*

# End-to-end tests on the Docker engines of other Debians too: make test-engines ARGS='first-path networks'
test-engines: | setup-engines
	$(MAKE) --no-print-directory build
	node build/test/run-engines.js $(ARGS)

# A Debian with systemd that is booted and rebooted with the package installed; some minutes.
test-boot: | setup-engines
	$(MAKE) --no-print-directory build
	$(TESTS) boot

# IPIP, by whole daemons with their engines, in two emulated machines with a Debian kernel, which is fetched; some minutes.
test-ipip: | setup-machines
	$(MAKE) --no-print-directory build
	test/vm/fetch-kernel.sh build/vm-kernel
	CORDUROY_VM_KERNEL=$(CURDIR)/build/vm-kernel $(TESTS) ipip

bench: | setup-bench
	$(MAKE) --no-print-directory build
	node build/bench/main.js $(ARGS)

build: node_modules/.package-lock.json
	$(BIN)/tsc -p tsconfig.json
	install -m 755 src/cli/launcher.sh build/corduroy
	install -m 755 src/cli/launcher.sh build/cord

# Docker's managed plugin, in the engine that `docker` speaks to; and in a registry: make plugin-push REGISTRY=HOST:PORT
PLUGIN := corduroy:latest
plugin: build | setup-package
	packaging/plugin.sh create $(PLUGIN)

plugin-push: build | setup-package
	packaging/plugin.sh push $(or $(REGISTRY),$(error name the registry: make plugin-push REGISTRY=HOST:PORT))/$(PLUGIN)

# A container image, in the engine that `docker` speaks to; see docs/install.md for how to run it.
image: build | setup-package
	packaging/image.sh create corduroy

# A Debian package, in build/
deb: build | setup-package
	packaging/deb.sh build

# Rewrites the expected rule texts under test/golden: read the diff like code.
golden: build
	CORDUROY_GOLDEN=write NODE_OPTIONS=--experimental-vm-modules $(BIN)/jest golden

lint: node_modules/.package-lock.json
	$(BIN)/biome ci .

check: lint test

clean:
	rm -rf build

.PHONY: setup-run setup-package setup-test setup-bench setup-engines setup-machines
setup-run setup-package setup-test setup-bench setup-engines setup-machines: setup-%:
	@bash $(SETUP) $*

node_modules/.package-lock.json: package.json package-lock.json
	@bash $(SETUP) build
	npm ci --no-audit --no-fund
	@touch $@

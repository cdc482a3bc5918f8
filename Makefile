NODE_BIN := node_modules/.bin

.PHONY: build
build: node_modules
	$(NODE_BIN)/tsc -p tsconfig.json
	install -m 755 src/cli/launcher.sh build/corduroy
	install -m 755 src/cli/launcher.sh build/cord

node_modules: package.json package-lock.json
	npm ci
	touch node_modules

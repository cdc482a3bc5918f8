NODE_BIN := node_modules/.bin

.PHONY: build
build: node_modules
	$(NODE_BIN)/tsc -p tsconfig.json

node_modules: package.json package-lock.json
	npm ci
	touch node_modules

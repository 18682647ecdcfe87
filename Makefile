# needwant: what a device needs from the network, and what it merely wants.
#
# make, git and Go are all that must be there; each target fetches what else it
# needs, or says what to type. The list of packages is in scripts/install.

.DEFAULT_GOAL := help

# Go's own place and the system's programs, which not every shell has in its path.
export PATH := $(PATH):/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin

# What to hand on: make lab WORLD=one-of-each ARGS='--driver iptables',
# make test ARGS='--focus reject ./netns/...'
WORLD :=
ARGS :=

.PHONY: help
help: ## this list
	@echo 'make lab does the main job on a simulated device; make test proves that it is done right.'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: lab
lab: deps build ## put a simulated device behind a gateway, block, check, print the table
	@bin/needwant lab $(WORLD) $(ARGS) || [ $$? = 4 ] # something is undecided, which it says
	@command -v needwant >/dev/null || echo 'needwant is bin/needwant here: sudo make install puts it where the shell finds it.'

.PHONY: test
test: deps-test build ## run all specs
	@scripts/test $(ARGS)

.PHONY: race
race: deps-test build ## run the specs of what does several things at a time with the race detector
	@RACE=1 scripts/test $(ARGS)

.PHONY: e2e
e2e: deps-e2e build ## with the real programs: Home Assistant, miIO clients, a browser and others; and whole experiments
	@scripts/e2e $(ARGS)

.PHONY: build
build: deps-build ## build bin/needwant, one static program
	@scripts/build bin/needwant

# Where make install puts things; DESTDIR is for packagers.
PREFIX := /usr/local

.PHONY: install
install: build ## install the program, its man pages and its completions below PREFIX (/usr/local)
	@scripts/install-to "$(DESTDIR)$(PREFIX)"

.PHONY: deb
deb: build ## make packages for Debian and Ubuntu (amd64, arm64, armhf), with man pages and systemd units
	@scripts/deb $(ARGS)

.PHONY: deps deps-build deps-test deps-e2e deps-lint
deps: ## install what the lab needs (deps-test: what the specs need)
	@scripts/install lab

deps-build:
	@scripts/install build

deps-test:
	@scripts/install test

deps-e2e:
	@scripts/install e2e

deps-lint:
	@scripts/install lint

.PHONY: lint
lint: deps-lint ## check the style, and who imports whom
	@scripts/lint

.PHONY: fuzz
fuzz: deps-build ## hostile input for each parser, FUZZTIME (10s) each
	@scripts/fuzz $(or $(FUZZTIME),10s)

.PHONY: vulncheck
vulncheck: deps-build ## known weaknesses in what is used (needs the network: govulncheck and its database)
	@go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...

.PHONY: pages
pages: deps-build ## write the page of a run as it is at several moments, to look at: .cache/pages
	@go test ./reports -ginkgo.focus 'the page of a run under way' -pages "$(CURDIR)/.cache/pages"

.PHONY: docs
docs: deps-e2e build ## make the pictures in the documentation again
	@scripts/docs

.PHONY: bench
bench: deps-test ## namespaces, labs, blocks, trials, reports: how long; trials with viewers; memory; forwarding through 10,000 blocks
	@go list -deps -test ./... >/dev/null
	@go build -o bin/ github.com/onsi/ginkgo/v2/ginkgo ./netns/internal/inside
	@bin/inside go test -run '^$$' -bench . -benchmem $(or $(ARGS),./...)
	@bin/inside bin/ginkgo run --label-filter=bench --no-color ./netns/gateway

.PHONY: bench-search
bench-search: deps-build ## the search beside other methods: how many trials, and whether they are right
	@go run ./harness/search/internal/benchsearch $(ARGS)

.PHONY: torture
torture: deps-test build ## the long specs: noise, lanes, the promises, SEEDS (500) of chaos, more worlds, WORLDS (50) random ones, 10,000 systems, floods, a laboratory of several machines, and fuzzing
	@NEEDWANT_CHAOS_SEEDS=$(or $(SEEDS),500) RACE=1 scripts/test --label-filter='slow && !norace' --timeout=6h $(ARGS)
	@scripts/test --label-filter='slow && norace' --timeout=6h $(ARGS)
	@NEEDWANT_RANDOM_WORLDS=$(or $(WORLDS),50) scripts/test ./cmd/internal/applied
	@go test ./harness/search -systems 10000 -timeout 60m
	@scripts/fuzz $(or $(FUZZTIME),2m)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .cache reports/e2e/node_modules cmd/internal/peers/node_modules

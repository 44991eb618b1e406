# Thin: each target installs the Debian packages that it lacks (scripts/install-packages), builds what it needs with
# meson and ninja, and runs one script. `make` alone prints what there is.

BUILD ?= build
SOAK_MINUTES ?= 10
FUZZ_SECONDS ?= 60

help:
	@echo 'make demo     two gateways in network namespaces carry real traffic; regrouped while it flows (about a minute)'
	@echo 'make check    every test; the last line is "N passed, N failed" (about a quarter of an hour)'
	@echo 'make build    the daemon and its commands, in $(BUILD)/'
	@echo 'make install  the same into the system (DESTDIR and PREFIX as usual)'
	@echo 'make bench    what a packet costs, beside what the crypto library alone costs'
	@echo 'make bench-wire  the daemon between two ports: the highest rate without loss, and latency (five minutes)'
	@echo 'make bench-compare BASE=rev  what a packet costs, in terms of what it costs in another revision'
	@echo 'make bench-plots  the figures of the last make bench as SVG, in $(BUILD)/bench'
	@echo 'make soak     two gateways under load, edits and kill -9 for SOAK_MINUTES=$(SOAK_MINUTES): every packet and edit accounted for'
	@echo 'make fuzz     hostile input for FUZZ_SECONDS=$(FUZZ_SECONDS) a target'
	@echo 'make lint     clang-format and clang-tidy over the whole tree'
	@echo 'make clean    removes what the targets above built'

PROGRAMS = spigrpd spigrpctl

build:
	@scripts/install-packages build
	@scripts/build $(BUILD) -- $(PROGRAMS)

demo:
	@scripts/install-packages demo
	@scripts/build $(BUILD) -- $(PROGRAMS)
	@scripts/demo $(BUILD)

check:
	@scripts/install-packages check
	@scripts/check

bench:
	@scripts/install-packages build
	@scripts/build $(BUILD) -- bench/floor bench/pipeline bench/scale $(PROGRAMS)
	@scripts/bench $(BUILD)

bench-wire:
	@scripts/install-packages bench
	@scripts/build $(BUILD) -- $(PROGRAMS)
	@mkdir -p $(BUILD)/bench
	@bench/wire.py $(BUILD) --json $(BUILD)/bench/wire.json

bench-compare:
	@scripts/install-packages bench
	@scripts/bench-compare "$(BASE)"

bench-plots:
	@scripts/install-packages bench
	@bench/plots.py $(BUILD)/bench

soak:
	@scripts/install-packages check
	@scripts/build $(BUILD) -- $(PROGRAMS)
	@SPIGRP_BUILD=$(abspath $(BUILD)) tests/e2e/soak.py --minutes $(SOAK_MINUTES) $(if $(SOAK_SEED),--seed $(SOAK_SEED))

fuzz:
	@scripts/install-packages fuzz
	@scripts/fuzz $(FUZZ_SECONDS)

lint:
	@scripts/install-packages lint
	@scripts/lint build-lint

install:
	@scripts/install-packages build
	@scripts/build $(BUILD) $(if $(PREFIX),-Dprefix=$(PREFIX)) -- $(PROGRAMS)
	@meson install -C $(BUILD) --no-rebuild

clean:
	@rm -rf $(BUILD) build-asan build-tsan build-fuzz build-lint build-compare
	@git worktree prune 2>/dev/null || true

.PHONY: help build demo check bench bench-wire bench-compare bench-plots soak fuzz lint install clean

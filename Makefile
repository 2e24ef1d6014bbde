# nat64-appliance. "make" alone says what there is. Run as root what makes network namespaces: run, lab, test, bench.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run lab lab-down test deb bench fuzz flood soak sanitize budget fmt check build

BINARY := .build/release/nat64-appliance
RELEASE := -c release --static-swift-stdlib --product nat64-appliance -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now
INSTALL := packaging/install-dependencies.sh

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the main job before your eyes: an IPv6-only host uses the IPv4 internet through one process
	@$(INSTALL) build lab
	@$(MAKE) --no-print-directory build
	@Tests/Lab/run.sh

lab: ## the same laboratory, left standing, with how to enter it
	@$(INSTALL) build lab
	@$(MAKE) --no-print-directory build
	@Tests/Lab/lab.sh up

lab-down: ## takes the laboratory down
	@Tests/Lab/lab.sh down

test: ## all tests: sources, units, laboratory, package on a booted systemd
	@$(INSTALL)
	@Tests/all.sh

deb: ## the Debian package, in .build-deb/
	@$(INSTALL) build package
	@$(MAKE) --no-print-directory build
	@packaging/build-deb.sh

bench: ## tables beside other translators and name servers; WHAT=all|nat|dns ROUNDS=1 BENCH_SECS=1 PAGE=FILE
	@$(INSTALL) build lab bench
	@$(INSTALL) peers || echo "Some of what stands beside could not be installed; it is left out" >&2
	@$(MAKE) --no-print-directory build
	@Tests/Bench/bench.sh

fuzz: ## each decoder's fuzz target; FUZZ_SECONDS=60 for each
	@$(INSTALL) build
	@Tests/Fuzz/fuzz.sh $(or $(FUZZ_SECONDS),60)

flood: ## a million malformed queries and replies, and names that nobody asks for twice, to the real process; FLOOD_MESSAGES=1000000
	@$(INSTALL) build lab
	@$(MAKE) --no-print-directory build
	@Tests/Flood/flood.sh $(or $(FLOOD_MESSAGES),1000000)
	@Tests/Flood/names.sh

soak: ## ten minutes of 100,000 flows under loss and reordering; SOAK_SECONDS=600
	@$(INSTALL) build lab
	@$(MAKE) --no-print-directory build
	@Tests/Soak/soak.sh $(or $(SOAK_SECONDS),600)

sanitize: ## engines, data plane and resolver under the thread and the address sanitizer
	@$(INSTALL) build lab
	@Tests/Sanitizers/sanitize.sh

budget: ## instructions per packet, beside a C translator and the pinned budget
	@$(INSTALL) build budget
	@swift build $(subst --product nat64-appliance,--product EngineCost,$(RELEASE))
	@swift build $(subst --product nat64-appliance,--product AnswerCost,$(RELEASE))
	@Tests/InstructionBudget/budget.sh .build/release/EngineCost .build/release/AnswerCost

fmt: ## formats the sources and writes the compliance page anew
	@swift format --in-place --parallel --recursive Package.swift Sources Tests
	@Tests/Compliance/compliance.py

check: ## what every change passes before its tests: format, fences, shellcheck, compliance page
	@$(INSTALL) check package
	@Tests/check.sh

build: ## the release executable, .build/release/nat64-appliance
	@echo "Building a release; the first time takes a few minutes"
	@swift build $(RELEASE)

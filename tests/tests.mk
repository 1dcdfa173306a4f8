# SPDX-License-Identifier: GPL-2.0-only
#
# Tests, demo, lint and fuzz: included at the end of the top Makefile. Each suite is a folder
# with a program named run; tests/run runs suites and ends with one line of totals.
#
#   FULL=1             all combinations, as make check-full
#   LAB_CASES=pattern  only the lab cases whose names match this shell pattern
#   FUZZ_SECONDS=60    how long each fuzzer runs
#   UNIT_KINDS="plain address undefined coverage"  how the unit tests are built and run
#   GUEST_CASES, CLI_CASES, LINT_RULES  the same for flat guests, bad input and the rules of lint

suites := lint build unit cli guest fuzz lab

export O CC V LAB_CASES GUEST_CASES CLI_CASES LINT_RULES FUZZ_SECONDS UNIT_KINDS

.PHONY: unit-tests fuzz-targets guests $(addprefix check-,$(suites))

unit-tests: $(unit_tests)
	@:

$(addprefix check-,$(suites)): check-%:
	+@MAKE='$(MAKE)' tests/run $*

lint: check-lint
fuzz: check-fuzz

check:
	@scripts/setup check
	+@MAKE='$(MAKE)' tests/run $(suites)

check-full:
	@scripts/setup check
	+@MAKE='$(MAKE)' FULL=1 tests/run $(suites)

coverage:
	+@MAKE='$(MAKE)' UNIT_KINDS=coverage tests/run unit

# --- flat guests ----------------------------------------------------------
guest_dir := $(O)/obj/guest
guest_images := $(patsubst guest/payload/%.S,$(guest_dir)/%,$(filter-out %/start.S,$(wildcard guest/payload/*.S)))

guest_flat := $(patsubst guest/flat/%.S,$(guest_dir)/flat-%,$(wildcard guest/flat/*.S))

guests: $(guest_images) $(guest_flat)
	@:

$(guest_dir)/%.o: guest/payload/%.S guest/payload/flat.h x86/layout.h
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 -I. -Iguest/payload -c -o $@ $<

$(guest_images): %: %.o $(guest_dir)/start.o guest/payload/flat.ld
	$(call say,LINK,$@)
	$(Q)$(CC) -m32 -nostdlib -static -Wl,--build-id=none -Wl,-T,guest/payload/flat.ld -o $@ $(filter %.o,$^)

# Files that are nothing but code, for --flat; it runs at any address
$(guest_flat): $(guest_dir)/flat-%: guest/flat/%.S guest/payload/flat.h x86/layout.h
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 -I. -Iguest/payload -nostdlib -static -Wl,--build-id=none -Wl,-Ttext=0 -Wl,--oformat=binary -o $@ $<

.PRECIOUS: $(guest_dir)/%.o

# --- C tests that need /dev/kvm, run by tests/guest/run -------------------
kvm_test := $(obj)/tests/guest/test-kvm

$(kvm_test): %: %.o $(archive)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(libs) -lcmocka

.PHONY: kvm-test
kvm-test: $(kvm_test)
	@:

# --- what inspect/ reads of an ELF kernel: tests/lab/inspect --------------
inspect_check := $(O)/obj/inspect-check

$(inspect_check): $(obj)/tests/lab/inspect-check.o $(archive)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(libs)

.PHONY: inspect-check
inspect-check: $(inspect_check)
	@:

# --- fuzzers: made by tests/fuzz/run with CC=clang SAN=address,undefined,fuzzer-no-link ---
fuzz_targets := $(patsubst tests/fuzz/%.c,$(obj)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz-*.c))

fuzz-targets: $(fuzz_targets)
	@:

$(fuzz_targets): %: %.o $(obj)/tests/unit/mock-driver.o $(archive)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ldflags) -fsanitize=fuzzer -o $@ $^ $(libs)

# --- benchmarks: side by side with QEMU, see doc/benchmarks.md ----------
bench:
	+@MAKE='$(MAKE)' tests/bench/run

# --- demo -----------------------------------------------------------------
demo:
	@scripts/setup demo
	+@$(MAKE) all
	@scripts/demo $(lkvm)

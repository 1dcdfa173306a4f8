# SPDX-License-Identifier: GPL-2.0-only
#
# lkvm: a minimal userspace hypervisor for Linux kernels.
#
#   make [all]       build lkvm
#   make install     install it, its manual and completion below $(DESTDIR)$(prefix)
#   make demo        fetch a Debian kernel and boot it
#   make check       everything that a change must pass (see doc/testing.md)
#   make check-unit  the unit tests only: no /dev/kvm needed
#   make check-lab   real kernels
#   make lint bench fuzz clean
#   make dist deb    a tarball of the last commit, and a Debian package
#
#   V=1                          show the commands
#   O=DIR                        build in DIR
#   SAN=address|undefined|thread build with a sanitizer
#   CC=clang                     another compiler
#   KDIR=DIR                     take the KVM headers of this kernel tree
#
# Sources are found by wildcard, a folder at a time: a new file needs no line here.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config
prefix ?= /usr/local
bindir ?= $(prefix)/bin
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
completionsdir ?= $(datadir)/bash-completion/completions
O ?= .
SAN ?=
V ?= 0

ifeq ($(V),0)
Q := @
say = @printf '  %-8s%s\n' '$(1)' '$(patsubst $(O)/%,%,$(2))'
MAKEFLAGS += --no-print-directory
else
Q :=
say = @:
endif

# Each kind of build has objects of its own, so that changing flags rebuilds nothing else.
kind := $(notdir $(CC))$(if $(SAN),-$(SAN))$(if $(COVERAGE),-coverage)
obj := $(O)/obj/$(kind)
lkvm := $(O)/lkvm$(if $(SAN)$(COVERAGE),-$(kind))

# --- the version ----------------------------------------------------------
# Inside a kernel tree git would describe the kernel. A tarball has a file that knows the commit.
ifneq ($(wildcard .git),)
GIT_VERSION := $(shell git -C $(CURDIR) describe --always --dirty 2>/dev/null)
else
GIT_VERSION := $(shell cut -d' ' -f2 .version 2>/dev/null)
endif

# --- features: what pkg-config finds -------------------------------------
# A name here becomes CONFIG_NAME in the code and a word of `lkvm version --features`. The
# optional ones are loaded when they are needed first (include/library.h), and not linked.
required := libfdt zlib json-c
optional := libzstd:ZSTD liblz4:LZ4 liblzma:LZMA libb2:B2

have = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo y)
header = $(shell printf '\#include <%s>\n' '$(1)' | $(CC) -E - >/dev/null 2>&1 && echo y)
ifneq ($(filter-out clean,$(or $(MAKECMDGOALS),all)),)
# libfdt has no .pc file in Debian 12.
packages := $(filter-out libfdt,$(required)) $(foreach f,$(optional),$(if $(call have,$(firstword $(subst :, ,$f))),$(firstword $(subst :, ,$f))))
features := $(foreach f,$(optional),$(if $(filter $(firstword $(subst :, ,$f)),$(packages)),$(lastword $(subst :, ,$f))))
ifeq ($(call header,bzlib.h),y)
features += BZIP2
endif
endif

# --- flags ----------------------------------------------------------------
WERROR ?= -Werror
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wimplicit-fallthrough -Wvla -Wundef -Wwrite-strings -Wpointer-arith \
	-Wno-unused-parameter -Wno-missing-field-initializers $(WERROR)
cflags := -std=gnu11 -O2 -g -fno-strict-aliasing -fstack-protector-strong \
	-D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -pthread -fPIE \
	-Iinclude -include include/banned.h $(warnings) \
	$(shell $(PKG_CONFIG) --cflags $(packages) 2>/dev/null) \
	$(foreach f,$(features),-DCONFIG_$(f)=1) $(CPPFLAGS) $(CFLAGS)
ldflags := -pie -Wl,-z,relro,-z,now,--as-needed -pthread $(LDFLAGS)
libs := $(shell $(PKG_CONFIG) --libs $(filter $(required),$(packages)) 2>/dev/null) -lfdt -ldl

# KVM's structures end in arrays; one that holds its elements too wraps it (clang objects).
ifneq ($(findstring clang,$(CC)),)
cflags += -Wno-gnu-variable-sized-type-not-at-end
endif
ifneq ($(SAN),)
san_flags := -fsanitize=$(SAN) -fno-omit-frame-pointer $(if $(filter undefined,$(SAN)),-fno-sanitize-recover=all)
cflags += $(san_flags) -U_FORTIFY_SOURCE
# The fences of the virtqueues pair with the guest's, which no sanitizer sees.
ifeq ($(SAN)$(findstring clang,$(CC)),thread)
cflags += -Wno-tsan
endif
ldflags += $(san_flags)
endif
ifneq ($(COVERAGE),)
cflags += --coverage -O0 -U_FORTIFY_SOURCE
ldflags += --coverage
endif

# --- the headers of a kernel tree ----------------------------------------
# Dropped into a kernel tree as tools/kvm, lkvm uses that tree's headers.
ifeq ($(KDIR),)
ifneq ($(wildcard ../../include/uapi/linux/kvm.h),)
KDIR := ../..
endif
endif
ifneq ($(KDIR),)
uapi := $(KDIR)/usr/include
cflags := -isystem $(uapi) $(cflags)
uapi_stamp := $(uapi)/linux/kvm.h
endif

# --- sources --------------------------------------------------------------
folders := util inspect core x86 hw disk net fs ui virtio
sources := $(wildcard $(addsuffix /*.c,$(folders))) $(wildcard builtin-*.c)
objects := $(sources:%.c=$(obj)/%.o)
archive := $(obj)/liblkvm.a

all: $(lkvm) $(O)/obj/man
.PHONY: all install uninstall demo check check-full check-unit check-lab lint bench fuzz clean coverage dist deb
.DELETE_ON_ERROR:

$(lkvm): $(obj)/main.o $(archive)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(libs)

$(archive): $(objects)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# `lkvm help` of a build shows the pages of its sources.
$(O)/obj/man:
	$(Q)mkdir -p $(@D) && ln -sfn $(CURDIR)/doc/man $@

AR ?= ar
ifeq ($(origin AR),default)
AR := ar
endif

# The flags are a prerequisite of every object: another feature set rebuilds.
flags_now := $(CC) $(cflags)
$(obj)/.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags_now))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(flags_now))' >$@
FORCE:
.PHONY: FORCE

$(obj)/%.o: %.c $(obj)/.flags | $(uapi_stamp)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(cflags) $(cflags_$*) -MMD -MP -c -o $@ $<

cflags_builtin-version := -DLKVM_GIT='"$(GIT_VERSION)"' -DLKVM_FEATURES='"$(features)"'

# The commit is a prerequisite of the one file that knows it.
$(obj)/.version: FORCE
	@mkdir -p $(@D)
	@echo '$(GIT_VERSION) $(features)' | cmp -s - $@ || echo '$(GIT_VERSION) $(features)' >$@
$(obj)/builtin-version.o: $(obj)/.version

ifneq ($(KDIR),)
$(uapi_stamp): $(KDIR)/include/uapi/linux/kvm.h
	$(call say,HEADERS,$(KDIR))
	$(Q)$(MAKE) -C $(KDIR) ARCH=x86 headers >/dev/null
endif

-include $(shell test -d $(obj) && find $(obj) -name '*.d')

# --- unit tests -----------------------------------------------------------
unit_sources := $(wildcard tests/unit/test-*.c)
unit_tests := $(unit_sources:%.c=$(obj)/%)
unit_helpers := $(patsubst %.c,$(obj)/%.o,$(filter-out $(unit_sources),$(wildcard tests/unit/*.c)))

$(unit_tests): %: %.o $(unit_helpers) $(archive)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(libs) -lcmocka

.PRECIOUS: $(obj)/%.o

pages := $(wildcard doc/man/*.1)

install: all
	install -D -m 755 $(lkvm) $(DESTDIR)$(bindir)/lkvm
	install -d $(DESTDIR)$(mandir)/man1
	install -m 644 $(pages) $(DESTDIR)$(mandir)/man1
	install -D -m 644 completion/lkvm.bash $(DESTDIR)$(completionsdir)/lkvm

uninstall:
	rm -f $(DESTDIR)$(bindir)/lkvm $(DESTDIR)$(completionsdir)/lkvm
	rm -f $(patsubst doc/man/%,$(DESTDIR)$(mandir)/man1/%,$(pages))

# --- packages: what they need on the way is below $(O)/obj ------------------
dist:
	@scripts/package dist $(O)

deb:
	@scripts/setup deb
	@scripts/package deb $(O)

clean:
	$(Q)rm -rf $(O)/obj $(O)/lkvm $(O)/lkvm-*-address $(O)/lkvm-*-undefined $(O)/lkvm-*-thread $(O)/lkvm-*-coverage

# Tests, demo, lint, bench and fuzz have their rules beside their files.
include tests/tests.mk

# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-only
#
# What the cases with real kernels have besides tests/lib.sh. KERNELS is a folder with
# VERSION-FLAVOUR and VERSION-FLAVOUR.vmlinux, and with NAME and NAME.vmlinux for the
# project's own kernels/NAME.config, which are built for the cases that say `use_kernel NAME`.
# INITRD is the test guests' initramfs, INITRD32 the one for 32-bit kernels; cases boot
# 6.12-amd64 unless they call use_kernel.

CASE_LIMIT=120	# an emulated guest on a busy machine is slow
FAST=${FAST:-}	# the host runs kernels itself: no lab around

# The options of a boot: the kernel that $kernel names, the test initramfs, a quiet kernel
# with test=$1, then the rest.
options() {
	local test=$1
	shift
	OPTIONS=(-k "$KERNELS/$kernel" -i "$INITRD" -p "quiet test=$test" --timeout 90 "$@")
}

# boot TEST ARGS... - and wait for the end
boot() {
	options "$@"
	run_lkvm "${OPTIONS[@]}"
}

# start TEST ARGS... - in the background, input from descriptor 0 of the caller
start() {
	options "$@"
	start_lkvm "${OPTIONS[@]}"
}

# Boot with a FIFO as the input, which tell writes to; the FIFO is $DIR/input.
start_with_input() {
	mkfifo "$DIR/input"
	exec 6<>"$DIR/input"
	start "$@" <&6 6>&-
}
tell() { printf '%s\n' "$*" >&6; }

up() { await_line 'lkvm-test: up'; }

want_clean_boot() {
	want_line 'lkvm-test: up'
	want_no_line 'lkvm-test: complaint'
	[ ! -s "$ERR" ] || want_no_line 'error|warning' "$ERR"
}

# section NAME - of the guest's report
section() { tr -d '\r' <"$OUT" | sed -n "/^lkvm-test: == $1\$/,/^lkvm-test: ==/p" | sed '1d;$d'; }

want_in() {
	section "$1" | grep -Eq -- "$2" || wrong "the report's $1 has no line like: $2 ($(section "$1" | head -n 4 | tr '\n' ';' | cut -c1-200))"
}

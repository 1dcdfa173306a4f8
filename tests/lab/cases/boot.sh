# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# The ways into a kernel that Debian's amd64 kernels do not need.

# memtest86+ is no Linux, but speaks its boot protocol. It draws its screen on the serial
# console by moving the cursor, so its output has no lines. Escape makes it reboot.
memtest() {
	local errors
	use_kernel "$1"
	mkfifo "$DIR/input"
	exec 6<>"$DIR/input"
	start_lkvm -k "$KERNELS/$1" -m 16M --timeout 90 -p 'console=ttyS0,115200' <&6 6>&-
	await_line 'Memtest86\+ v[0-9]'
	await_line 'Memory  :   16MB'
	await_line '#([3-9]|10)  \[' # not each test is seen: the screen is sent every few seconds
	printf '\033' >&6
	wait_lkvm
	want_status 0
	want_result reason reset
	want_line 'Errors: 0'
	errors=$(tr -d '\r' <"$OUT" | grep -aoE 'Errors: [1-9][0-9]*' | head -n 1)
	[ -z "$errors" ] || wrong "memtest found $errors"
}
case_memtest-x64() { memtest memtest-x64; }
case_memtest-ia32() { memtest memtest-ia32; }

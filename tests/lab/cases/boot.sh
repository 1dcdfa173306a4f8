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

# old_image ENTRY OPTIONS [OFFSET BYTES]... - boot Debian's kernel with bytes of its setup header
# changed (BYTES as printf has them), which makes it unpack itself, by that entry
old_image() {
	local entry=$1 more=$2
	shift 2
	use_kernel 6.12-cloud-amd64
	cp "$KERNELS/$kernel" "$DIR/kernel"
	while [ $# -gt 0 ]; do
		printf '%b' "$2" | dd of="$DIR/kernel" bs=1 seek=$(($1)) conv=notrunc status=none
		shift 2
	done
	# shellcheck disable=SC2086 # words
	set -- -k "$DIR/kernel" -c 2 $more
	run_lkvm "$@" --dry-run
	want_line "^kernel: bzImage .* \(unpacks itself\), $entry entry"
	boot poweroff "$@"
	want_status 0
	want_result reason poweroff
	want_clean_boot
	rm -f "$DIR/kernel"
}
# One byte of payload (at 0x24c is its length) is none that the host knows.
case_own-unpacker-64() { old_image 64-bit '' 0x24c '\x01\x00\x00\x00'; }
# Boot protocol 2.11 does not know of a 64-bit entry.
case_own-unpacker-32() { old_image 32-bit '' 0x24c '\x01\x00\x00\x00' 0x206 '\x0b'; }
case_own-unpacker-32-kaslr() { old_image 32-bit --kaslr 0x206 '\x0b'; }
# These do not tell of a payload, and before 2.05 not that the image may be moved.
case_protocol-2.07() { old_image 32-bit '' 0x206 '\x07'; }
case_protocol-2.02() { old_image 32-bit '' 0x206 '\x02'; }

# A kernel that is packed in a way that the host does not know
case_small-lzo() {
	use_kernel small-lzo || { skip "there is no kernel small-lzo" && return; }
	options poweroff --dry-run
	run_lkvm "${OPTIONS[@]}"
	want_line '^kernel: bzImage .* \(unpacks itself\), 64-bit entry'
	boot poweroff
	want_status 0
	want_line 'lkvm-test: up'
}

# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# How a run ends: every row of the table of exit statuses that needs a kernel.

case_poweroff() {
	boot poweroff
	want_status 0
	want_result reason poweroff
	want_result evidence acpi
	want_clean_boot
}

case_reboot() {
	boot reboot
	want_status 0
	want_result reason reset
	want_line 'lkvm-test: up'
}

case_halt() {
	boot halt -c 1
	want_status 0
	want_result reason halt
}

case_halt-4-cpus() {
	boot halt -c 4
	want_status 0
	want_result reason halt
}

case_panic() {
	boot panic -c 2
	want_status 120
	want_result reason panic
	want_error '[Rr][Ii][Pp]'
	want_error 'lines of the console'
	want_error 'RSP: 002b:.*ORIG_RAX'
}

# Without the word that lkvm adds, a kernel stays after a panic: lkvm may not.
case_panic-stays() {
	SECONDS=0
	boot panic --nodefaults -p 'console=ttyS0 panic=0'
	want_status 120
	want_result reason panic
	((SECONDS < 60)) || wrong "only the time limit ended it"
}

case_panic-long-wait() {
	SECONDS=0
	boot panic --nodefaults -p 'console=ttyS0 panic=1000'
	want_status 120
	want_result reason panic
	((SECONDS < 60)) || wrong "only the time limit ended it"
}

case_init-ends() {
	boot exit -p 'arg=3'
	want_status 120
	want_line 'Attempted to kill init'
}

case_no-initrd() {
	lkvm_command -k "$KERNELS/$kernel" -p quiet --timeout 90
	timeout -s KILL "$CASE_LIMIT" "${COMMAND[@]}" </dev/null >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 120
	want_line 'Unable to mount root fs'
}

case_triple-fault() {
	boot reboot -p 'reboot=t'
	want_status 121
	want_result reason triple-fault
}

case_triple-fault-4-cpus() {
	boot reboot -c 4 -p 'reboot=t'
	want_status 121
}

case_timeout() {
	options sleep
	run_lkvm "${OPTIONS[@]}" --timeout 12
	want_status 124
	want_result reason timeout
	want_error '[Rr][Ii][Pp]'
}

case_timeout-busy() {
	options busy -c 2
	run_lkvm "${OPTIONS[@]}" --timeout 45
	want_status 124
	want_line 'lkvm-test: busy'
}

case_boot-timeout() {
	boot silent --boot-timeout 12
	want_status 124
	want_result reason timeout
}

# The limit is for the time until user space speaks, and no longer.
case_boot-timeout-in-time() {
	start_with_input ask --boot-timeout 60
	await_line 'lkvm-test: next'
	sleep 1
	tell poweroff
	wait_lkvm
	exec 6>&-
	want_status 0
}

# end_by NAME NUMBER: at any moment: early in the boot, and with user space running
end_by() {
	start sleep -c 2 </dev/null
	sleep 0.5
	kill -s "$1" "$PID"
	wait_lkvm 10
	want_status $((128 + $2))
	start sleep -c 2 </dev/null
	up
	kill -s "$1" "$PID"
	wait_lkvm 10
	want_status $((128 + $2))
	want_result reason signal
}
case_sigterm() { end_by TERM 15; }
case_sighup() { end_by HUP 1; }
case_sigint() {
	options sleep
	lkvm_command "${OPTIONS[@]}"
	env --default-signal=INT "${COMMAND[@]}" </dev/null >"$OUT" 2>"$ERR" &
	PID=$!
	up
	kill -s INT "$PID"
	wait_lkvm 10
	want_status 130
}

case_reboot-for-real() {
	start_with_input ask --reboot -c 2
	for word in reboot reboot poweroff; do
		seen=$((${seen:-0} + 1))
		for ((i = 0; i < 600; i++)); do
			[ "$(grep -ac 'lkvm-test: next' "$OUT")" != "$seen" ] || break
			is_alive "$PID" || break
			sleep 0.1
		done
		tell "$word"
	done
	wait_lkvm
	exec 6>&-
	want_status 0
	want_result reason poweroff
	want_result reboots 2
	want_count 3 'lkvm-test: up'
}

# A guest that is killed leaves the other alone.
case_two-at-once() {
	start sleep </dev/null
	first=$PID
	up
	OUT=$DIR/out2 ERR=$DIR/err2 RESULT=$DIR/result2.json
	start_with_input ask
	await_line 'lkvm-test: next'
	kill -KILL "$first"
	wait "$first" 2>/dev/null
	tell poweroff
	wait_lkvm
	exec 6>&-
	want_status 0
	want_result reason poweroff
}

# None of many boots may hang; a lost interrupt or IPI shows here.
case_20-boots() {
	local i
	for ((i = 1; i <= ${BOOTS:-20}; i++)); do
		boot poweroff -c 4
		want_status 0 && want_line 'cpus=0-3' || { wrong "... at boot $i"; return; }
	done
}

case_no-acpi-halts() {
	boot poweroff -c 2 -p 'acpi=off'
	want_status 0
	want_result reason halt
}

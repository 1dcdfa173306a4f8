# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# Cases that need more than a row of the table.

spin() { start_lkvm -k "$guests/spin" </dev/null && await_line spin 10; }

# end_by_signal NAME NUMBER
end_by_signal() {
	spin
	kill -s "$1" "$PID"
	wait_lkvm 5
	want_status $((128 + $2))
	want_result reason signal
	want_result source lkvm
}
case_signal-term() { end_by_signal TERM 15; }
case_signal-hup() { end_by_signal HUP 1; }
# A shell starts what runs in the background with SIGINT ignored
case_signal-int() {
	lkvm_command -k "$guests/spin"
	env --default-signal=INT "${COMMAND[@]}" </dev/null >"$OUT" 2>"$ERR" &
	PID=$!
	await_line spin 10
	kill -s INT "$PID"
	wait_lkvm 5
	want_status 130
	want_result reason signal
}

case_two-signals() {
	spin
	kill -s TERM "$PID"
	kill -s TERM "$PID" 2>/dev/null
	wait_lkvm 5
	[ "$STATUS" = 143 ] || wrong "exit status is $STATUS"
}

case_registers-at-timeout() {
	run_lkvm -k "$guests/spin" -c 2 --timeout 1
	want_status 124
	want_error '[Rr][Ii][Pp]'
	want_error 'spin'
}

case_log-equals-output() {
	run_lkvm -k "$guests/flood" --log "$DIR/log"
	want_status 0
	cmp -s "$OUT" "$DIR/log" || wrong "the log differs from the output"
}

case_quiet-success() {
	run_lkvm -k "$guests/hello" --quiet
	want_status 0
	want_empty "$OUT"
}

case_quiet-failure() {
	run_lkvm -k "$guests/panic" --quiet
	want_status 120
	want_line 'Kernel panic' <(cat "$OUT" "$ERR")
}

case_output-to-full-device() {
	lkvm_command -k "$guests/flood"
	timeout -s KILL 20 "${COMMAND[@]}" </dev/null >/dev/full 2>"$ERR"
	STATUS=$?
	[ "$STATUS" != 137 ] || wrong hangs
}

case_output-to-closed-pipe() {
	lkvm_command -k "$guests/flood"
	timeout -s KILL 20 "${COMMAND[@]}" </dev/null 2>"$ERR" | true
	STATUS=${PIPESTATUS[0]}
	[ "$STATUS" != 137 ] || wrong hangs
}

case_slow-reader() {
	lkvm_command -k "$guests/flood"
	{ timeout -s KILL 30 "${COMMAND[@]}" </dev/null 2>"$ERR"; echo "$?" >"$DIR/status"; } | { sleep 2; cat >"$OUT"; }
	STATUS=$(cat "$DIR/status")
	want_status 0
	want_line 'flood: done'
}

case_closed-stdin() {
	lkvm_command -k "$guests/hello"
	timeout -s KILL 20 "${COMMAND[@]}" <&- >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	want_line 'hello from'
}

case_all-closed() {
	lkvm_command -k "$guests/hello"
	timeout -s KILL 20 "${COMMAND[@]}" <&- >&- 2>&-
	STATUS=$?
	want_status 0
	want_result reason poweroff
}

# Descriptors are shared with the shell: nobody may find them changed.
case_descriptors-unchanged() {
	lkvm_command -k "$guests/hello"
	mkfifo "$DIR/fifo"
	exec 7<>"$DIR/fifo"
	before=$(grep flags /proc/self/fdinfo/7)
	timeout -s KILL 20 "${COMMAND[@]}" <&7 >&7 2>"$ERR"
	STATUS=$?
	after=$(grep flags /proc/self/fdinfo/7)
	exec 7>&-
	want_status 0
	[ "$before" = "$after" ] || wrong "descriptor flags: $before before, $after after"
}

# Two at once: killing one leaves the other alone.
case_two-at-once() {
	spin
	first=$PID
	run_lkvm -k "$guests/cpl3" -p 'n 100000000' &
	second=$!
	kill -KILL "$first"
	wait "$first" 2>/dev/null
	wait "$second"
	want_status_file() { want_result reason poweroff; }
	want_status_file
}

case_debug-port() {
	run_lkvm -k "$guests/cpl3" -p 'o 20'
	want_status 0
	cat "$OUT" "$ERR" >"$DIR/both"
	want_line '\.{20}' "$DIR/both"
}

# --- wrong use: one line that names the thing, status 125 ---
case_no-such-kernel() {
	run_lkvm -k "$DIR/absent"
	want_refusal "$DIR/absent"
}

case_bad-kernels() {
	local file
	: >"$DIR/empty"
	head -c 100 "$guests/hello" >"$DIR/short"
	head -c 5000 "$guests/hello" >"$DIR/cut"
	head -c 100000 /dev/zero >"$DIR/zeros"
	head -c 100000 /dev/urandom >"$DIR/noise"
	mkdir "$DIR/folder"
	for file in empty short cut zeros noise folder; do
		run_lkvm -k "$DIR/$file" --timeout 5
		want_refusal "$file" || wrong "... with the kernel: $file"
	done
}

case_bad-options() {
	local words
	for words in '-m 0' '-m 1K' '-m 999999P' '-m x' '-m -5' '-c 0' '-c 5000' '-c x' '-c 4,sockets=3' '-c 4,nonsense=1' \
		'--no-such-option' '--timeout x' '--timeout=-1' '--cpu +nonsense' '--console nonsense' '--tty 9' \
		'--result /no/such/folder/file' '--log /no/such/folder/file' '--dev /dev/null' '--dev /no/such' \
		'--hugetlbfs /no/such' '-i /no/such/initrd' 'stray-word'; do
		# shellcheck disable=SC2086
		run_lkvm -k "$guests/hello" --timeout 5 $words
		want_refusal '.' || wrong "... with: $words"
	done
}

case_long-command-line() {
	run_lkvm -k "$guests/mbinfo" -p "$(head -c 100000 /dev/zero | tr '\0' x)"
	want_refusal 'command line|param'
}

case_initrd-larger-than-memory() {
	truncate -s 300M "$DIR/big"
	run_lkvm -k "$guests/mbinfo" -m 128 -i "$DIR/big"
	want_refusal 'initrd|memory'
}

case_no-permission() {
	[ "$(id -u)" = 0 ] || { skip "needs root" && return; }
	cp "$LKVM" "$guests/hello" "$DIR/" && chmod 755 "$DIR" "$DIR"/*
	! setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$DIR/lkvm" || {
		[ "$(stat -c %a /dev/kvm)" = 666 ] && skip "everybody may open /dev/kvm" && return
		setpriv --reuid 65534 --regid 65534 --clear-groups "$DIR/lkvm" run -k "$DIR/hello" >"$OUT" 2>"$ERR"
		STATUS=$?
		want_refusal '/dev/kvm'
		return
	}
	skip "the build folder is not open to others"
}

# SeaBIOS goes from the reset vector to its banner, and on until it has nothing to boot.
seabios() {
	local file=/usr/share/seabios/$1
	[ -e "$file" ] || file=$(scripts/fetch-package seabios "$file" 2>/dev/null) || { skip "no package seabios" && return; }
	start_lkvm --firmware "$file" -m 64M -c 2 --timeout 60 </dev/null
	await_line '^SeaBIOS \(version' 60 "$ERR"
	await_line '^RamSize: 0x04000000' 60 "$ERR"
	await_line '^Found 2 cpu' 60 "$ERR"
	await_line '^No bootable device' 60 "$ERR"
	kill -TERM "$PID"
	wait_lkvm 5
	want_status 143
}
case_seabios() { seabios bios.bin; }
case_seabios-256k() { seabios bios-256k.bin; }

case_dry-run() {
	run_lkvm -k "$guests/hello" --dry-run -c 3 -m 512M
	want_status 0
	want_line '512'
	want_line '3'
	want_no_line 'hello from'
}

case_nothing-left-behind() {
	local before after place=${XDG_RUNTIME_DIR:-/run}/lkvm
	run_lkvm -k "$guests/hello"	# the folder of folders stays
	before=$(ls -A /tmp "$place" | sort)
	run_lkvm -k "$guests/hello"
	after=$(ls -A /tmp "$place" | sort)
	want_status 0
	[ -z "$(comm -13 <(echo "$before") <(echo "$after") | grep -iE 'lkvm|guest-')" ] || wrong "left: $(comm -13 <(echo "$before") <(echo "$after"))"
}

case_version() {
	"$LKVM" version >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	want_line '[0-9]+\.[0-9]+'
	"$LKVM" version --features >"$OUT" 2>"$ERR" || wrong "version --features fails"
	want_line .
}

# lkvm doctor ARGS... - the rest of the words go to it
doctor() {
	echo "lkvm doctor $*" >>"$DIR/commands"
	timeout -k 5 -s KILL 20 "$LKVM" doctor "$@" </dev/null >"$OUT" 2>"$ERR"
	STATUS=$?
}

case_doctor() {
	doctor
	want_status 0
	want_empty "$ERR"
	want_line '^  ok  device +/dev/kvm, API version 12$'
	want_line '^  ok  IRQCHIP '
	want_line '^  (ok|--)  kernel mode .*[0-9]+ million instructions a second: (kernels run here|Linux will not boot)'
	want_line '^  ok  user mode +[0-9]+ million instructions a second$'
	want_line '^lkvm can run VMs here'
	want_no_line '^  NO '
}

# The two ways to ask agree with each other, and with the status.
case_doctor-speed() {
	local status
	doctor --speed
	status=$STATUS
	want_count 1 '^kernel mode: .* million instructions a second'
	case $status in
	0) want_line 'kernels run here' ;;
	1) want_line 'Linux will not boot in useful time' ;;
	*) wrong "exit status is $status" ;;
	esac
	doctor --speed --json
	want_status "$status"
	want_line "\"runs_kernels\": $([ "$status" = 0 ] && echo true || echo false)"
	want_line '"kernel_mode": [0-9]+'
}

case_doctor-json() {
	doctor --json
	want_status 0
	want_line '^  "status": 0,$'
	want_line '^      "IRQCHIP": [1-9]'
	want_line '"name": "kernel mode",$'
	want_line '"state": "ok",$'
	! command -v python3 >/dev/null || python3 -c 'import json, sys; json.load(sys.stdin)' <"$OUT" 2>/dev/null ||
		wrong "not JSON"
}

case_doctor-no-permission() {
	[ "$(id -u)" = 0 ] || { skip "needs root" && return; }
	[ "$(stat -c %a /dev/kvm)" != 666 ] || { skip "everybody may open /dev/kvm" && return; }
	local copy
	copy=$(mktemp -d) && chmod 755 "$copy" && cp "$LKVM" "$copy/"
	(cd / && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$copy/lkvm" doctor) </dev/null >"$OUT" 2>"$ERR"
	STATUS=$?
	rm -rf "$copy"
	want_status 125
	want_line '^  NO  device +/dev/kvm: Permission denied$'
	want_line '^ +> .*(group|ACL)'
	want_line 'no VM here'
}

case_help() {
	"$LKVM" help >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	want_line 'run'
	"$LKVM" help run >"$OUT" 2>"$ERR" || wrong "help run fails"
	want_line '--boot-timeout'
	"$LKVM" help nonsense >"$OUT" 2>"$ERR"
	[ $? = 125 ] || wrong "help of an unknown command does not end with 125"
}

# The guest has ended, but nobody reads what it said: a signal still ends lkvm.
case_stuck-reader() {
	mkfifo "$DIR/fifo"
	exec 7<>"$DIR/fifo"
	head -c 65536 /dev/zero >&7	# a pipe's size: full
	lkvm_command -k "$guests/flood"
	"${COMMAND[@]}" </dev/null >"$DIR/fifo" 2>"$ERR" &
	PID=$!
	sleep 3
	is_alive "$PID" || wrong "it did not wait for its reader"
	kill -TERM "$PID"
	wait_lkvm 10
	exec 7>&-
}

# Before the guest runs lkvm may wait for a file: a signal and the time limit end it there.
case_waiting-for-a-file() {
	local option
	mkfifo "$DIR/fifo"
	for option in --log -i; do
		lkvm_command -k "$guests/hello" "$option" "$DIR/fifo"
		"${COMMAND[@]}" </dev/null >"$OUT" 2>"$ERR" &
		PID=$!
		sleep 0.5
		is_alive "$PID" || wrong "$option: it did not wait"
		kill -TERM "$PID"
		wait_lkvm 5
		want_status 143
	done
	run_lkvm -k "$guests/hello" -i "$DIR/fifo" --timeout 0.5
	want_status 124
	want_error 'out of time'
}

case_panic-on-tty-0() {
	run_lkvm -k "$guests/panic" --tty 0 --log "$DIR/log"
	want_status 120
	want_line 'Kernel panic' "$DIR/log"
	run_lkvm -k "$guests/hello" --tty 0 --dry-run
	want_line '^command line: console=ttyS0'
}

case_reboot-with-a-pipe() {
	run_lkvm -k "$guests/hello" --reboot -i <(echo initrd)
	want_refusal 'reboot.*no file'
}

case_nul-in-the-tail() {
	run_lkvm -k "$guests/nul"
	want_status 120
	want_error '\| .*Kernel panic'
}

case_help-of-a-command() {
	local word
	for word in --help -h; do
		"$LKVM" run $word >"$OUT" 2>"$ERR"
		STATUS=$?
		want_status 0
		want_line 'kernel FILE'
	done
}

# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# The console: with a terminal (driven by expect) and without one.

case_input-from-pipe() {
	options read
	lkvm_command "${OPTIONS[@]}"
	printf 'one\ntwo\nthree\nend\n' | timeout -s KILL "$CASE_LIMIT" "${COMMAND[@]}" >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	for word in one two three; do want_line "lkvm-test: got $word\$"; done
	want_line 'lkvm-test: read all'
}

# More than any FIFO or buffer on the way holds
case_input-from-file() {
	for ((i = 0; i < 300; i++)); do echo "line $i of the file"; done >"$DIR/file"
	echo end >>"$DIR/file"
	options read
	lkvm_command "${OPTIONS[@]}"
	timeout -s KILL "$CASE_LIMIT" "${COMMAND[@]}" <"$DIR/file" >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	want_count 300 'lkvm-test: got line [0-9]+ of the file$'
	want_line 'lkvm-test: got line 299 of the file$'
}

# The end of the input is no end of the guest.
case_input-closed() {
	options poweroff
	lkvm_command "${OPTIONS[@]}"
	timeout -s KILL "$CASE_LIMIT" "${COMMAND[@]}" <&- >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	want_line 'lkvm-test: up'
}

case_output-to-file-and-log() {
	options flood -p arg=50000
	run_lkvm "${OPTIONS[@]}" --log "$DIR/log"
	want_status 0
	want_line 'lkvm-test: flood done'
	cmp -s "$OUT" "$DIR/log" || wrong "the log differs from the output"
}

case_quiet-success() {
	boot poweroff --quiet --log "$DIR/log"
	want_status 0
	want_empty "$OUT"
	want_line 'lkvm-test: up' "$DIR/log"
}

case_quiet-failure() {
	boot panic --quiet
	want_status 120
	cat "$OUT" "$ERR" >"$DIR/both"
	want_line 'lkvm-test: up' "$DIR/both"
	want_line 'Kernel panic' "$DIR/both"
}

case_tty-on-pty() {
	start sleep --tty 1 </dev/null
	up
	want_line '/dev/pts/[0-9]+' <(cat "$OUT" "$ERR")
	kill "$PID"
	wait_lkvm 10
	want_status 143
}

# expect_script NAME - tests/lab/cases/NAME.exp, which prints "wrong: ..." for what it misses
expect_script() {
	local script=$1
	shift
	options "$@"
	lkvm_command "${OPTIONS[@]}"
	timeout -s KILL "$CASE_LIMIT" expect -f "$TOP/tests/lab/cases/$script.exp" "$DIR" "${COMMAND[@]}" \
		</dev/null >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	want_no_line '^wrong:'
}

case_terminal-shell() { expect_script shell shell -c 2; }
case_terminal-ctrl-a-x() { expect_script ctrl-a-x shell; }
case_terminal-sysrq() { expect_script sysrq shell; }
case_terminal-sigterm() { expect_script sigterm shell; }
case_terminal-panic() { expect_script panic panic; }

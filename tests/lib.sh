# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What test cases are written with. A case is begun, runs lkvm, says what it wants, and is
# ended, which prints its line of TAP and, if something was not as wanted, why.
#
#	begin NAME
#	run_lkvm -k KERNEL ...		output in $OUT, errors in $ERR, result file in $RESULT
#	want_status 0
#	want_result reason poweroff
#	want_line 'regular expression'	in the output
#	end
#
# LKVM is the program, CASES the folder for what cases leave. $DIR is the case's own.

LKVM=${LKVM:-$(realpath -m "${O:-.}/lkvm")}
CASE_LIMIT=${CASE_LIMIT:-60}	# seconds that one lkvm may take before it counts as hanging

# build_lkvm [TARGET...] - says so in TAP when it fails
build_lkvm() {
	if ! "$MAKE" -j "$(nproc)" O="$O" all "$@" >"$LOGS/build.log" 2>&1; then
		echo "not ok build"
		grep -E 'error|undefined|\*\*\*' "$LOGS/build.log" | head -n 15 | sed 's/^/  /'
		return 1
	fi
}

begin() {
	NAME=$1
	DIR=${CASES:-$LOGS/guest}/$NAME
	rm -rf "$DIR"
	mkdir -p "$DIR"
	OUT=$DIR/out ERR=$DIR/err RESULT=$DIR/result.json
	STATUS="" WRONG="" SKIP=""
	: >"$DIR/commands"
}

# skip REASON - end the case without a verdict: `skip "..." && return`
skip() { SKIP=$1; }

wrong() {
	WRONG+="  $*"$'\n'
	return 1
}

end() {
	if [ -n "$WRONG" ]; then
		echo "not ok $NAME"
		printf '%s' "$WRONG"
		sed 's/^/  $ /' "$DIR/commands"
		[ ! -s "$OUT" ] || tail -n 8 "$OUT" | tr -d '\r' | cut -c1-200 | sed 's/^/  out| /'
		[ ! -s "$ERR" ] || tail -n 8 "$ERR" | tr -d '\r' | cut -c1-200 | sed 's/^/  err| /'
		return 1
	fi
	echo "ok $NAME${SKIP:+ # SKIP $SKIP}"
	rm -rf "$DIR"
}

# lkvm_command ARGS... - sets COMMAND: lkvm run with the options that all cases have
lkvm_command() {
	COMMAND=("$LKVM" run --result "$RESULT" "$@")
	printf '%q ' "${COMMAND[@]}" >>"$DIR/commands"
	echo >>"$DIR/commands"
	rm -f "$RESULT"
	[ -z "${HEARTBEAT-}" ] || : >"$HEARTBEAT"	# for who watches whether we live
}

# run_lkvm ARGS... - with no input, and an end after CASE_LIMIT seconds in any case
run_lkvm() {
	lkvm_command "$@"
	timeout -k 5 -s KILL "$CASE_LIMIT" "${COMMAND[@]}" </dev/null >"$OUT" 2>"$ERR"
	STATUS=$?
	[ "$STATUS" != 137 ] || wrong "hangs: had to be killed after $CASE_LIMIT s"
}

# start_lkvm ARGS... - in the background, as $PID, with the descriptors of the caller for input
start_lkvm() {
	lkvm_command "$@"
	# who runs the tests may ignore SIGHUP; <&0: else the shell gives it /dev/null
	env --default-signal=HUP,TERM "${COMMAND[@]}" <&0 >"$OUT" 2>"$ERR" &
	PID=$!
}

# wait_lkvm [SECONDS] - for $PID to end by itself
wait_lkvm() {
	local i limit=$((${1:-$CASE_LIMIT} * 10))
	for ((i = 0; i < limit; i++)); do
		is_alive "$PID" || break
		sleep 0.1
	done
	if is_alive "$PID"; then
		kill -KILL "$PID"
		wait "$PID" 2>/dev/null
		STATUS=137
		wrong "still there after ${1:-$CASE_LIMIT} s"
		return
	fi
	wait "$PID"
	STATUS=$?
}

# A process that has ended but was not waited for does not count.
is_alive() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" && case ${line##*)} in ' Z'*) false ;; esac
}

# await_line REGEXP [SECONDS] [FILE] - until the output has such a line
await_line() {
	local i limit=$((${2:-$CASE_LIMIT} * 10))
	for ((i = 0; i < limit; i++)); do
		! grep -aEq -- "$1" "${3:-$OUT}" 2>/dev/null || return 0
		[ -z "${PID-}" ] || is_alive "$PID" || break
		sleep 0.1
	done
	grep -aEq -- "$1" "${3:-$OUT}" || wrong "waited in vain for a line like: $1"
}

want_status() { [ "$STATUS" = "$1" ] || wrong "exit status is $STATUS, not $1"; }

# value KEY - out of the result file, as text
value() { sed -nE 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"?([^",}]*)"?.*/\1/p' "$RESULT" 2>/dev/null | head -n 1; }

want_result() {
	if [ ! -s "$RESULT" ]; then
		wrong "there is no result file"
	elif [ "$(value "$1")" != "$2" ]; then
		wrong "result: $1 is '$(value "$1")', not '$2'"
	fi
}

want_line() { tr -d '\r' <"${2:-$OUT}" | grep -aEq -- "$1" || wrong "no line like: $1"; }
want_no_line() {
	local line
	line=$(tr -d '\r' <"${2:-$OUT}" | grep -aEm 1 -- "$1") || return 0
	wrong "a line like '$1': $line"
}
want_error() { want_line "$1" "$ERR"; }
want_empty() { [ ! -s "$1" ] || wrong "${1##*/} is not empty: $(head -n 1 "$1")"; }

# want_count N REGEXP
want_count() {
	local n
	n=$(tr -d '\r' <"$OUT" | grep -aEc -- "$2")
	[ "$n" = "$1" ] || wrong "$n lines like '$2', not $1"
}

# One line on stderr that has this text, status 125, nothing on stdout, no result of a guest.
want_refusal() {
	want_status 125
	want_error "$1"
	[ "$(wc -l <"$ERR")" = 1 ] || wrong "stderr has $(wc -l <"$ERR") lines, not one"
	want_empty "$OUT"
}

# --- commands to running VMs ---

# ask COMMAND... - its status in $ASKED, its output in $DIR/said and $DIR/complained
ask() {
	printf '%q ' lkvm "$@" >>"$DIR/commands" && echo >>"$DIR/commands"
	timeout -s KILL 20 "$LKVM" "$@" >"$DIR/said" 2>"$DIR/complained"
	ASKED=$?
}
# asked STATUS COMMAND... - and its status is that
asked() {
	local wanted=$1
	shift
	ask "$@"
	[ "$ASKED" = "$wanted" ] || wrong "lkvm $*: status $ASKED, not $wanted: $(head -c 300 "$DIR/complained")"
}
# refused WORDS COMMAND... - with one line that has these words
refused() {
	local words=$1
	shift
	asked 125 "$@"
	want_line "$words" "$DIR/complained"
	[ "$(wc -l <"$DIR/complained")" = 1 ] || wrong "lkvm $*: not one line: $(cat "$DIR/complained")"
}

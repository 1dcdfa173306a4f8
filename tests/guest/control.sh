# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# Running VMs and the commands that deal with them.

# up NAME GUEST LINE ARGS... - start a VM, and wait until it has said LINE, if that is not empty
up() {
	local name=$1 guest=$2 line=$3
	shift 3
	OUT=$DIR/out-$name ERR=$DIR/err-$name RESULT=$DIR/result-$name
	start_lkvm -k "$guests/$guest" -m 16 --name "$name" "$@" </dev/null
	PIDS[$name]=$PID
	[ -z "$line" ] || await_line "$line" 20
}
down() { # NAME STATUS - it has ended or is about to
	OUT=$DIR/out-$1 ERR=$DIR/err-$1 RESULT=$DIR/result-$1 PID=${PIDS[$1]}
	wait_lkvm 20
	want_status "$2"
}

# want_list NAME STATE ... - all that lkvm list tells, in this order
want_list() {
	asked 0 list
	local got wanted
	got=$(sed 1d "$DIR/said" | awk '{ print $1, $3 }' | tr '\n' ' ')
	wanted="$* "
	[ "$#" -gt 0 ] || wanted=''
	[ "$got" = "$wanted" ] || wrong "the list is '$got', not '$wanted'"
}
own_place() {
	unset PIDS
	declare -gA PIDS
	PLACE=$DIR/run
	mkdir -m 700 "$PLACE"
}
want_nothing_left() { [ -z "$(ls -A "$PLACE/lkvm" 2>/dev/null)" ] || wrong "left behind: $(ls -A "$PLACE/lkvm")"; }

case_control-16-vms() {
	local i states=() name
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	for i in {10..25}; do up "vm$i" button 'button: waits' -c 1 || return; done
	for i in {10..25}; do states+=("vm$i" running); done
	want_list "${states[@]}"

	for i in {10..25..2}; do asked 0 pause "vm$i"; done
	states=()
	for i in {10..25}; do states+=("vm$i" "$( ((i % 2)) && echo running || echo paused)"); done
	want_list "${states[@]}"
	for i in {10..25..2}; do asked 0 resume "vm$i"; done

	states=()
	for i in {10..25}; do
		if ((i % 2)); then
			kill -KILL "${PIDS[vm$i]}"
			wait "${PIDS[vm$i]}" 2>/dev/null
		else
			states+=("vm$i" running)
		fi
	done
	want_list "${states[@]}"
	[ "$(ls -A "$PLACE/lkvm" | wc -l)" = 8 ] || wrong "not 8 folders: $(ls -A "$PLACE/lkvm")"

	asked 0 stop vm10
	down vm10 0
	want_result reason poweroff
	want_line 'button: pressed'
	want_list "${states[@]:2}"
	asked 0 stop --all
	for i in {12..25..2}; do
		down "vm$i" 0
		want_result evidence acpi
	done
	want_list
	want_nothing_left
}

case_control-list-json() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	asked 0 list --json
	[ "$(tr -d ' \n' <"$DIR/said")" = '[]' ] || wrong "the empty list is $(cat "$DIR/said")"
	up one spin spin -c 3
	asked 0 list --json
	for line in '"name": "one"' "\"pid\": $PID\b" '"state": "running"' '"cpus": 3' '"memory": 16777216' \
		'"uptime": [0-9]+\.[0-9]{3},$' '"kernel": "/.*/spin"'; do
		want_line "$line" "$DIR/said"
	done
	asked 0 stop --force
	down one 143
}

case_control-name-in-use() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	up one spin spin
	local log=$DIR/log
	echo keep >"$log"
	run_lkvm -k "$guests/hello" --name one --log "$log"
	want_refusal "--name one.*process ${PIDS[one]}\$"
	[ "$(cat "$log")" = keep ] || wrong "its log was emptied"
	want_list one running
	# A killed one has no name.
	kill -KILL "${PIDS[one]}"
	wait "${PIDS[one]}" 2>/dev/null
	run_lkvm -k "$guests/hello" --name one
	want_status 0
	want_nothing_left
}

case_control-which-one() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	refused 'no VM runs' pause
	refused 'no VM named x' pause x
	up one spin spin
	up two spin spin
	refused '2 VMs run.* one two$' pause
	refused 'no VM named x' stop x
	asked 0 pause two
	asked 0 pause two
	asked 0 pause --name one
	want_list one paused two paused
	asked 0 resume -n one
	want_list one running two paused
	refused 'names? .*takes|takes no' pause one two
	refused 'one key' sysrq
	refused 'one character' sysrq one tt
	refused 'takes no name' stop --all one
	refused 'timeout' stop one --timeout x
	refused 'takes no argument' list one
	refused 'not the number' nmi one --cpu x
	refused 'there is no CPU 999' nmi one --cpu 999
	refused 'listens neither' sysrq one t
	asked 0 stop one --force
	asked 0 stop --force two
	down one 143
	down two 143
	want_nothing_left
}

# Who does not listen is told of by name; force ends it, with its evidence.
case_control-stop() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	up one spin spin
	refused 'VM one: the guest does not listen to its power button' stop
	want_list one running
	asked 0 pause
	asked 0 stop --force
	down one 143
	want_result reason signal
	want_result signal 15
	want_result evidence control
	# One that is paused is let go on, so that it can react.
	up two button 'button: waits' -c 1
	asked 0 pause
	asked 0 stop
	down two 0
	want_result reason poweroff
	# Not asked but told after a while
	up three spin spin
	asked 0 stop --force --timeout 1
	down three 143
	want_nothing_left
}

# The limits and signals of a run go on.
case_control-paused-ends() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	up one spin spin --timeout 3
	asked 0 pause
	down one 124
	up two spin spin
	asked 0 pause
	kill -TERM "${PIDS[two]}"
	down two 143
	want_nothing_left
}

# The look that is taken each second must not end a pause.
case_control-pause-stays() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	up one cpl3 '' -p 'o 4000000000' -c 1
	await_line '^\.{1000}' 20 "$ERR"
	asked 0 pause
	sleep 0.5
	before=$(stat -c %s "$ERR")
	sleep 3
	[ "$(stat -c %s "$ERR")" = "$before" ] || wrong "it went on"
	asked 0 debug
	[ "$(stat -c %s "$ERR")" = "$before" ] || wrong "a look inside has let it go on"
	asked 0 resume
	for ((i = 0; i < 100; i++)); do
		[ "$(stat -c %s "$ERR")" = "$before" ] || break
		sleep 0.1
	done
	[ "$(stat -c %s "$ERR")" != "$before" ] || wrong "it does not go on"
	asked 0 stop --force
	down one 143
}

case_control-stuck() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	up one spin spin
	up two spin spin
	kill -STOP "${PIDS[one]}"
	want_list one stuck two running
	refused 'VM one does not answer.*process' stop one
	asked 0 pause two
	asked 0 stop --force one
	want_list two paused
	asked 0 stop --force two
	down two 143
	want_nothing_left
}

case_control-debug() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	up one spin spin -c 2
	asked 0 debug
	want_line '(CPU|cpu) 0' "$DIR/said"
	want_line '(CPU|cpu) 1' "$DIR/said"
	want_line '[Rr][Ii][Pp]:? *0*1000' "$DIR/said"
	want_empty "$DIR/complained"
	want_empty "$ERR"
	want_list one running
	asked 0 stop --force
	down one 143
}

# It has no handler for it, so the NMI is its end.
case_control-nmi() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	up one spin spin -c 2
	refused 'CPU 1 has not been started' nmi one --cpu 1
	asked 0 nmi one --cpu 0
	down one 121
	want_result reason triple-fault
	up two spin spin -c 2
	asked 0 nmi two
	down two 121
	want_nothing_left
}

# perl PROGRAM - as a client of VM one: $s is the connection
client() {
	timeout -s KILL 20 perl -MIO::Socket::UNIX -e '
		$SIG{PIPE} = "IGNORE";
		sub dial { IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "no connection: $!\n" }
		$s = dial();
		'"$1" "$PLACE/lkvm/one/ctl" >"$DIR/client" 2>&1 || wrong "client: $(head -c 300 "$DIR/client")"
}

case_control-hostile-clients() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	# a socket's address by its path has 108 bytes
	[ ${#PLACE} -lt 90 ] || { PLACE=$(mktemp -d) && XDG_RUNTIME_DIR=$PLACE; }
	up one spin spin
	# They stay connected, saying nothing or half of something, and read nothing.
	timeout -s KILL 60 perl -MIO::Socket::UNIX -e '
		for $i (0 .. 39) {
			$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
			print $s ("", "{\"execute\":", "{\"execute\":\"debug\"}\n" x 50, "\0\n\xff\n")[$i % 4];
			$s->flush;
			push @all, $s;
		}
		print "there\n"; close STDOUT; sleep 60' "$PLACE/lkvm/one/ctl" >"$DIR/crowd" &
	crowd=$!
	await_line there 10 "$DIR/crowd"
	want_list one running
	client 'print $s "[" x 1048576; $s->flush; $_ = <$s>; die "$_" unless /error.*too long/; die "open" if <$s>'
	client 'print $s "{" x 60000 . "\n"; $s->flush; $_ = <$s>; die "$_" unless /error/'
	client 'print $s "{\"execute\":\"info\",\"id\":9}\n" x 100; $s->flush;
		for (1 .. 100) { $_ = <$s>; die "$_" unless /"return".*"id":9/ }'
	client 'for (1 .. 200) { $c = dial(); print $c "{\"execute\":\"debug\"}\n"; $c->flush; close $c }'
	client 'print $s "{\"execute\":\"nonsense\"}\n"; $s->flush; $_ = <$s>; die "$_" unless /CommandNotFound/'
	client '@all = map { dial() } 1 .. 100; $c = dial(); print $c "{\"execute\":\"info\"}\n"; $c->flush;
		$_ = <$c>; die "$_" unless /"state":"running"/'
	want_list one running
	asked 0 pause one
	asked 0 stop --force one
	down one 143
	kill "$crowd"
	wait "$crowd" 2>/dev/null
	want_nothing_left
	[ "$PLACE" = "$DIR/run" ] || rm -rf "$PLACE"
}

case_control-places() {
	local deep=$DIR i
	own_place
	for i in 1 2 3 4 5 6; do deep+=/a-folder-with-a-name-that-is-rather-long-$i; done
	mkdir -p "$deep" "$DIR/home"
	local -x XDG_RUNTIME_DIR=$deep HOME=$DIR/home
	up one spin spin
	[ -S "$deep/lkvm/one/ctl" ] || wrong "no socket in the deep folder"
	want_list one running
	asked 0 stop --force
	down one 143

	# Missing: the home's; who has the other variable sees it too
	XDG_RUNTIME_DIR=
	up two spin spin
	[ -S "$HOME/.lkvm/run/two/ctl" ] || wrong "no socket in the home"
	XDG_RUNTIME_DIR=$PLACE want_list two running
	asked 0 stop --force
	down two 143
	[ -z "$(ls -A "$HOME/.lkvm/run")" ] || wrong "left: $(ls -A "$HOME/.lkvm/run")"

	# Nothing that can be used: only who asks for a name is refused
	XDG_RUNTIME_DIR=/dev/null HOME=/dev/null run_lkvm -k "$guests/hello"
	want_status 0
	want_empty "$ERR"
	XDG_RUNTIME_DIR=/dev/null HOME=/dev/null run_lkvm -k "$guests/hello" --loglevel debug
	want_error 'no control of this run'
	XDG_RUNTIME_DIR=/dev/null HOME=/dev/null run_lkvm -k "$guests/hello" --name x
	want_refusal '--name x: .*control socket in /dev/null/lkvm: Not a directory'
	mkdir -p "$DIR/open/lkvm"
	chmod 777 "$DIR/open/lkvm"
	XDG_RUNTIME_DIR=$DIR/open HOME=/dev/null run_lkvm -k "$guests/hello" --name x
	want_refusal '--name x: .*/open/lkvm, which is not yours or others can write to'
}

# However it ends, and while it reboots
case_control-nothing-left() {
	own_place
	local -x XDG_RUNTIME_DIR=$PLACE
	for guest in hello triple panic fault halt; do
		run_lkvm -k "$guests/$guest" -c 1 --name one
		want_nothing_left
	done
	run_lkvm -k "$guests/spin" --name one --timeout 0.5
	want_nothing_left
	run_lkvm -k "$guests/hello" --name one -i /no/such/initrd
	want_status 125
	want_nothing_left
	up one spin spin
	kill -TERM "${PIDS[one]}"
	down one 143
	want_nothing_left
	# A signal before the guest runs: it waits for a file
	mkfifo "$DIR/fifo"
	OUT=$DIR/out ERR=$DIR/err RESULT=$DIR/result
	start_lkvm -k "$guests/hello" --name two -i "$DIR/fifo" </dev/null
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$PLACE/lkvm/two" ] || break
		sleep 0.1
	done
	kill -TERM "$PID"
	wait_lkvm 5
	want_status 143
	want_nothing_left
	# The same folder through all of its boots
	start_lkvm -k "$guests/reset" --name three --reboot </dev/null
	await_line reset 20
	inode=$(stat -c %i "$PLACE/lkvm/three")
	sleep 1
	want_list three running
	[ "$(stat -c %i "$PLACE/lkvm/three")" = "$inode" ] || wrong "another folder"
	asked 0 stop --force
	wait_lkvm 10
	want_status 143
	want_nothing_left
}

# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# Commands to VMs that run a real kernel.

# The button's event goes through ACPI's driver to user space, which powers off.
case_control-stop() {
	start button --name vm -i "$CASES/../modules" </dev/null
	await_line 'lkvm-test: button: waits'
	asked 0 stop vm --timeout 60
	wait_lkvm
	want_status 0
	want_result reason poweroff
	want_result evidence acpi
	want_line 'lkvm-test: button: pressed'
	want_clean_boot
	refused 'no VM runs' stop
}

# Nobody listens to it without the driver. What the vCPUs do can be looked at all the time.
case_control-debug() {
	# Not a busy one, which an emulated machine now and then harms when it is looked into (doc/testing.md)
	start sleep --name vm -c 2 </dev/null
	up
	refused 'does not listen to its power button' stop
	for i in 1 2 3; do
		asked 0 debug vm
		want_line '[Cc][Pp][Uu] 0' "$DIR/said"
		want_line '[Cc][Pp][Uu] 1' "$DIR/said"
		want_line '[Rr][Ii][Pp]' "$DIR/said"
	done
	asked 0 list
	want_line '^vm .* running .*6.12-amd64' "$DIR/said"
	asked 0 stop --force vm
	wait_lkvm 10
	want_status 143
	want_result evidence control
}

# A guest that sleeps for longer than all of its watchdogs allow must not notice but by its clock.
case_control-pause() {
	start_with_input ask --name vm -c 2 --timeout 190
	await_line 'lkvm-test: next'
	asked 0 pause vm
	tell report
	sleep 65
	want_no_line 'lkvm-test: =='
	asked 0 list
	want_line '^vm .* paused ' "$DIR/said"
	asked 0 resume vm
	await_line '^epoch [0-9]+'
	now=$(date +%s)
	wait_lkvm
	exec 6>&-
	want_status 0
	want_clean_boot
	then=$(sed -n 's/^epoch \([0-9]*\).*/\1/p' "$OUT" | tr -d '\r')
	(((now - then) * (now - then) <= 9)) || wrong "the guest's clock says $then, ours $now"
}

case_control-nmi() {
	start sleep --name vm -c 2 </dev/null
	up
	asked 0 nmi vm --cpu 1
	await_line 'NMI received for unknown reason .* on CPU 1' 20
	want_no_line 'NMI received .* on CPU 0'
	asked 0 nmi vm
	await_line 'NMI received for unknown reason .* on CPU 0' 20
	asked 0 stop --force vm
	wait_lkvm 10
	want_status 143
}

case_control-nmi-panics() {
	start sleep --name vm -p unknown_nmi_panic </dev/null
	up
	asked 0 nmi vm
	wait_lkvm 30
	want_status 120
	want_result reason panic
}

# sysrq_keys KEY... - one at a time; each makes the kernel say what it does, or what there is
sysrq_keys() {
	local key i before headline='sysrq: (HELP|[A-Z][a-z])'
	for key; do
		before=$(grep -aEc "$headline" "$OUT")
		asked 0 sysrq vm "$key"
		for ((i = 0; i < 300; i++)); do
			[ "$(grep -aEc "$headline" "$OUT")" = "$before" ] || continue 2
			sleep 0.1
		done
		wrong "key $key has not arrived"
		return
	done
}

# Last comes the one that makes the kernel talk for long.
case_control-sysrq() {
	start sleep --name vm -p sysrq_always_enabled --timeout 190 </dev/null
	up
	sysrq_keys 9 8 7 6 5 4 3 2 1 0
	want_count 10 'sysrq: Changing Loglevel'
	sysrq_keys a d e f g h i j l m n p q r s u v w x y z t
	for line in HELP 'Show Memory' 'Show State' 'Show Regs' 'Emergency Sync' 'Manual OOM' 'Terminate All'; do
		want_line "sysrq: $line"
	done
	sysrq_keys o
	wait_lkvm 30
	want_status 0
	want_result reason poweroff
}

case_control-sysrq-b() {
	start sleep --name vm -p sysrq_always_enabled </dev/null
	up
	asked 0 sysrq vm b
	wait_lkvm 30
	want_status 0
	want_result reason reset
}

case_control-sysrq-c() {
	start sleep --name vm -p sysrq_always_enabled </dev/null
	up
	asked 0 sysrq vm c
	wait_lkvm 30
	want_status 120
}

# A kernel without a driver for the UART hears the keyboard; its early console still speaks.
case_control-sysrq-keyboard() {
	start sleep --name vm --nodefaults \
		-p 'sysrq_always_enabled 8250.nr_uarts=0 earlyprintk=ttyS0,keep ignore_loglevel' </dev/null
	await_line 'input: AT .*keyboard'
	asked 0 sysrq vm h
	await_line 'sysrq: HELP' 20
	asked 0 sysrq vm o
	wait_lkvm 30
	want_status 0
	want_result reason poweroff
}

# Stopped anywhere, the registers and what devices have seen agree: see the guest access.
case_control-registers() {
	mkdir "$DIR/guests"
	cp "$CASES/../access" "$DIR/guests/"
	CMOCKA_MESSAGE_OUTPUT=TAP timeout 100 "$CASES/../test-kvm" "$DIR/guests" test_registers >"$OUT" 2>"$ERR"
	STATUS=$?
	want_status 0
	want_line '^ok .*test_registers'
}

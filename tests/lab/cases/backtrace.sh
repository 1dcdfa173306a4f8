# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# Where the vCPUs of a guest are, when it ends badly. The guest's own /proc/kallsyms and the
# kernel's own backtrace say what is right.

# cpu N - what the report has of that vCPU
cpu() { sed -nE "/^lkvm: CPU $1 /,/^lkvm: (CPU $(($1 + 1)) |the last lines)/p" "$ERR" | sed '$d'; }

# The functions of a trace, as name+offset/size, without guesses: frames [CPU]
frames() {
	if [ $# = 0 ]; then cat "$ERR"; else cpu "$1"; fi |
		sed -nE 's/^lkvm:    ([^ ?(][^ ]*\+0x[0-9a-f]+\/0x[0-9a-f]+).*/\1/p'
}

# want_calls CPU NAME... - in this order, with others between them
want_calls() {
	local n=$1 name
	local -a have
	mapfile -t have < <(frames "$n" | sed 's/+.*//')
	shift
	for name; do
		while [ ${#have[@]} != 0 ] && [[ ! ${have[0]} =~ ^($name)$ ]]; do have=("${have[@]:1}"); done
		if [ ${#have[@]} = 0 ]; then
			wrong "no $name in its place in the trace of CPU $n: $(frames "$n" | tr '\n' ' ')"
			return
		fi
		have=("${have[@]:1}")
	done
}

# want_rip CPU NAMES - in one of these functions (a regular expression)
want_rip() {
	local line
	line=$(cpu "$1" | sed -nE 's/^lkvm:   RIP (.*)/\1/p')
	[[ ${line%%+*} =~ ^($2)$ ]] || wrong "CPU $1 is in '$line', not in $2"
}

# The kernel's own backtrace of the crash, from the function that crashed to user mode: each of its
# frames is in ours, in that order.
want_the_kernels_own() {
	local frame
	local -a own ours
	mapfile -t own < <(tr -d '\r' <"$OUT" | sed -nE '/Call Trace/,/ RIP:/ s/^\[[ 0-9.]*\]  ([a-zA-Z_][^ ]*\+0x[0-9a-f]+\/0x[0-9a-f]+)$/\1/p' |
		sed -n '/sysrq_handle_crash/,$p')
	mapfile -t ours < <(frames "$1" | sed -n '/sysrq_handle_crash/,$p')
	[ ${#own[@]} -ge 6 ] || wrong "the kernel has told ${#own[@]} frames only"
	[ "${own[*]}" = "${ours[*]}" ] || wrong "the kernel's trace is ${own[*]}; ours is ${ours[*]}"
}

want_symbols() {
	want_error "^lkvm: symbols: the guest's kallsyms, [0-9]+,[0-9]{3}${1-}\$"
	want_no_line 'error|warning' "$ERR"
}

# run_one TEST ARGS... - a run of two CPUs that ends with a report. Which functions it names, and
# where they would be but for KASLR, is kept in $DIR/names and $DIR/rips.
run_one() {
	local test=$1 shift
	shift
	options "$test" -c 2 --fast "$@"
	run_lkvm "${OPTIONS[@]}"
	frames | sed 's/+.*//' | grep -v '^lkvm_spin' >>"$DIR/names"
	shift=$(sed -nE 's/^lkvm: symbols: .*KASLR offset (0x[0-9a-f]+)$/\1/p' "$ERR")
	sed -nE '/^lkvm:   RIP/ { N; s/.* RIP ([^ +]+)\+(0x[0-9a-f]+)\/0x[0-9a-f]+\n.* rip ([0-9a-f]+) .*/\1 \2 \3/p }' "$ERR" |
		while read -r name offset rip; do
			printf '%s %x\n' "$name" $((0x$rip - offset - ${shift:-0}))
		done >>"$DIR/rips"
}

# Another boot, of a guest that knows all these functions, and has them where we have found them.
check_names() {
	local name address
	boot poweroff -c 1 --fast -p "names=$(cut -d ' ' -f 1 "$DIR/names" "$DIR/rips" | sort -u | tr '\n' ,)"
	want_status 0
	tr -d '\r' <"$OUT" | sed -n 's/^lkvm-test: symbol //p' >"$DIR/symbols"
	while read -r name address; do
		grep -q "${address:-[0-9a-f]*} $name\$" "$DIR/symbols" ||
			wrong "$name${address:+ at $address}: the guest has $(grep " $name\$" "$DIR/symbols" || echo none)"
	done < <(sort -u "$DIR/names" "$DIR/rips")
}

idle='(pv_)?native_safe_halt|default_idle|acpi_safe_halt|mwait_idle'

check_panic() {
	local cpu
	SECONDS=0
	run_one panic "$@"
	# how long the next ones may take until they hang or sleep: a report comes with the time limit
	settle=$((SECONDS * 2 + 10))
	((settle <= 110)) || settle=110
	want_status 120
	want_error '^lkvm: CPU [01] (running|halted) in kernel mode, interrupts off$'
	cpu=0
	frames 0 | grep -q sysrq_handle_crash || cpu=1
	want_calls $cpu panic sysrq_handle_crash write_sysrq_trigger vfs_write do_syscall_64
	want_the_kernels_own $cpu
	cpu $cpu | grep -Eq '\(user mode, rip [0-9a-f]+\)' || wrong "CPU $cpu does not come from user mode"
	want_calls $((1 - cpu)) 'asm_sysvec_reboot|asm_exc_nmi'
	want_rip $((1 - cpu)) stop_this_cpu
	cpu $((1 - cpu)) | grep -q '(interrupted)' || wrong "nothing was interrupted on CPU $((1 - cpu))"
}

check_hang() {
	local cpu
	run_one hang --timeout "$settle" "$@"
	want_status 124
	want_line 'lkvm-test: spinning'
	want_error '^lkvm: CPU 0 running in kernel mode, interrupts off$'
	want_error '^lkvm: CPU 1 running in kernel mode, interrupts off$'
	for cpu in 0 1; do
		cpu $cpu | grep -Eq '^lkvm:   RIP lkvm_spin_forever\+0x[0-9a-f/x]+ \[lkvm_spin\]$' ||
			wrong "CPU $cpu does not spin: $(cpu $cpu | sed -n 2p)"
		cpu $cpu | grep -Eq '^lkvm:    lkvm_spin_here\+0x[0-9a-f/x]+ \[lkvm_spin\]$' || wrong "no caller on CPU $cpu"
	done
	cpu=0
	frames 0 | grep -q do_init_module || cpu=1
	want_calls $cpu lkvm_spin_here do_one_initcall do_init_module do_syscall_64
	cpu $cpu | grep -q '(user mode' || wrong "CPU $cpu does not come from user mode"
	want_calls $((1 - cpu)) lkvm_spin_here '__flush_smp_call_function_queue' 'asm_sysvec_call_function(_single)?'
	cpu $((1 - cpu)) | grep -q '(interrupted)' || wrong "nothing was interrupted on CPU $((1 - cpu))"
}

check_sleep() {
	local cpu
	run_one sleep --timeout "$settle" "$@"
	want_status 124
	want_error '^lkvm: CPU [01] halted in kernel mode, interrupts on$'
	for cpu in 0 1; do
		want_calls $cpu default_idle_call do_idle cpu_startup_entry
		# one that a timer has just woken is elsewhere
		cpu $cpu | grep -q '^lkvm: CPU . running' || want_rip $cpu "$idle"
	done
}

check_all() {
	check_panic
	want_symbols
	check_hang
	want_symbols
	check_sleep
	want_symbols
	check_names
}

check_all_moved() {
	check_panic --kaslr
	want_symbols ', KASLR offset 0x[0-9a-f]+'
	check_hang --kaslr
	want_symbols ', KASLR offset 0x[0-9a-f]+'
	check_sleep --kaslr
	want_symbols ', KASLR offset 0x[0-9a-f]+'
	check_names
}

case_backtrace-6.12() { check_all; }
case_backtrace-6.1() { use_kernel 6.1-amd64 && check_all; }
case_backtrace-6.12-kaslr() { check_all_moved; }
case_backtrace-6.1-kaslr() { use_kernel 6.1-amd64 && check_all_moved; }

# Kernels without ORC, which tell no trace of their own.
check_panic_by_frames() {
	local cpu=0
	run_one panic "$@"
	want_status 120
	frames 0 | grep -q sysrq_handle_crash || cpu=1
	want_calls $cpu panic sysrq_handle_crash __handle_sysrq write_sysrq_trigger vfs_write do_syscall_64
	want_rip $((1 - cpu)) stop_this_cpu
	want_calls $((1 - cpu)) asm_sysvec_reboot default_idle do_idle cpu_startup_entry
}

case_backtrace-frame-pointers() {
	use_kernel small
	check_panic_by_frames
	want_symbols
	check_panic_by_frames --kaslr
	want_symbols ', KASLR offset 0x[0-9a-f]+'
}

# Symbols from a vmlinux and from a System.map, with the kernel moved
case_backtrace-files() {
	local file
	for file in small.vmlinux small.map; do
		use_kernel "$file"
		use_kernel small
		check_panic_by_frames --kaslr --symbols "$KERNELS/$file"
		want_error "^lkvm: symbols: .*/$file, [0-9,]+, KASLR offset 0x[0-9a-f]+\$"
	done
}

case_backtrace-32() {
	local cpu=0
	use_kernel small-32
	INITRD=$INITRD32 run_one panic
	want_status 120
	want_symbols
	frames 0 | grep -q '^panic+' || cpu=1
	want_calls $cpu panic do_exit ia32_sys_call entry_INT80_32
	want_calls $((1 - cpu)) default_idle do_idle cpu_startup_entry
}

# A guest without a console, which has never said a word.
case_backtrace-silent() {
	options silent -c 2 --fast --nodefaults
	run_lkvm "${OPTIONS[@]}" --timeout 20
	# It is up after a while, but cannot say so.
	[ -n "$(frames 0 | grep do_idle)" ] || run_lkvm "${OPTIONS[@]}" --timeout 60
	want_status 124
	want_empty "$OUT"
	want_calls 0 do_idle cpu_startup_entry
	want_calls 1 do_idle cpu_startup_entry
}

# Wherever a boot is stopped there is a report.
case_backtrace-early() {
	local limit
	for limit in 0.2 0.7 1.2 1.8 2.5; do
		options poweroff -c 2
		run_lkvm "${OPTIONS[@]}" --kaslr --timeout "$limit"
		[ "$STATUS" != 0 ] || [ -z "$FAST" ] || break
		want_status 124
		[ "$(grep -c 'out of time before the guest ran' "$ERR")" = 1 ] ||
			{ want_error '^lkvm: CPU 0 (running|halted) in (kernel|real|user) mode' && want_error '^lkvm:   code( [0-9a-f?<>]+){32}$'; } ||
			wrong "... after $limit s"
	done
}

# Symbols from a file, with the kernel moved.
case_backtrace-symbols-file() {
	use_kernel 6.12-cloud-amd64.debug || { skip "only in make check-full: it fetches 0.3 GB" && return; }
	use_kernel 6.12-cloud-amd64
	check_panic --kaslr --symbols "$KERNELS/6.12-cloud-amd64.debug"
	want_error '^lkvm: symbols: .*/6.12-cloud-amd64.debug, [0-9,]+, KASLR offset 0x[0-9a-f]+$'
	# Another kernel's: it is told so, and the guest's own are taken.
	use_kernel 6.1-cloud-amd64
	check_panic --symbols "$KERNELS/6.12-cloud-amd64.debug"
	want_error "6.12-cloud-amd64.debug is not the kernel in the guest's memory"
	want_error "^lkvm: symbols: the guest's kallsyms"
}

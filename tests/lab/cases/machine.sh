# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# What the guest sees of its machine, by its own report.

# check_machine: on each kernel
check_machine() {
	local host guest
	boot report -c 2 -m 512M --smbios-string 'hello from outside'
	host=$(date +%s)
	want_status 0
	want_clean_boot
	want_in clocksource '^kvm-clock$|^tsc$'
	want_in interrupts '(IO-APIC|XT-PIC).*(ttyS0|serial)|LOC:'
	want_in memory 'MemTotal: +4[0-9]{5} kB'
	guest=$(section time | sed -n 's/^epoch //p')
	((${guest:-0} >= host - 15 && ${guest:-0} <= host + 5)) || wrong "the guest's time is ${guest:-unknown}, the host's $host"
	guest=$(section rtc | tail -n 1)
	((${guest:-0} >= host - 15 && ${guest:-0} <= host + 5)) || wrong "the RTC has ${guest:-unknown}, the host $host"
	want_in rtc 'rtc_cmos'
	want_in dmi '^sys_vendor=.'
	want_in dmi '^product_name=.'
	want_in dmi '^string: hello from outside$'
	want_in pci '^0000:00:00\.0 .*class=0x060000.*config=(256|4096)'
	want_in iomem '^e0000000-e[0-9a-f]{7} : .*(MMCONFIG|ECAM)'
	want_in iomem '^ *e0000000-e[0-9a-f]{7} : ([Rr]eserved|pnp)'
	want_in iomem 'fec00000-fec003ff : IOAPIC'
	want_in serial '^0: uart:16550A port:000003F8 irq:4'
	want_in serial '^1: uart:16550A port:000002F8 irq:3'
	want_in serial '^2: uart:16550A port:000003E8 irq:4'
	want_in serial '^3: uart:16550A port:000002E8 irq:3'
	want_in input 'AT Translated Set 2 keyboard'
	want_in interrupts ' 9: .*acpi'
	want_in ioports '0600-0603 : ACPI PM1a_EVT_BLK'
	want_in ioports '0604-0605 : ACPI PM1a_CNT_BLK'
}

case_machine-6.12-amd64() { check_machine; }
case_machine-6.12-cloud() { use_kernel 6.12-cloud-amd64 && check_machine; }
case_machine-6.1-amd64() { use_kernel 6.1-amd64 && check_machine; }
case_machine-6.1-cloud() { use_kernel 6.1-cloud-amd64 && check_machine; }

case_topology() {
	boot report -c 8,sockets=2,cores=2,threads=2
	want_status 0
	want_clean_boot
	[ "$(section cpuinfo | grep -c '^processor')" = 8 ] || wrong "not 8 CPUs"
	[ "$(section cpuinfo | grep '^physical id' | sort -u | wc -l)" = 2 ] || wrong "not 2 sockets"
	[ "$(section cpuinfo | grep '^cpu cores' | sort -u)" = $'cpu cores\t: 2' ] || wrong "not 2 cores a socket"
	[ "$(section cpuinfo | grep '^siblings' | sort -u)" = $'siblings\t: 4' ] || wrong "not 4 threads a socket"
	[ "$(section topology | cut -d ' ' -f 2-3 | sort | uniq -c | grep -c '^ *2 ')" = 4 ] || wrong "not 4 cores of 2 threads"
}

case_cpu-features() {
	boot report -c 1
	want_status 0
	want_in cpuinfo '^flags.* hypervisor'
	want_in cpuinfo '^flags.* x2apic'
	want_in cpuinfo '^flags.* sse4_2'
	want_in cpuinfo '^flags.* ssse3'
	boot report --cpu host,-sse4_2,-aes -c 1
	want_status 0
	section cpuinfo | grep '^flags' | grep -qw aes && wrong "aes is still there"
	section cpuinfo | grep '^flags' | grep -qw sse4_2 && wrong "sse4_2 is still there"
	want_in cpuinfo '^flags.* ssse3'
}

case_command-line() {
	boot report -p 'one=1' -p 'two="a b"' -c 1
	want_status 0
	want_in cmdline '^console=ttyS0 panic=-1 quiet test=report one=1 two="a b"$'
}

case_nodefaults() {
	boot report --nodefaults -p 'console=ttyS0' -c 1
	want_status 0
	want_in cmdline '^quiet test=report console=ttyS0$'
}

case_two-initrds() {
	mkdir -p "$DIR/more"
	echo '#!/bin/busybox sh' >"$DIR/more/init"
	echo 'echo "lkvm-test: the second init"; /bin/busybox poweroff -f' >>"$DIR/more/init"
	chmod 755 "$DIR/more/init"
	(cd "$DIR/more" && echo init | cpio --quiet -o -H newc >../more.cpio)
	boot poweroff -i "$DIR/more.cpio"
	want_status 0
	want_line 'the second init'
}

case_numa() {
	boot report --numa -c 2
	want_status 0
	want_clean_boot
}

case_16-cpus() {
	boot poweroff -c 16
	want_status 0
	want_line 'cpus=0-15'
	want_clean_boot
}

case_6G() {
	[ -n "$FAST" ] || { skip "only where the host runs kernels itself" && return; }
	boot poweroff -m 6G
	want_status 0
	want_line 'memory=6[0-9]{6}'
	want_clean_boot
}

case_hugetlbfs() {
	mkdir -p "$DIR/huge"
	echo 140 >/proc/sys/vm/nr_hugepages 2>/dev/null
	mount -t hugetlbfs none "$DIR/huge" 2>/dev/null || { skip "hugetlbfs cannot be mounted here" && return; }
	if [ "$(cat /proc/sys/vm/nr_hugepages)" -lt 130 ]; then
		skip "too few huge pages"
	else
		boot poweroff -m 256M --hugetlbfs "$DIR/huge"
		want_status 0
		want_clean_boot
		[ -z "$(ls "$DIR/huge")" ] || wrong "left behind in hugetlbfs: $(ls "$DIR/huge")"
		boot poweroff -m 2G --hugetlbfs "$DIR/huge"
		want_refusal 'huge'
	fi
	umount "$DIR/huge"
	echo 0 >/proc/sys/vm/nr_hugepages
}

case_dump-dtb() {
	options poweroff -c 3 -m 512M --dump-dtb "$DIR/dtb"
	run_lkvm "${OPTIONS[@]}"
	want_status 0
	want_no_line 'lkvm-test: up'
	dtc -q -I dtb -O dts "$DIR/dtb" >"$DIR/dts" 2>"$DIR/dtc" || wrong "dtc: $(head -n 1 "$DIR/dtc")"
	want_line 'cpu' "$DIR/dts"
}

case_dry-run() {
	options poweroff -c 3 -m 512M --dry-run
	run_lkvm "${OPTIONS[@]}"
	want_status 0
	want_no_line 'lkvm-test: up'
	want_line '512'
}

case_exit-count() {
	boot poweroff -c 1 --exit-stats
	want_status 0
	total=$(value total)
	# "total" is also the name of the run's seconds
	total=$(grep -o '"exits".*' "$RESULT" | sed -nE 's/.*"total"[: ]*([0-9]+).*/\1/p' | head -n 1)
	[ -n "$total" ] || total=$(sed -nE '/"exits"/,$ s/.*"total"[: ]*([0-9]+),?$/\1/p' "$RESULT" | head -n 1)
	((${total:-99999} < 1000)) || wrong "${total:-unknown} exits to user space in a quiet boot"
}

case_fast() {
	boot poweroff --fast
	want_status 0
	want_clean_boot
}

case_quick-words() {
	local word
	for word in 'noapic nolapic' 'nokaslr' 'nopti' 'pci=conf1' 'pci=nommconf' 'earlyprintk=serial'; do
		boot poweroff -c 2 -p "$word"
		want_status 0 && want_line 'lkvm-test: up' || { wrong "... with $word"; return; }
	done
}

# The kernel then calibrates by the PIT and the ACPI timer.
case_no-kvmclock() {
	boot poweroff -c 2 -p no-kvmclock
	want_status 0
	want_line 'lkvm-test: up'
}

# An ELF kernel with its debug symbols: 0.3 GB of it that the guest must not get
case_debug-vmlinux() {
	use_kernel 6.12-cloud-amd64.debug || { skip "only in make check-full: it fetches 0.3 GB" && return; }
	boot poweroff -c 2
	want_status 0
	want_clean_boot
}

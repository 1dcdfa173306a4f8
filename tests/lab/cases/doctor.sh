# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# lkvm doctor on a KVM that runs kernels, and what it says of Debian's.

# doctor ARGS...
doctor() {
	[ -z "${HEARTBEAT-}" ] || : >"$HEARTBEAT"
	echo "lkvm doctor $*" >>"$DIR/commands"
	timeout -k 5 -s KILL "$CASE_LIMIT" "$LKVM" doctor "$@" </dev/null >"$OUT" 2>"$ERR"
	STATUS=$?
}

case_doctor-host() {
	doctor
	want_status 0
	want_empty "$ERR"
	want_line '^  ok  device +/dev/kvm, API version 12$'
	want_line '^  ok  kernel mode +[0-9]+ million instructions a second: kernels run here$'
	want_line '^  ok  user mode +[0-9]+ million instructions a second$'
	want_line '^  ok  vCPUs +up to [0-9]+'
	want_line '^  ok  IRQCHIP '
	want_line '^lkvm can run VMs here$'
	want_no_line '^  NO'
	doctor --speed
	want_status 0
	want_line 'kernels run here; user mode: [0-9]+ million'
	doctor --json
	want_status 0
	want_line '"runs_kernels": true'
	rm /dev/kvm
	doctor
	want_status 125
	want_empty "$ERR"
	want_line '^  NO  device +/dev/kvm: No such file or directory$'
	want_line 'mknod /dev/kvm c 10 232|--device /dev/kvm'
	want_line 'no VM here'
	doctor --speed
	want_status 125
	want_empty "$OUT"
	want_error '^lkvm: /dev/kvm: No such file.*(mknod|--device)'
	mknod /dev/kvm c 10 232
	doctor --speed
	want_status 0
}

# Debian's kernels have no IKCONFIG: the configuration is beside the kernel.
case_doctor-kernel() {
	doctor -k "$(readlink -f "$shared/kernels/6.12-cloud-amd64")"
	want_status 0
	want_line '^  configuration: beside the kernel, .*/config-6\.12.*-cloud-amd64, [0-9]{4} options$'
	want_line '^  ok  serial console +built in$'
	want_line '^  ok  kvmclock +built in$'
	want_line '^  --  9p folders +needs CONFIG_NET_9P, CONFIG_NET_9P_VIRTIO, CONFIG_9P_FS: '
	want_line '^  --  MP table +needs CONFIG_X86_MPPARSE: '
	want_line '^  ok  pvpanic +a module: '
	# The link leads to it too. (6.1-amd64 is packed with xz, which takes an emulated machine minutes.)
	doctor -k "$shared/kernels/6.12-amd64"
	want_status 0
	want_line '^  configuration: beside the kernel, .*/config-6\.12.*-amd64, '
	want_line '^  ok  9p folders +a module: '
	want_line '^  ok  MP table +built in$'
	# A copy alone has none.
	doctor -k "$KERNELS/6.12-amd64"
	want_refusal 'no CONFIG_IKCONFIG in it, and no configuration beside it or in /boot for 6\.12'
}

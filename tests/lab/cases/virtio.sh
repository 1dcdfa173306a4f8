# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# Virtio devices, with the drivers of Debian's kernels.

# check_rng WORDS... - an entropy device, with these words on the kernel's command line
check_rng() {
	boot entropy --rng -i "$shared/rng-$kernel" -c 2 "${@/#/-p}"
	want_status 0
	want_clean_boot
	want_line 'lkvm-test: rng virtio_rng.0, 6[45][0-9]{3} bytes'
}

case_virtio-rng() { check_rng; }
case_virtio-rng-6.1() { use_kernel 6.1-amd64 && check_rng; }
case_virtio-rng-nomsi() { check_rng pci=nomsi; }
case_virtio-rng-noapic() { check_rng noapic nolapic pci=nomsi nosmp; }

# As many as a bus has room for without sharing slots, and more
case_virtio-40-devices() {
	local i many=()
	for ((i = 0; i < 40; i++)); do many+=(--rng); done
	boot devices "${many[@]}" -c 2
	want_status 0
	want_clean_boot
	want_line "lkvm-test: pci 0000:00:00.0 0000:00:01.0 0000:00:01.1 .* 0000:00:09.0 0000:00:09.1 .* 0000:00:1f.0"
	want_line "lkvm-test: virtio $(printf 'virtio%s ' {0..39} | tr ' ' '\n' | LC_ALL=C sort | tr '\n' ' ' | sed 's/^ *//; s/ *$//')"
}

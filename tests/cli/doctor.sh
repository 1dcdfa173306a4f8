# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-only
#
# lkvm doctor used wrongly, and with kernels and configurations that it can or cannot read.

# doctor ARGS... - in a folder of its own, which must stay empty
doctor() {
	echo "lkvm doctor $*" >>"$DIR/commands"
	rm -rf "$DIR/cwd"
	mkdir -p "$DIR/cwd"
	(cd "$DIR/cwd" && XDG_CACHE_HOME=$DIR/cache timeout -k 5 -s KILL 20 "$LKVM" doctor "$@") </dev/null >"$OUT" 2>"$ERR"
	STATUS=$?
	[ -z "$(ls -A "$DIR/cwd")" ] || wrong "left behind: $(ls -A "$DIR/cwd")"
}

# doctor_refuses WHAT ARGS...
doctor_refuses() {
	local what=$1
	shift
	doctor "$@"
	want_refusal "$what" || wrong "... with: $*"
	want_error '^lkvm: '
}

# config_kernel NAME - an ELF kernel that carries the configuration $DIR/config. Its mark may lie anywhere
# in a segment, so it replaces what an existing kernel has at its end.
config_kernel() {
	local size packed
	gzip -9n <"$DIR/config" >"$DIR/config.gz"
	packed=$(stat -c %s "$DIR/config.gz")
	size=$(stat -c %s "$good")
	# One segment from 4096 on, longer than the file was
	cp "$good" "$DIR/$1"
	{ printf 'IKCFG_ST'; cat "$DIR/config.gz"; printf 'IKCFG_ED'; } >>"$DIR/$1"
	DATA=$DIR poke "$1" 68 "$(le32 $((size - $(number "$good" 56) + packed + 16)))"
	DATA=$DIR poke "$1" 72 "$(le32 $((size + packed + 65536)))"
}
le32() { printf '%08x' "$1" | sed -E 's/(..)(..)(..)(..)/\4\3\2\1/'; }
number() { od -An -v -t u4 -j "$2" -N 4 "$1" | tr -d ' '; }

case_doctor-options() {
	doctor_refuses 'unknown option --no-such' --no-such
	doctor_refuses 'no argument bzImage' bzImage
	doctor_refuses '--kernel needs a value' -k
	doctor_refuses '--dev needs a value' --dev
	doctor_refuses '--json.*takes no value' --json=x
	doctor_refuses '--speed measures only.*-k x' --speed -k x
}

case_doctor-kernels() {
	local file
	for file in empty one zeros noise text cut-40 cut-5000 elf-phoff elf-machine bz-cut bz-outside folder; do
		doctor_refuses "data/$file" -k "$DATA/$file"
	done
	doctor_refuses '/no/such/kernel: No such file' -k /no/such/kernel
	doctor_refuses '/dev/null' -k /dev/null
	doctor_refuses 'kernel|-k' -k ''
	doctor_refuses 'no CONFIG_IKCONFIG in it, and no configuration beside it' -k "$good"
}

case_doctor-configurations() {
	cp "$good" "$DIR/vmlinux"
	echo 'no line of it' >"$DIR/.config"
	doctor_refuses '\.config beside it is no kernel configuration' -k "$DIR/vmlinux"
	head -c 5000000 /dev/zero | tr '\0' '\n' >"$DIR/.config"
	doctor_refuses '\.config: File too large' -k "$DIR/vmlinux"
	printf 'CONFIG_TTY=y\n' | gzip | head -c 20 >"$DIR/half.gz"
	doctor_refuses 'half.gz' -k "$DIR/half.gz"
}

# Without KVM all but the host's part is the same.
case_doctor-config() {
	printf '# Linux/x86 6.12.5 Kernel Configuration\nCONFIG_TTY=y\nCONFIG_SERIAL_8250=m\nCONFIG_SMP=y\n' >"$DIR/config"
	doctor --dev /no/such/kvm -k "$DIR/config"
	want_status 125
	want_empty "$ERR"
	want_line '^  NO  device +/no/such/kvm: No such file'
	want_line "^Kernel $DIR/config, 6\.12\.5\$"
	want_line '^  configuration: the file itself, 3 options$'
	want_line '^  NO  serial console +needs CONFIG_PRINTK, CONFIG_SERIAL_8250=y \(it is m\), CONFIG_SERIAL_8250_CONSOLE: nothing is seen'
	want_line '^  ok  several CPUs +built in$'
	want_line 'the kernel lacks what lkvm needs'
	gzip -k "$DIR/config"
	doctor --dev /no/such/kvm -k "$DIR/config.gz"
	want_line '^  configuration: the file itself, 3 options$'
}

case_doctor-ikconfig() {
	printf '# Linux/x86 6.12.5 Kernel Configuration\nCONFIG_IKCONFIG=y\n' >"$DIR/config"
	config_kernel carries
	mv "$DIR/config" "$DIR/not-beside"
	doctor --dev /no/such/kvm -k "$DIR/carries"
	want_empty "$ERR"
	want_line '^  configuration: in the kernel \(CONFIG_IKCONFIG\), 1 options$'
	want_line '^  ok  its configuration +built in$'
}

case_doctor-json() {
	printf 'CONFIG_TTY=y\n' >"$DIR/config"
	doctor --json --dev /no/such/kvm -k "$DIR/config"
	want_status 125
	want_empty "$ERR"
	want_line '^  "status": 125,$'
	want_line '"error": "No such file or directory"'
	want_line '"source": "the file itself"'
	want_line '"state": "no",$'
	! command -v python3 >/dev/null || python3 -c 'import json, sys; json.load(sys.stdin)' <"$OUT" 2>/dev/null ||
		wrong "not JSON"
	# A file may have any name, and JSON is UTF-8.
	mv "$DIR/config" "$DIR/config"$'\377'
	doctor --json --dev /no/such/kvm -k "$DIR/config"$'\377'
	iconv -f UTF-8 <"$OUT" >"$DIR/iconv" 2>&1 || wrong "not UTF-8"
	doctor --speed --dev /dev/null
	want_refusal '/dev/null is not a KVM device'
}

case_doctor-full-device() {
	local words
	for words in doctor 'doctor --json'; do
		# shellcheck disable=SC2086
		"$LKVM" $words </dev/null >/dev/full 2>"$ERR"
		STATUS=$?
		want_status 125
		want_error 'standard output: No space left' || wrong "... with: $words"
	done
}

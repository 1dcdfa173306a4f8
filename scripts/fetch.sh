# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the programs beside this file share that fetch Debian packages without installing them.
#
# A package is unpacked below $LKVM_TEST_CACHE, or lkvm-test in the user's cache folder. Several
# of them may run at once, and may be killed: a folder appears there only when it is complete.
export LC_ALL=C

fail() { echo "${0##*/}: $*" >&2; exit 1; }

# use_cache FOLDER - sets cache to that folder of the cache
use_cache() {
	cache=${LKVM_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lkvm-test}/$1
	mkdir -p "$cache" || fail "cannot make $cache"
}

root=
[ "$(id -u)" = 0 ] || ! command -v sudo >/dev/null || root='sudo -n'
update() { $root apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null >/dev/null 2>&1; }

# download PACKAGE - into the current folder
download() {
	local apt=(apt-get -qq)
	[ "$(id -u)" != 0 ] || apt+=(-o APT::Sandbox::User=root)
	"${apt[@]}" download "$1" >/dev/null 2>&1 || { update && "${apt[@]}" download "$1" >/dev/null 2>&1; }
}

# make_folder NAME FUNCTION - runs FUNCTION in a new folder, which becomes $cache/NAME when it
# succeeds. One process does it; the others wait for it.
make_folder() {
	local name=$1 work
	(
		flock 9 || exit 1
		[ ! -d "$cache/$name" ] || exit 0
		rm -rf "$cache/.new-$name".*
		work=$(mktemp -d "$cache/.new-$name.XXXXXX") || exit 1
		trap 'rm -rf "$work"' EXIT
		chmod 755 "$work"
		(cd "$work" && "$2") && mv "$work" "$cache/$name"
	) 9>"$cache/.lock-$name"
}

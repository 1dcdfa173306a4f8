# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completion of lkvm for bash. What can be completed is asked of the program that stands on the
# command line (lkvm help --list, lkvm list --json), so that this file knows no option and no command.
#
# Installed as share/bash-completion/completions/lkvm; or source it in ~/.bashrc.

# _lkvm_words CURRENT WORD... - the words that begin as CURRENT does, into COMPREPLY
_lkvm_words() {
	local current=$1 word
	shift
	for word; do
		[[ $word != "$current"* ]] || COMPREPLY+=("$word")
	done
}

# _lkvm_files CURRENT [-d] - files, or folders only
_lkvm_files() {
	local line
	while IFS= read -r line; do
		COMPREPLY+=("$line")
	done < <(compgen "${2:--f}" -- "$1")
	compopt -o filenames 2>/dev/null
}

# _lkvm_value ARGUMENT CURRENT - by what `lkvm help --list` says of the argument
_lkvm_value() {
	local argument=$1 current=$2 before='' word words=()
	case $argument in
	FILE) _lkvm_files "$current" ;;
	DIR) _lkvm_files "$current" -d ;;
	*'|'*)
		# Words in small letters stand for themselves; "a|b,..." is a list of such words.
		IFS='|' read -r -a words <<<"${argument%,...}"
		if [[ $argument == *,... ]]; then
			[[ $current != *,* ]] || before=${current%,*},
			compopt -o nospace 2>/dev/null
		fi
		for word in "${words[@]}"; do
			[[ $word == [a-z]* && ,$before != *",$word,"* ]] || continue
			[[ $before$word != "$current"* ]] || COMPREPLY+=("$before$word")
		done
		;;
	esac
}

# _lkvm_vms PROGRAM CURRENT - the names of the VMs that run
_lkvm_vms() {
	local words=()
	mapfile -t words < <("$1" list --json 2>/dev/null | grep -oE '"name" *: *"[^"]*"' | cut -d'"' -f4)
	_lkvm_words "$2" "${words[@]}"
}

# _lkvm_usage PROGRAM COMMAND - what it takes beside options, from its usage, into $operands:
# "[-k KERNEL] [--force] NAME [KEY...]" has NAME and KEY...
_lkvm_usage() {
	local name usage rest
	operands=()
	while IFS=$'\t' read -r name usage rest; do
		[[ $name != "$2" ]] || break
	done < <("$1" help --list 2>/dev/null)
	[[ $name == "$2" ]] || return
	while [[ $usage =~ ^([^[]*)\[-[^]]*\](.*)$ ]]; do usage=${BASH_REMATCH[1]}${BASH_REMATCH[2]}; done
	read -r -a operands <<<"${usage//[\[\]]/}"
}

# _lkvm_operand PROGRAM INDEX CURRENT - a word that is no option
_lkvm_operand() {
	local kind=${operands[$2]-} words=()
	if [[ -z $kind && ${#operands[@]} -gt 0 && ${operands[-1]} == *... ]]; then kind=${operands[-1]}; fi
	case ${kind%...} in
	NAME) _lkvm_vms "$1" "$3" ;;
	COMMAND)
		mapfile -t words < <("$1" help --list 2>/dev/null | cut -f1)
		_lkvm_words "$3" "${words[@]}"
		;;
	*) _lkvm_value "${kind%...}" "$3" ;;
	esac
}

# _lkvm_split - the words up to the cursor into $words, with "--option=value" as two of them. Bash
# has split at "=" already where COMP_WORDBREAKS says so; otherwise $joined has what to put before.
_lkvm_split() {
	local i word
	words=()
	joined=
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == = && $i -gt 1 && ${COMP_WORDS[i - 1]} == --* ]]; then
			# the value is the next word, or begins here
			[[ $i != "$COMP_CWORD" ]] || words+=('')
		elif [[ $word == --*=* ]]; then
			words+=("${word%%=*}" "${word#*=}")
			[[ $i != "$COMP_CWORD" ]] || joined=${word%%=*}=
		else
			words+=("$word")
		fi
	done
}

_lkvm() {
	local words joined current command i count=0 wants='' program word letter name argument
	local -A takes=()
	local options=() operands=()
	COMPREPLY=()
	_lkvm_split
	program=${words[0]/#\~/$HOME}
	current=${words[-1]}
	if [[ ${#words[@]} == 2 ]]; then
		mapfile -t options < <("$program" help --list 2>/dev/null | cut -f1)
		[[ $current != -* ]] || options+=(--help --version)
		_lkvm_words "$current" "${options[@]}"
		return
	fi
	command=${words[1]}
	while IFS=$'\t' read -r letter name argument _; do
		options+=("$name")
		takes[$name]=$argument
		takes[$letter]=$argument
	done < <("$program" help --list "$command" 2>/dev/null)
	takes[-]=-

	# What does the last word but one want, and how many operands have there been?
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ -n $wants ]]; then
			wants=
		elif [[ $word == --?* ]]; then
			wants=${takes[$word]--}
		elif [[ $word == -?* ]]; then
			wants=${takes[-${word: -1}]--}	# the last one of joined letters may take a value
		else
			((count++))
		fi
		[[ $wants != - ]] || wants=
	done

	_lkvm_usage "$program" "$command"
	if [[ $wants == NAME && " ${operands[*]} " == *" NAME "* ]]; then
		_lkvm_vms "$program" "$current"		# else the name is a new one
	elif [[ -n $wants ]]; then
		_lkvm_value "$wants" "$current"
	elif [[ $current == -* ]]; then
		[[ ${#words[@]} != 3 ]] || options+=(--help)
		_lkvm_words "$current" "${options[@]}"
	else
		_lkvm_operand "$program" "$count" "$current"
	fi
	[[ -z $joined ]] || COMPREPLY=("${COMPREPLY[@]/#/$joined}")
}

complete -F _lkvm lkvm

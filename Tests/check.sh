#!/bin/bash
# What every change passes before its tests run: cheap things first. Prints what is wrong, file by file, and a closing count.
#
#   Tests/check.sh            the sources
#   Tests/check.sh binary     the release executable
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
# shellcheck source=Lab/sentences.sh
. Tests/Lab/sentences.sh

sources() { find Sources Tests -name '*.swift' -not -path '*/.build*' | sort; }

formatted() { swift format lint --strict --parallel --recursive Package.swift Sources Tests; }

shell_scripts() {
    find .ci Tests packaging -type f -not -path '*/.build*' -not -path '*/completions/*' -print0 | xargs -0 grep -lE '^#!/bin/(ba)?sh|^# shellcheck shell' | sort
}
shell_linted() {
    shell_scripts | xargs shellcheck --external-sources --source-path=SCRIPTDIR --severity=warning
    shell_scripts | xargs -n 1 bash -n
}
python_compiles() {
    find Tests packaging -name '*.py' -not -path '*/.build*' -print0 |
        xargs -0 python3 -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]'
}

# The folders and files that may stand at the top; .gitignore names what a build leaves there.
top_level() {
    local found
    found=$(git ls-files --cached --others --exclude-standard | cut -d / -f 1 | sort -u |
        grep -vxE 'Package\.swift|Sources|Tests|packaging|systemd|etc|README\.md|LICENSE|Makefile|\.swift-format|\.gitignore|\.ci' || true)
    [ -z "$found" ] || { echo "not expected at the top: $found"; return 1; }
}

# Foundation brings 44 MB of Unicode data with it.
no_foundation() {
    local found modifiers='(public|internal|private|fileprivate|package|@[a-zA-Z_]+)'
    found=$(sources | xargs grep -nE "^[[:space:]]*(${modifiers}[[:space:]]+)*import[[:space:]]+([a-z]+ )?Foundation([.[:space:]]|\$)" || true)
    [ -z "$found" ] || { echo "$found"; return 1; }
}

# `unsafe` is written only behind the fence: Tests/unsafe-fence.txt says where that is, and why.
fence() {
    local places outside
    places=$(sed -n 's/^\([^#[:space:]]*\).*/^\1/p' Tests/unsafe-fence.txt | grep -v '^^$')
    # Comments and strings may speak of it.
    outside=$(find Sources -name '*.swift' -print0 | xargs -0 grep -nE '(^|[^A-Za-z0-9_."@])(unsafe|@unsafe|withUnsafe[A-Za-z]*)([^A-Za-z0-9_":-]|$)' |
        grep -vE '^[^:]*:[0-9]*:[[:space:]]*//' | grep -vE "$(paste -s -d '|' <<<"$places")" || true)
    [ -z "$outside" ] || { printf 'outside the fence:\n%s\n' "$outside"; return 1; }
}
fence_places_exist() {
    local place
    for place in $(sed -n 's/^\([^#[:space:]]*\).*/\1/p' Tests/unsafe-fence.txt); do
        compgen -G "$place*" >/dev/null || { echo "no such place: $place"; return 1; }
    done
}

no_machine_paths() {
    refused git grep --untracked -nE '(^|[^A-Za-z0-9_.$}"/])/(work|home/[a-z]+|root/[a-z]+)/' -- Sources Tests packaging systemd etc Makefile README.md .ci \
        ':!Tests/Box' ':!Tests/check.sh'
}
no_unfinished_marks() {
    refused git grep --untracked -nE '\b(TODO|FIXME|XXX|HACK)\b' -- Sources Tests packaging systemd etc ':!Tests/check.sh'
}
compliance() { python3 Tests/Compliance/compliance.py --check; }
manual_pages() {
    local page said
    for page in packaging/man/*; do
        said=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        [ -z "$said" ] || { printf '%s:\n%s\n' "$page" "$said"; return 1; }
    done
}
unit_is_well_formed() {
    local said
    # The executable is not installed here, and neither is the user: only other complaints count.
    said=$(systemd-analyze verify --man=no systemd/nat64-appliance.service 2>&1 | grep -F nat64-appliance | grep -vE 'is not executable|Command .* is not' || true)
    [ -z "$said" ] || { echo "$said"; return 1; }
}

binary=.build/release/nat64-appliance
no_unicode_data() { same "symbols of ICU" 0 "$(nm -C $binary | grep -c 'uloc_' || true)"; }
debian_libraries_alone() {
    local found
    found=$(objdump -p $binary | awk '/NEEDED/ { print $2 }' |
        grep -vxE 'lib(c|m|gcc_s|stdc\+\+|nl-3|nl-route-3|cap|systemd|unbound)\.so\.[0-9]+|libevent_core-2\.1\.so\.[0-9]+|ld-linux-.*' || true)
    [ -z "$found" ] || { echo "needed at run time: $found"; return 1; }
}

packet_path() { Tests/hot-path.sh; }

if [ "${1:-}" = binary ]; then
    it "a packet allocates nothing and counts no references" packet_path
    it "the executable holds no Unicode data of ICU" no_unicode_data
    it "the executable needs libraries of Debian alone" debian_libraries_alone
    summary
    exit
fi
it "Swift is formatted (swift format lint --strict)" formatted
it "shell scripts pass shellcheck" shell_linted
it "Python scripts compile" python_compiles
it "nothing unexpected stands at the top level" top_level
it "Foundation is imported nowhere" no_foundation
it "the places of the fence exist" fence_places_exist
it "unsafe is written behind the fence alone" fence
it "no path of one machine is written anywhere" no_machine_paths
it "no unfinished marks" no_unfinished_marks
it "the compliance page is up to date" compliance
it "the manual pages are well-formed" manual_pages
it "the unit is well-formed" unit_is_well_formed

printf '\nSources over 400 lines (each is split, or says why beside it):\n'
sources | xargs wc -l | awk '$1 > 400 && $2 != "total"' | sort -rn
echo
summary

#!/bin/bash
# All tests, cheap ones first: the sources, the units (with real devices in network namespaces), the release executable, the
# laboratory, real packets against the RFCs, a short soak, a short flood of malformed messages, instructions per packet, the
# package on a booted systemd, the decoders under a million inputs each.
# Ends with what failed, once more, and one line: N passed, N failed.
#
#   Tests/all.sh [PARTS...]      parts: check unit release lab packets soak flood budget box fuzz; all of them when none is named
#
# What each part printed is kept in .build/tests/.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.." || exit 1
logs=.build/tests
mkdir -p $logs
passed=0 failed=0 broken=''

# part NAME COMMAND...: runs it before your eyes and adds up what its closing line says.
part() {
    local name=$1 code=0 counts began=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    "$@" 2>&1 </dev/null | tee "$logs/$name.log" | readable "$name"
    code=${PIPESTATUS[0]}
    counts=$(count "$name" <"$logs/$name.log")
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    printf '=== %s: %d passed, %d failed, %d s\n' "$name" "${counts% *}" "${counts#* }" $((SECONDS - began))
    # A part that ends badly without a failed test has not run to its end.
    if [ "$code" != 0 ] && [ "${counts#* }" = 0 ]; then
        failed=$((failed + 1))
        broken="$broken $name"
    fi
}

# Of thousands of unit tests only what went wrong, and the last line.
readable() {
    if [ "$1" = unit ]; then
        grep --line-buffered -vE '^(◇|✔ (Test|Suite) |↳|➜)|^$' || true
    else
        cat
    fi
}

# Reads what a part printed; prints the numbers passed and failed.
count() {
    awk '
        /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
        /Test run with [0-9]+ tests? / { split($0, words, "with "); run += words[2] + 0 }
        /^✘ Test .* failed after / && !/^✘ Test run / { bad++ }
        END { passed += run - bad; failed += bad; print passed + 0, failed + 0 }'
}

check() { Tests/check.sh; }
unit() { swift build --build-tests --explicit-target-dependency-import-check error && swift test --skip-build; }
release() { make --no-print-directory build && Tests/check.sh binary; }
lab() { Tests/Lab/test.sh; }
packets() { Tests/Packets/packets.py .build/release/nat64-appliance; }
soak() { Tests/Soak/soak.sh 10; }
flood() { Tests/Flood/flood.sh 100000; }
budget() { make --no-print-directory budget; }
box() { Tests/Box/test.sh; }
fuzz() { Tests/Fuzz/fuzz.sh runs 1000000; }

[ $# -gt 0 ] || set -- check unit release lab packets soak flood budget box fuzz
for name in "$@"; do part "$name" "$name"; done
if [ $failed != 0 ]; then
    printf '\nwhat failed:\n'
    for name in "$@"; do grep -HE '^✘ Test .* (recorded|failed)|FAIL' "$logs/$name.log" | cut -c1-600; done
fi
[ -z "$broken" ] || printf '\nnot run to the end:%s\n' "$broken"
printf '\n%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]

#!/bin/bash
# The unit tests of the engines, the data plane and the resolver under a sanitizer, each with a build of its own.
#
#   Tests/Sanitizers/sanitize.sh [thread|address ...]     both when none is named
#   FILTER=REGEX                                          only these tests
#
# The thread sanitizer watches the tests that have several threads; the others would take it half an hour. What a sanitizer
# must not complain of stands in suppressions-*.txt, with the reason. Runs of random packets and messages are shorter here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
declare -A filters=(
    [thread]='^(Dataplane|Resolver|Linux)Tests\.|^NAT64Tests\.TablesThreadTests'
    [address]='^(PacketMemory|PacketWire|IPAddressing|DNSWire|Policy|NAT64|DNS64|Dataplane|Resolver|Linux)Tests\.'
)
[ $# -gt 0 ] || set -- thread address
passed=0 failed=0
for kind in "$@"; do
    scratch=.build-sanitize/$kind log=.build-sanitize/$kind.log
    mkdir -p "$scratch"
    echo "Building and testing with the $kind sanitizer"
    began=$SECONDS
    swift build --build-tests --scratch-path "$scratch" --sanitize "$kind" >"$log" 2>&1 </dev/null ||
        { tail -n 15 "$log" && exit 1; }
    printf 'built in %d s\n' $((SECONDS - began))
    order=''
    if [ "$kind" = thread ]; then
        order=$PWD/$scratch/mutex-order.so
        "$(dirname "$(readlink -f "$(command -v swift)")")/clang" -std=gnu17 -O1 -Wall -Werror -shared -fPIC -o "$order" "$here/mutex-order.c"
    fi
    code=0 began=$SECONDS
    # exitcode: a report is a failure even when every test passed. Swift's runtime frees nothing at exit that it still reaches.
    TSAN_OPTIONS="suppressions=$here/suppressions-thread.txt halt_on_error=0 exitcode=66 report_signal_unsafe=0" \
        ASAN_OPTIONS="detect_leaks=1 exitcode=67 allocator_may_return_null=1" \
        LSAN_OPTIONS="suppressions=$here/suppressions-leak.txt print_suppressions=0" \
        NAT64_RANDOM_PACKETS="${NAT64_RANDOM_PACKETS:-10000}" DNS64_RANDOM_MESSAGES="${DNS64_RANDOM_MESSAGES:-10000}" LD_PRELOAD=$order \
        "$scratch"/debug/nat64-appliancePackageTests.xctest --testing-library swift-testing --filter "${FILTER:-${filters[$kind]}}" >"$log" 2>&1 </dev/null || code=$?
    printf 'tested in %d s\n' $((SECONDS - began))
    reports=$(grep -cE '^(WARNING: ThreadSanitizer|==[0-9]+==ERROR: (Address|Leak)Sanitizer)' "$log" || true)
    grep -E '^✔ Test run|^✘ Test run|^✘ Test .* failed' "$log" || tail -n 15 "$log"
    if [ $code = 0 ] && [ "$reports" = 0 ]; then
        echo "ok      $kind sanitizer: nothing to report"
        passed=$((passed + 1))
    else
        echo "FAILED  $kind sanitizer: $reports reports, exit code $code; see $log"
        grep -A 12 -E '^(WARNING: ThreadSanitizer|==[0-9]+==ERROR)|^SUMMARY' "$log" | head -60 || true
        failed=$((failed + 1))
    fi
done
printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]

#!/bin/bash
# The unit tests of the engines, the data plane and the resolver under a sanitizer, each with a build of its own.
#
#   Tests/Sanitizers/sanitize.sh [thread|address ...]     both when none is named
#   FILTER=REGEX                                          only these tests
#
# What a sanitizer must not complain of stands in suppressions-*.txt, with the reason. Runs of random packets are shorter here,
# because every access is watched.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
filter=${FILTER:-'^(PacketMemory|PacketWire|IPAddressing|DNSWire|Policy|NAT64|DNS64|Dataplane|Resolver|Linux)Tests\.'}
[ $# -gt 0 ] || set -- thread address
passed=0 failed=0
for kind in "$@"; do
    scratch=.build-sanitize/$kind log=.build-sanitize/$kind.log
    mkdir -p "$scratch"
    echo "Building and testing with the $kind sanitizer"
    code=0
    # exitcode: a report is a failure even when every test passed. Swift's runtime frees nothing at exit that it still reaches.
    TSAN_OPTIONS="suppressions=$here/suppressions-thread.txt halt_on_error=0 exitcode=66 report_signal_unsafe=0" \
        ASAN_OPTIONS="detect_leaks=1 exitcode=67 allocator_may_return_null=1" \
        LSAN_OPTIONS="suppressions=$here/suppressions-leak.txt print_suppressions=0" \
        NAT64_RANDOM_PACKETS="${NAT64_RANDOM_PACKETS:-10000}" \
        swift test --scratch-path "$scratch" --sanitize "$kind" --filter "$filter" >"$log" 2>&1 </dev/null || code=$?
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

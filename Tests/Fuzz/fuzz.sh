#!/bin/bash
# The fuzz targets, each from its corpus in Corpus/ (small files that corpus.py writes, and inputs that once broke something).
#
#   Tests/Fuzz/fuzz.sh SECONDS [TARGETS...]      so long for each, going on from what earlier runs found
#   Tests/Fuzz/fuzz.sh runs NUMBER [TARGETS...]  the same inputs every time: at least NUMBER packets and as many queries, and of the
#                                                others what their cost allows
#
# An input that breaks something stays in Tests/Fuzz/.build-fuzz/found/ and its name is printed; it belongs into the corpus with a name
# that says what it is. FUZZ_PACKAGE=FOLDER takes the targets of another package, FUZZ_BUILT=1 takes them as they are built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
package=${FUZZ_PACKAGE:-$here}
scratch=$package/.build-fuzz
seconds='' runs=''
if [ "${1:-}" = runs ]; then
    runs=${2:?how many}
    shift 2
else
    seconds=${1:-60}
    [ $# = 0 ] || shift
fi
[ $# -gt 0 ] || set -- FuzzTranslator FuzzDNSQuery FuzzDNSReply FuzzPacketLayout FuzzDNSMessage FuzzConfiguration \
    FuzzRuntimeViews FuzzControl FuzzResolvConf

echo "Building the fuzz targets"
[ -n "${FUZZ_BUILT:-}" ] || swift build --package-path "$package" --scratch-path "$scratch" -c release --sanitize=fuzzer -Xswiftc -sanitize=fuzzer,address

# options TARGET: how long, and how much of it.
options() {
    local share length=2048
    case $1 in
    # A conversation has about three packets.
    FuzzTranslator) share=2 length=4096 ;;
    FuzzDNSQuery) share=1 length=512 ;;
    FuzzDNSReply) share=5 ;;
    FuzzConfiguration | FuzzRuntimeViews) share=100 ;;
    *) share=4 ;;
    esac
    printf '%s\n' -max_len=$length -print_final_stats=1 -timeout=60 -rss_limit_mb=2048
    # The clock decides when the corpus is read again, and compared values hold addresses: neither may make runs differ.
    [ -z "$runs" ] || printf '%s\n' -runs=$((runs / share)) -seed=20261125 -reload=0 -use_cmp=0
    [ -z "$seconds" ] || printf '%s\n' "-max_total_time=$seconds"
}

# run TARGET: prints one line, or what went wrong. As many run at a time as there are processors.
run() {
    local target=$1 began=$SECONDS leaks=1 grown=$scratch/corpus/$1 words
    # Runs that are to be the same every time start from the corpus alone.
    if [ -n "$runs" ]; then
        grown=$scratch/fresh/$target
        rm -rf "$grown"
    fi
    mkdir -p "$grown"
    # TOMLKit forgets the text of each key: a few octets for each reading of a file, which only an administrator starts.
    case $target in FuzzConfiguration | FuzzRuntimeViews) leaks=0 ;; esac
    mapfile -t words < <(options "$target")
    # What the order of a dictionary or the addresses of code decide would make each run another one.
    if SWIFT_DETERMINISTIC_HASHING=1 ASAN_OPTIONS=detect_leaks=$leaks setarch -R "$scratch/release/$target" "${words[@]}" \
        -artifact_prefix="$scratch/found/$target-" "$grown" "$here/Corpus/$target" >"$scratch/$target.log" 2>&1; then
        awk -v name="$target" -v seconds=$((SECONDS - began)) '
            /^stat::number_of_executed_units/ { units = $2 }
            /^packets: / { packets = ", " $2 " packets" }
            match($0, / cov: [0-9]+/) { cover = substr($0, RSTART + 6, RLENGTH - 6) }
            END { printf "%-18s %9d inputs%s, %d places of the code, %d s\n", name, units, packets, cover, seconds }' "$scratch/$target.log"
    else
        echo "FAILED  $target:"
        tail -n 40 "$scratch/$target.log"
        return 1
    fi
}

passed=0 failed=0
collect() { if wait -n; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }
mkdir -p "$scratch/found"
for target in "$@"; do
    [ $((passed + failed + $(nproc))) -gt "${begun:=0}" ] || collect
    run "$target" &
    begun=$((begun + 1))
done
while [ $((passed + failed)) -lt "$begun" ]; do collect; done
printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]

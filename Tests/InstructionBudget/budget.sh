#!/bin/bash
# Instructions per packet of the engine, counted by callgrind, beside those of a C translator of the same function (translator.c).
# budget.txt says what each way may cost: instructions, and how many times those of C. Whatever it says, more than 1.3 times is too
# many.
#
# A count is the difference between two runs, so that starting and ending cost nothing, less that of the same loop without translation.
#
# A new flow, and answers of the resolver out of its cache, have no C beside them; of these, what they may cost without
# rules, and with many.
#
#   Tests/InstructionBudget/budget.sh [ENGINE [ANSWERS]]   the release executables EngineCost and AnswerCost
#   PIN=yes                                      writes budget.txt anew: what is measured and two parts in a hundred
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
engine=${1:-$here/../../.build/release/EngineCost}
answers=${2:-$here/../../.build/release/AnswerCost}
goal=1.3 packets=4000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -std=gnu11 -Wall -Wextra -Werror -Wno-type-limits -O2 -o "$work/translator" "$here/translator.c"

# counted COMMAND...: how many instructions it takes.
counted() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >"$work/said" | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# taken COMMAND...: how often it takes memory.
taken() {
    valgrind "$@" 2>&1 >/dev/null | sed -n 's/.*total heap usage: \([0-9,]*\) allocs.*/\1/p'
}

# cost COMMAND...: per packet.
cost() {
    local once twice idle idle_twice
    once=$(counted "$@" $packets)
    twice=$(counted "$@" $((2 * packets)))
    idle=$(counted "$@" $packets idle)
    idle_twice=$(counted "$@" $((2 * packets)) idle)
    echo $(((twice - once - idle_twice + idle) / packets))
}

times() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }
above() { awk "BEGIN { exit !($1 > $2) }"; }

passed=0 failed=0 pins='' above_goal=0
printf '%-14s %8s %8s %7s   %s\n' "packet" engine C "times" "budget"
for way in {udp,tcp,echo,super,datagrams,syn,fin}\ {up,down}; do
    read -r transport direction <<<"$way"
    ours=$(cost "$engine" "$transport" "$direction")
    yardstick=$(cost "$work/translator" "$transport" "$direction")
    ratio=$(times "$ours" "$yardstick")
    pins="$pins$way $((ours * 102 / 100)) $(times $((ours * 102)) $((yardstick * 100)))
"
    read -r budget most < <(sed -n "s/^$way //p" "$here/budget.txt" | grep . || echo 0 0)
    verdict=''
    if [ "$ours" -gt "$budget" ]; then verdict=" FAILED: too many instructions"; fi
    if above "$ratio" "$most"; then verdict="$verdict FAILED: too many times those of C"; fi
    if above "$ratio" $goal; then
        verdict="$verdict FAILED: above the goal of $goal"
        above_goal=$((above_goal + 1))
    fi
    printf '%-14s %8d %8d %7s   %s, %s%s\n' "$way" "$ours" "$yardstick" "$ratio" "$budget" "$most" "$verdict"
    if [ -z "$verdict" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
# The first packet of a client: the binding is made, and its memory asked for ahead.
ours=$(cost "$engine" new up)
pins="${pins}new up $((ours * 102 / 100))
"
budget=$(sed -n "s/^new up //p" "$here/budget.txt" | grep . || echo 0)
verdict=''
if [ "$ours" -gt "$budget" ]; then verdict=" FAILED: too many instructions"; fi
printf '%-14s %8d %16s   %s%s\n' "new up" "$ours" "" "$budget" "$verdict"
if [ -z "$verdict" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
# So that the same tables are made the same way each time.
export SWIFT_DETERMINISTIC_HASHING=1
for rules in 0 10000; do
    once=$(counted "$answers" $packets 64 $rules $((rules / 5)))
    twice=$(counted "$answers" $((2 * packets)) 64 $rules $((rules / 5)))
    ours=$(((twice - once) / packets))
    pins="${pins}answer $rules $((ours * 102 / 100))
"
    budget=$(sed -n "s/^answer $rules //p" "$here/budget.txt" | grep . || echo 0)
    verdict=''
    if [ "$ours" -gt "$budget" ]; then verdict=" FAILED: too many instructions"; fi
    printf 'answer, %5d rules %7d %17s%s\n' $rules "$ours" "$budget" "$verdict"
    if [ -z "$verdict" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
for rules in 0 10000; do
    once=$(taken "$answers" $packets 64 $rules $((rules / 5)))
    twice=$(taken "$answers" $((2 * packets)) 64 $rules $((rules / 5)))
    verdict=''
    if [ -z "$once" ] || [ "$once" != "$twice" ]; then verdict=" FAILED: an answer allocates"; fi
    printf 'answer, %5d rules: memory taken %s times for %d answers, %s times for %d%s\n' \
        $rules "$once" $packets "$twice" $((2 * packets)) "$verdict"
    if [ -z "$verdict" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
if [ "${PIN:-}" = yes ]; then
    printf '%s' "$pins" >"$here/budget.txt"
    [ $above_goal = 0 ]
    exit
fi
printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]

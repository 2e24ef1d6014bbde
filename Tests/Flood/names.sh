#!/bin/bash
# A flood of names that nobody asks for twice, to the real daemon, while others ask for the same thousand names: its memory stays
# under what the cache may have and a constant, and the thousand names stay known. Then the thousand names alone: no memory is
# taken for an answer out of the cache, from the arrival of the datagram to the sending of the answer.
#
#   Tests/Flood/names.sh [NAMES [QUESTIONS-PER-SECOND]]      200,000 names, 10,000 a second; the cache has 16 MiB
#
#   127.66.0.1 new names       ─┬▶ the daemon, 127.0.0.1 ─┬▶ 127.0.0.101 an upstream
#   127.7.0.1  a thousand names ─┘                        └▶ 127.0.0.103 the upstream of the thousand names
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
NAME=names
# shellcheck source-path=SCRIPTDIR
. "$here/opening.sh"
# The CPU of an answer is counted, and not that of waiting for the next question.
resolver_keys="poll-before-sleep = 0"
names=${1:-200000} rate=${2:-10000} hot=1000 often=4000 known=500000 size=16

gcc -std=gnu11 -Wall -Wextra -Werror -O2 -shared -fPIC -o "$work/allocations.so" "$here/allocations.c"
helper cold.json good 127.0.0.101
helper hot.json good 127.0.0.103
upstream=${helpers[-1]}
begin ${size}MiB hot.test 127.0.0.103 ALLOCATIONS="$work/allocations" LD_PRELOAD="$work/allocations.so"

# How often the daemon has taken memory since it began.
allocations() { od -An -t u8 -N 8 "$work/allocations" | tr -d ' '; }

# Its CPU time, user's and system's.
ticks() { awk '{ print $14, $15 }' "/proc/$daemon/stat"; }

before=$(memory)
from=127.7.0.1 helper others.json ask 127.0.0.1 $hot.hot.test $often
others=${helpers[-1]}
sleep 1
FROM=127.66.0.1 inside "$work/messages" ask 127.0.0.1 4000000000.cold.test "$rate" "$names" >"$work/flood.json"
after=$(memory)
kill "$others"
wait "$others" || true
octets=$(fact .resolver.cache.octets) entries=$(fact .resolver.cache.entries) most=$(fact .resolver.cache.limitOctets)

# Every name is known now, and nobody else asks.
inside "$work/messages" ask 127.0.0.1 $hot.hot.test 20000 $hot >/dev/null
idle=$(allocations)
sleep 3
idle=$(($(allocations) - idle))
taken=$(allocations)
read -r user system <<<"$(ticks)"
inside "$work/messages" ask 127.0.0.1 $hot.hot.test 100000 $known >"$work/known.json"
taken=$(($(allocations) - taken))
read -r user_after system_after <<<"$(ticks)"
kill "$upstream"
wait "$upstream" || true

asked=$(read_of others asked) missed=$(($(read_of hot asked) / 2))
echo "the flood:   $(cat "$work/flood.json")"
echo "the others:  $(cat "$work/others.json")"
echo "misses of the others: $missed of $asked, $hot of them the first"
# Of the whole, the index too.
each=$(((size << 20) * 2 / entries))
echo "the cache:   $octets octets of answers, at most $most; $each for each name with its index; memory $before-$after KiB"
echo "memory taken: $taken times in $(read_of known answered) answers out of the cache, $idle times in three idle seconds"
awk -v own=$((user_after - user)) -v kernel=$((system_after - system)) -v tick="$(getconf CLK_TCK)" -v answers="$(read_of known answered)" \
    'BEGIN { printf "CPU for each: %.2f microseconds, %.2f of them in user mode\n", (own + kernel) * 1e6 / tick / answers, own * 1e6 / tick / answers }'

full() { [ "$octets" -ge $((most * 9 / 10)) ] && [ "$(read_of flood answered)" -ge $((names * 9 / 10)) ]; }
bounded() {
    [ "$octets" -le "$most" ] && [ "$most" -le $((size << 20)) ]
    [ "$((after - before))" -le $((size * 1024 + 49152)) ]
}
small() { [ "$each" -le 400 ]; }
known() {
    same "wrong answers" 0 "$(read_of others wrong)"
    [ $((missed - hot)) -le $((asked / 100)) ]
}
nothing_taken() {
    [ "$(read_of known answered)" -ge $((known / 2)) ]
    [ "$taken" -le $((idle * 10 + 500)) ]
}
echo
it "the cache is full of names that nobody asks for twice" full
it "memory stays under what the cache may have and 48 MiB, for clients that wait while this machine is slow" bounded
it "a name takes 400 octets at most, both families together" small
it "of the questions for a thousand names 99 in a hundred are answered from the cache all the while" known
it "no memory is taken for an answer from the cache" nothing_taken
summary

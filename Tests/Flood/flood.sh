#!/bin/bash
# A million malformed queries and a million malformed replies of an upstream, to the real daemon: it goes on, its memory stays
# as it is, and everybody else is answered as if nothing were.
#
#   Tests/Flood/flood.sh [MESSAGES [QUERIES-PER-SECOND]]      1,000,000 of each kind, 40,000 queries a second
#
#   127.66.0.1 spoiled queries, or names of the bad upstream ─┬▶ the daemon, 127.0.0.1 ─┬▶ 127.0.0.101 an upstream in order
#   127.7.0.1  others                                        ─┘                         └▶ 127.0.0.102 an upstream that sends
#                                                                                          16 spoiled replies to each question
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
NAME=flood
# shellcheck source-path=SCRIPTDIR
. "$here/opening.sh"
messages=${1:-1000000} rate=${2:-40000} others=2000

helper good.json good 127.0.0.101
helper hostile.json hostile 127.0.0.102
hostile=${helpers[-1]}
begin 1MiB bad.test 127.0.0.102

# watched NAME PROCESS: the daemon's memory in KiB, five times a second, until this process ends.
watched() {
    while kill -0 "$2" 2>/dev/null; do
        memory >>"$work/$1.memory"
        sleep 0.2
    done
}
# Means of the second fifth and of the last: the caches are full in between.
growth() {
    awk '{ pss[NR] = $1 } END { k = int(NR / 5); for (i = 1; i <= k; i++) { a += pss[k + i]; b += pss[NR - k + i] }
        printf "%d %d", a / k, b / k }' "$work/$1.memory"
}

# More names than the cache holds, so that it is full when the floods come; then the few names that others ask for.
inside "$work/messages" ask 127.0.0.1 30000.fill.test 5000 30000 >"$work/filled.json"
inside "$work/messages" ask 127.0.0.1 1000.good.test $others 4000 >"$work/alone.json"
echo "others alone:              $(cat "$work/alone.json")"

# beside NAME COMMAND...: others ask while a flood of this name lasts.
beside() {
    local name=$1 flood others_process
    shift
    from=127.66.0.1 helper "$name.json" "$@"
    flood=${helpers[-1]}
    : >"$work/$name.memory"
    from=127.7.0.1 helper "$name-others.json" ask 127.0.0.1 1000.good.test $others
    others_process=${helpers[-1]}
    watched "$name" "$flood"
    wait "$flood" || true
    kill "$others_process"
    wait "$others_process" || true
    echo "$name: $(cat "$work/$name.json")"
    echo "others beside $name: $(cat "$work/$name-others.json"); memory $(growth "$name" | tr ' ' '-') KiB"
}

# served NAME: nobody among the others is left without the right answer, and few had to ask twice.
served() {
    cat "$work/$1-others.json"
    same "wrong answers" 0 "$(read_of "$1-others" wrong)" &&
        [ "$(read_of "$1-others" lost)" -le $(($(read_of "$1-others" asked) / 1000)) ] &&
        [ "$(read_of "$1-others" again)" -le $(($(read_of "$1-others" asked) / 20)) ]
}
# A spoiled reply may say what a good one might, with another address in it; that there is an answer is what counts.
bad_names_served() {
    cat "$work/replies.json"
    [ "$(read_of replies lost)" -le $(($(read_of replies asked) / 1000)) ]
}
# flat NAME: 2 % and 4 MiB more at the end at most: the least that could be forgotten of each message would be more.
flat() {
    local before after
    read -r before after <<<"$(growth "$1")"
    echo "$before KiB, at the end $after KiB"
    [ "$after" -le $((before + before / 50 + 4096)) ]
}

# A machine that does not run the daemon for a while spoils a flood, a fault of ours every one: another one then, four in all.
for _ in 1 2 3 4; do
    beside queries spoil 127.0.0.1 "$messages" "$rate"
    ! { served queries && flat queries; } >/dev/null || break
done
for _ in 1 2 3 4; do
    # Each question has 16 bad replies; names that are in nobody's cache.
    beside replies ask 127.0.0.1 4000000000.bad.test $((rate / 16)) $((messages / 16 + 1))
    ! { served replies && bad_names_served && flat replies; } >/dev/null || break
done
kill "$hostile"
wait "$hostile" || true
echo "the upstream: $(cat "$work/hostile.json")"

all_sent() {
    [ "$(read_of queries sent)" -ge $((messages * 99 / 100)) ]
    [ "$(read_of hostile spoiled)" -ge $((messages * 95 / 100)) ]
}
goes_on() {
    kill -0 $daemon
    same state running "$(fact .resolver.state)"
    lacks "log" "Fatal" "$(cat "$work/log")"
}
echo
it "$messages malformed queries and as many malformed replies were sent" all_sent
it "the daemon goes on" goes_on
it "beside malformed queries everybody else is answered at the full rate" served queries
it "beside malformed replies everybody else is answered at the full rate" served replies
it "DNS-18 who asks for names whose upstream is hostile gets answers all the same" bad_names_served
it "malformed queries cost no memory" flat queries
it "malformed replies cost no memory" flat replies
summary

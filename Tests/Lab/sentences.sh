# shellcheck shell=bash
# Tests as sentences: each prints one line, and what a failed one printed follows it. Used by the lab and the box.

passed=0 failed=0 skipped=0
only=${ONLY:-}
sentence_log=$(mktemp)

# it SENTENCE COMMAND...: the sentence is true when the command ends with 0. It runs in a shell of its own that stops at
# the first command that fails. ONLY=WORDS runs only sentences with these words.
it() {
    local sentence=$1 code began=$SECONDS
    shift
    if [ -n "$only" ] && [[ $sentence != *"$only"* ]]; then
        skipped=$((skipped + 1))
        return 0
    fi
    set +e
    (
        set -euo pipefail
        "$@"
    ) >"$sentence_log" 2>&1 </dev/null
    code=$?
    set -e
    if [ $code = 0 ]; then
        passed=$((passed + 1))
        printf 'ok      %s (%d s)\n' "$sentence" $((SECONDS - began))
    else
        failed=$((failed + 1))
        printf 'FAILED  %s (%d s)\n' "$sentence" $((SECONDS - began))
        sed 's/^/        | /' "$sentence_log"
        on_failure 2>&1 | sed 's/^/        : /'
    fi
}

# What else to print when a sentence was not true; a test file may say more.
on_failure() { :; }

summary() {
    rm -f "$sentence_log"
    printf '%d passed, %d failed\n' $passed $failed
    [ $failed = 0 ]
}

# same WHAT EXPECTED FOUND
same() {
    [ "$2" = "$3" ] && return
    printf '%s: expected "%s", found "%s"\n' "$1" "$2" "$3"
    return 1
}

# holds WHAT TEXT FOUND: the text stands in what was found.
holds() {
    grep -qF -- "$2" <<<"$3" && return
    printf '%s: expected to read "%s" in:\n%s\n' "$1" "$2" "$3"
    return 1
}

# lacks WHAT TEXT FOUND
lacks() {
    grep -qF -- "$2" <<<"$3" || return 0
    printf '%s: expected not to read "%s" in:\n%s\n' "$1" "$2" "$3"
    return 1
}

# eventually SECONDS COMMAND...: the command comes true within this time.
eventually() {
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        if [ $tries = 0 ]; then
            printf 'did not come true in time: %s\n' "$*"
            "$@"
            return 1
        fi
        sleep 0.05
    done
}

# receives COUNT NODE PING-WORDS...: all of so many pings are answered. A ping that has had one answer does not wait long for
# the others, so that a machine busy with much else may be late: three attempts.
receives() {
    local count=$1 node=$2 said=''
    shift 2
    for _ in 1 2 3; do
        said=$(on "$node" ping -c "$count" "$@" 2>&1 || true)
        ! grep -qF " $count received" <<<"$said" || return 0
    done
    echo "$said"
    return 1
}

# no_gaps FILE: the answers that ping printed there have the numbers from 1 on, and none is missing before the last. The last
# ones may be under way when ping ends: it waits for them no longer than two of the longest round trips before.
no_gaps() {
    sed -n 's/.*icmp_seq=\([0-9]*\) .*time=.*/\1/p' "$1" | sort -nu |
        awk '$1 != NR { print "no answer to ping " NR; exit 1 } END { print NR " pings are answered" }'
}

# refused COMMAND...: the command must fail.
refused() {
    if "$@"; then
        printf 'expected this to fail: %s\n' "$*"
        return 1
    fi
}

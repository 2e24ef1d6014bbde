# shellcheck shell=bash
# What the measurements of the laboratory have in common. To be sourced.

# thread_time: microseconds of CPU that the appliance's threads for packets have taken.
thread_time() { cat /proc/"$(appliance_pid)"/task/*/comm /proc/"$(appliance_pid)"/task/*/schedstat | awk '
    NF == 1 { name[++names] = $1 } NF == 3 { if (name[++times] ~ /^nat64-[0-9]/) sum += $1 } END { print sum / 1000 }'; }
# median: of the numbers in the lines that come in.
median() { sort -n | awk '{ v[NR] = $1 } END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; printf "%.2f", m }'; }

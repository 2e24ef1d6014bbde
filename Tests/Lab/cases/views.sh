# shellcheck shell=bash disable=SC2154
# DNS64 switched on and off for a network of clients while it runs.

answers() { same "AAAA for $1" "$2" "$(on "$1" dig +short AAAA v4.example.net)"; }
off() {
    ctl dns64 disable 2001:db8:6::/64
    answers client ""
    answers guest 64:ff9b::b0b:b02
}
on_again() {
    ctl dns64 enable 2001:db8:6::/64
    answers client 64:ff9b::b0b:b02
}
origin_shown() {
    ctl dns64 disable 2001:db8:6::/64
    same "origin" runtime "$(curl -sS --unix-socket "$SOCKET" http://localhost/v1/views |
        jq -r '.views[] | select(.network == "2001:db8:6::/64") | .origin')"
}
survives_restart() {
    stop
    start
    answers client ""
    answers guest 64:ff9b::b0b:b02
}
survives_reload() {
    ctl reload
    answers client ""
}
survives_kill() {
    kill -KILL "$(appliance_pid)"
    wait_gone
    start
    answers client ""
}
translation_stays() { receives 1 client -W 2 64:ff9b::b0b:b02; }
nonsense_refused() {
    refused ctl dns64 disable 2001:db8:6::/200
    refused ctl dns64 disable nonsense
}

scenario
it "disabled for one network: the next answer there is plain, others are not touched" off
it "enabled again: the next answer is synthesized" on_again
it "a switch made at runtime shows its origin" origin_shown
it "packets are translated all the same" translation_stays
it "the switch survives a reload" survives_reload
it "the switch survives a restart" survives_restart
it "the switch survives a crash" survives_kill
it "a network that is none is refused" nonsense_refused

scenario '[[dns64.view]]
clients = ["2001:db8:7::/64"]
synthesize = false'
it "a view of the file: off for that network" answers guest ""
it "and on for the others" answers client 64:ff9b::b0b:b02

#!/bin/bash
# Holds the machine code of a release build against the rule of the packet path: no allocation, no reference counting, no
# exclusivity check, no metadata at run time, in any function that a packet of a live or a new session passes, or a datagram whose
# question is answered from the cache.
#
#   Tests/hot-path.sh [FOLDER]      where the release build lies; .build/release if not said
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-.build/release}

# Object file and function, as the demangler spells it.
functions() {
    cat <<'END'
Dataplane/Worker Worker.run(until:)
Dataplane/Worker Worker.sendDepartures(_:)
Dataplane/Worker Worker.writeChain(_:_:)
Dataplane/TransmitQueue+Merge TransmitQueue.add(_:_:)
Dataplane/TransmitQueue+Merge TransmitQueue.join(_:_:_:_:)
Dataplane/TransmitQueue+Merge TransmitQueue.completeChain(_:_:)
Dataplane/TCPSegment TCPSegment.sumsUp(_:)
NAT64/Translator TranslatorWorker.translate(_:_:at:ahead:)
NAT64/Translator TranslatorWorker.translateAny(_:_:at:)
NAT64/PassKnownInward TranslatorWorker.passKnownInward(_:_:at:)
NAT64/Tables+Known Tables.knownFurther(_:_:in:)
NAT64/Tables+Known Tables.step(_:_:fromIPv6:in:_:)
NAT64/WriteHeaders clampSegmentSize(_:at:to:)
NAT64/LookAhead TranslatorWorker.lookAhead(_:_:)
NAT64/LookAhead TranslatorWorker.fetch(_:)
NAT64/Tables+Ports Tables.prefetchPort(for:_:_:_:)
NAT64/Outward TranslatorWorker.outward(_:_:at:)
NAT64/Inward TranslatorWorker.inward(_:_:at:)
NAT64/DetermineIncomingTuple IncomingTuple.init(reading:_:)
NAT64/TranslateIPv6ToIPv4 TranslatorWorker.sendOutward(_:_:_:_:_:)
NAT64/TranslateIPv6ToIPv4 TranslatorWorker.rewriteOutward(_:_:_:_:offload:wholeLength:)
NAT64/TranslateIPv4ToIPv6 TranslatorWorker.sendToIPv6(_:_:_:_:_:_:)
NAT64/TranslateIPv4ToIPv6 TranslatorWorker.rewriteInward(_:_:_:_:_:offload:wholeLength:)
NAT64/WriteHeaders completeChecksum(_:_:to:)
NAT64/FilterAndUpdate Tables.outward(_:_:_:at:policy:)
NAT64/FilterAndUpdate Tables.updateOutward(_:_:in:_:)
NAT64/FilterAndUpdate Tables.inward(_:at:policy:)
NAT64/FilterAndUpdate Tables.updateInward(_:_:_:in:_:)
NAT64/Tables+Bindings Tables.bind(_:_:_:held:in:at:)
Resolver/Worker+Questions Worker.answerDatagram(_:from:)
Linux/UDPSocketBatch UDPInbox.ends(_:)
Linux/UDPSocketBatch UDPInbox.datagram(_:)
Linux/UDPSocketBatch UDPOutbox.next.getter
Linux/UDPSocketBatch UDPOutbox.seal(_:to:)
DNS64/ResolverEngine+Known ResolverEngine.answerKnown(_:from:policy:at:reply:)
DNS64/ResolverEngine+Known ResolverEngine.writeSynthetic(_:_:_:_:_:_:_:at:room:_:)
DNS64/ClientQuery ClientQuery.decode(_:_:)
DNS64/ClientQuery ClientQuery.readRecords(_:count:)
DNS64/ResolverEngine+Query ResolverEngine.receive(query:from:waiter:policy:at:reply:)
DNS64/NameRules NameRules.saysNothing(_:_:_:in:)
DNS64/ViewTable ViewTable.view(of:)
DNS64/ViewTable ViewTable.rule(for:_:in:)
DNS64/KnownAnswers+Filter KnownAnswers.hasFilteredAddress(_:_:_:policy:)
DNS64/Answering Answering.synthetic(_:_:_:age:largestTTL:isValidated:policy:into:)
DNS64/Answering Answering.native(_:_:_:age:error:into:)
Policy/Policy Policy.mayReach(_:under:)
Policy/DestinationRules DestinationRules.standing(of:)
END
}

bad=0
while read -r object name; do
    file=$build/${object%/*}.build/${object#*/}.swift.o
    code=$(objdump -dr --no-show-raw-insn "$file" | swift demangle --simplified --compact | NAME="<$name>:" awk '
        /^[0-9a-f]+ <.*>:$/ { inside = (substr($0, index($0, "<")) == ENVIRON["NAME"]) ; if (inside) seen = 1 }
        inside
        END { exit !seen }') || { echo "$name: no such function in $file; name it as it is called now"; bad=1; continue; }
    calls=$(grep -oE 'swift_(retain|release|bridgeObject[A-Za-z]*|allocObject|slowAlloc|beginAccess|endAccess|initStackObject|getTypeByMangledName[A-Za-z]*|isUniquely[A-Za-z_]*)|\bmalloc\b' <<<"$code" |
        sort | uniq -c || true)
    [ -z "$calls" ] || { printf '%s:\n%s\n' "$name" "$calls"; bad=1; }
done < <(functions)

# Of a step that is not mutating, a call copies the whole worker, two thousand octets; only who makes a worker moves it.
copies=$(for file in "$build"/NAT64.build/*.swift.o; do objdump -dr --no-show-raw-insn "$file"; done |
    swift demangle --simplified --compact | awk '
        /^[0-9a-f]+ <.*>:$/ { name = substr($0, index($0, "<")); large = 0 }
        /,%[er]dx$/ { large = /\$0x([4-9a-f][0-9a-f][0-9a-f]|[0-9a-f][0-9a-f][0-9a-f][0-9a-f]+),%edx$/ }
        /memcpy/ { if (large && name ~ /TranslatorWorker/ && name !~ /init/) print name; large = 0 }' | sort | uniq -c)
[ -z "$copies" ] || { printf 'a copy of the worker:\n%s\n' "$copies"; bad=1; }
exit $bad

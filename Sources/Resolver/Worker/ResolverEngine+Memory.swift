internal import DNS64
internal import Linux
internal import NIOCore
internal import PacketMemory
internal import Policy
internal import Timing

/// The engine's functions over the memory that a worker owns, so that each lends its own part of the worker.
extension ResolverEngine {
    /// Answers a datagram of the inbox into the next datagram of the outbox.
    mutating func answer(
        _ index: Int,
        of inbox: borrowing UDPInbox,
        from client: Client,
        waiter: WaiterID,
        policy: Policy,
        at now: Moment,
        into outbox: inout UDPOutbox
    ) -> QueryOutcome {
        var reply = outbox.next
        return receive(
            query: inbox.datagram(index),
            from: client,
            waiter: waiter,
            policy: policy,
            at: now,
            reply: &reply
        )
    }

    /// Answers a question into the front of some memory.
    mutating func answer(
        _ question: ByteBuffer,
        from client: Client,
        waiter: WaiterID,
        policy: Policy,
        at now: Moment,
        into memory: inout OctetBuffer
    ) -> QueryOutcome {
        var reply = memory.mutableOctets
        return receive(
            query: question.readableBytesSpan,
            from: client,
            waiter: waiter,
            policy: policy,
            at: now,
            reply: &reply
        )
    }

    /// The next thing to do, its message at the front of some memory.
    mutating func nextAction(
        policy: Policy,
        at now: Moment,
        random: inout RandomWords,
        into memory: inout OctetBuffer
    ) -> ResolverAction? {
        var message = memory.mutableOctets
        return nextAction(policy: policy, at: now, random: &random, message: &message)
    }

    /// Takes a datagram of the inbox as a reply.
    mutating func take(
        _ index: Int,
        of inbox: borrowing UDPInbox,
        for exchange: ExchangeID,
        at now: Moment
    ) -> ReplyOutcome {
        receive(reply: inbox.datagram(index), for: exchange, at: now)
    }

    /// Takes a reply that lies in some memory.
    mutating func take(
        _ place: Range<Int>,
        of memory: borrowing OctetBuffer,
        for exchange: ExchangeID,
        at now: Moment
    ) -> ReplyOutcome {
        receive(reply: memory.octets.extracting(place), for: exchange, at: now)
    }

    /// Takes a reply.
    mutating func take(
        _ message: ByteBuffer,
        for exchange: ExchangeID,
        at now: Moment
    ) -> ReplyOutcome {
        receive(reply: message.readableBytesSpan, for: exchange, at: now)
    }
}

extension UDPInbox {
    /// The identifier of a DNS message; nil if the datagram is too short to have one.
    func identifier(_ index: Int) -> UInt16? {
        let octets = datagram(index)
        return octets.byteCount >= 2 ? octets.uint16(at: 0) : nil
    }
}

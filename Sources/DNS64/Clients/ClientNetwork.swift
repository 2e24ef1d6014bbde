import IPAddressing
import PacketMemory

/// The network that a client belongs to, as one word under a secret: what is limited is limited for all its hosts
/// together.
struct ClientNetwork {
    private let mask: IPv6Address
    private let secret: KeyedHash

    /// - Parameter length: How many bits of an IPv6 address name a network.
    init(length: Int, secret: KeyedHash) {
        mask = IPv6Prefix.mask(min(max(length, 0), 128))
        self.secret = secret
    }

    /// The word for a client's network; every IPv4 address is a network of its own.
    func callAsFunction(_ client: IPAddress) -> UInt64 {
        switch client.unmapped {
        case .v4(let address): secret(0xFFFF, UInt64(address.bits))
        case .v6(let address): secret(address.high & mask.high, address.low & mask.low)
        }
    }
}

/// How much of the tables each client network has, so that none of them fills a table for all others.
struct ClientShares {
    /// What a network has.
    private struct Use {
        var waiting = 0
        var asking = 0
    }

    let network: ClientNetwork
    private let mostWaiting: Int
    private let mostAsking: Int
    private let half: (waiting: Int, asking: Int)
    /// Networks are words under a secret already, so that nobody can choose those that meet: they are not hashed once more.
    private struct Network: Hashable {
        let word: UInt64

        func _rawHashValue(seed: Int) -> Int { Int(truncatingIfNeeded: word) ^ seed }
    }

    private var uses: [Network: Use] = [:]

    init(_ settings: DNS64Settings, secret: KeyedHash) {
        network = ClientNetwork(length: settings.clientLength, secret: secret)
        mostWaiting = max(1, settings.waitingClients * settings.clientShare / 100)
        mostAsking = max(1, settings.outstandingQuestions * settings.clientShare / 100)
        half = (settings.waitingClients / 2, settings.outstandingQuestions / 2)
    }

    /// Whether no network has anything.
    var isEmpty: Bool { uses.isEmpty }

    /// Whether one more client of a network may wait, with a question that nobody has asked yet. As long as the tables
    /// are less than half full nobody is held to a share.
    ///
    /// - Parameters:
    ///   - waiting: How many clients wait in all.
    ///   - asking: How many questions are under way in all.
    func admits(_ network: UInt64, waiting: Int, asking: Int) -> Bool {
        guard waiting >= half.waiting || asking >= half.asking, let use = uses[Network(word: network)] else {
            return true
        }
        return (use.waiting < mostWaiting || waiting < half.waiting)
            && (use.asking < mostAsking || asking < half.asking)
    }

    mutating func waits(_ network: UInt64) { uses[Network(word: network), default: Use()].waiting += 1 }

    mutating func asks(_ network: UInt64) { uses[Network(word: network), default: Use()].asking += 1 }

    mutating func waitsNoMore(_ network: UInt64) { change(network) { $0.waiting -= 1 } }

    mutating func asksNoMore(_ network: UInt64) { change(network) { $0.asking -= 1 } }

    private mutating func change(_ network: UInt64, _ body: (inout Use) -> Void) {
        guard let place = uses.index(forKey: Network(word: network)) else { return }
        body(&uses.values[place])
        let use = uses.values[place]
        if use.waiting <= 0, use.asking <= 0 { uses.remove(at: place) }
    }
}

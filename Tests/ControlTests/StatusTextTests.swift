import ControlAPI
import ControlClient
import Testing

@Suite("Status as people read it, STYLE 3.12")
struct StatusTextTests {
    private func text(_ report: StatusReport, _ arguments: [String] = [], colours: Bool = false) throws -> String {
        let bench = try Bench(report)
        return Run.of(["status"] + arguments, environment: Environment(socket: bench.path), colours: colours).out
    }

    @Test("a box in good order says so first, then shows every part")
    func working() throws {
        #expect(
            try text(.working) == """
                WORKING: names resolve and packets pass.
                nat64-appliance 1.4.0, up 3 days 4 hours
                dataplane  running on nat64, mtu 1500, 2 workers, offloads checksum tso4 tso6
                           this kernel has no uso4, uso6
                           prefix 64:ff9b::/96
                           pool 203.0.113.0/28, ports 1024-65535, 61 % in use (1,888,911 of 3,096,576)
                           pool 198.51.100.5 shared with eth0, ports 61440-65535, <1 % in use (3 of 12,288)
                           sessions 12,804 of 262,144   tcp 12,000   udp 800   icmp 4
                           bindings 9,771 of 262,144   tcp 9,000   udp 770   icmp 1
                           6to4 81,204,113 packets, 9.1 GiB   now 1,204 packets/s, 12.3 Mb/s
                           4to6 79,882,014 packets, 92.9 GiB   now 0.4 packets/s, 0 b/s
                           hairpinned 12   handed back 3,456   answered 78
                           dropped malformed 87, destination-outside-prefix 1,117, pool-exhausted 0,
                                   no-session 9,210
                           steering by the device's hash (CAP_BPF is missing)   lock waits 17
                           worker 0: 80,001,204 packets of its own shards, 1,117 of others   lock waits 5
                           worker 1: 81,000,000 packets of its own shards, 0 of others   lock waits 12
                network    running, routes 1 of 1 in place, pool addresses 1 of 1 in place, 2 repaired
                           uplink eth0 198.51.100.5, mtu 1500
                           forwarding on
                resolver   running on 3 sockets, 2 workers, upstreams 2 of 2 well
                           listening on [2001:db8:6::1]:53, 192.0.2.1:53 udp only
                           upstream 10.0.0.53:53 well, 12.3 ms, asked 1,204, failed 3
                           upstream 10.0.1.53:53 untried, asked 0, failed 0
                           queries 4,410,200 (now 36/s)   from cache 71 %   failed 12
                           answers synthesized 38 %   native 20 %
                           refused not-a-client 12
                           counted filtered 31, good-cookies 1,204
                           asked by udp 4,401,100, tcp 7,000 (3 open), tls 1,900 (2 open), https 200 (1 open)
                           cache 12,000 answers, 3.1 MiB of 64.0 MiB   connections 6, refused 2
                           encrypted: handshakes failed 14   requests refused 5   floods ended 1
                           certificate /etc/dns.pem, good for 62 days 1 hour, renewed 1 time
                           recursor process 4711, restarted 2 times, 1 time because it did not answer
                           recursor refused too-many-at-once 7
                dns64      on but where a view says otherwise
                           2001:db8:6:2::/64 off (runtime), 1 rule, 12 filters, asked 4,100
                           off for clients that ask over IPv4
                settings   /etc/nat64-appliance/appliance.toml and 1 drop-in, policy generation 3
                           clients 2001:db8:6::/48
                           last reload 2 hours 1 minute ago, in force

                """
        )
    }

    @Test("a box with a fault says what is wrong and what to do before all else")
    func degraded() throws {
        #expect(
            try text(.degraded) == """
                DEGRADED: The upstream 10.0.1.53:53 has not answered for 40 seconds. See whether it runs and whether a firewall stands between.
                  note: Clients that ask over IPv4 get no synthetic records. Set dns64.synthesize-over-ipv4 if they should.
                nat64-appliance 1.4.0, up 3 days 4 hours
                dataplane  running on nat64, mtu 1500, 2 workers, offloads checksum tso4 tso6
                           this kernel has no uso4, uso6
                           prefix 64:ff9b::/96
                           pool 203.0.113.0/28, ports 1024-65535, 61 % in use (1,888,911 of 3,096,576)
                           pool 198.51.100.5 shared with eth0, ports 61440-65535, <1 % in use (3 of 12,288)
                           sessions 12,804 of 262,144   tcp 12,000   udp 800   icmp 4
                           bindings 9,771 of 262,144   tcp 9,000   udp 770   icmp 1
                           6to4 81,204,113 packets, 9.1 GiB   now 1,204 packets/s, 12.3 Mb/s
                           4to6 79,882,014 packets, 92.9 GiB   now 0.4 packets/s, 0 b/s
                           hairpinned 12   handed back 3,456   answered 78
                           dropped malformed 87, destination-outside-prefix 1,117, pool-exhausted 0,
                                   no-session 9,210
                           steering by the device's hash (CAP_BPF is missing)   lock waits 17
                           worker 0: 80,001,204 packets of its own shards, 1,117 of others   lock waits 5
                           worker 1: 81,000,000 packets of its own shards, 0 of others   lock waits 12
                           limits of clients passed over 1,300 times: too many are active
                network    running, routes 1 of 1 in place, pool addresses 1 of 1 in place, 2 repaired
                           uplink eth0 198.51.100.5, mtu 1500
                           forwarding on
                resolver   running on 3 sockets, 2 workers, upstreams 1 of 2 well
                           listening on [2001:db8:6::1]:53, 192.0.2.1:53 udp only
                           not listening on 127.0.0.1:53 udp: the address is in use by another program
                           upstream 10.0.0.53:53 well, 12.3 ms, asked 1,204, failed 3
                           upstream 10.0.1.53:53 failing, asked 0, failed 0, last problem: no answer within 2 s
                           queries 4,410,200 (now 36/s)   from cache 71 %   failed 12
                           answers synthesized 38 %   native 20 %
                           refused not-a-client 12
                           counted filtered 31, good-cookies 1,204
                           asked by udp 4,401,100, tcp 7,000 (3 open), tls 1,900 (2 open), https 200 (1 open)
                           cache 12,000 answers, 3.1 MiB of 64.0 MiB   connections 6, refused 2
                           encrypted: handshakes failed 14   requests refused 5   floods ended 1
                           certificate /etc/dns.pem, good for 62 days 1 hour, renewed 1 time
                           recursor process 4711, restarted 2 times, 1 time because it did not answer
                           recursor refused too-many-at-once 7
                dns64      on but where a view says otherwise
                           2001:db8:6:2::/64 off (runtime), 1 rule, 12 filters, asked 4,100
                           off for clients that ask over IPv4
                settings   /etc/nat64-appliance/appliance.toml and 1 drop-in, policy generation 3
                           clients 2001:db8:6::/48
                           last reload 1 minute 1 second ago refused, the settings before it are in force:
                             appliance.toml:23: prefx: no such key; did you mean "prefix"?

                """
        )
    }

    @Test("a box that is down says why in its first line, and zeros are shown")
    func down() throws {
        #expect(
            try text(.down) == """
                DOWN: net.ipv6.conf.all.forwarding is 0: no packets of clients. Set net.ipv6.conf.all.forwarding=1.
                  failure: There is no IPv4 default route. Add one.
                nat64-appliance 1.4.0, up 59 seconds
                dataplane  failed on nat64, mtu 1500, 2 workers, no offloads
                           prefix 64:ff9b::/96
                           sessions 0   tcp 0   udp 0   icmp 0
                           bindings 0   tcp 0   udp 0   icmp 0
                           6to4 0 packets, 0 octets
                           4to6 0 packets, 0 octets
                           hairpinned 12   handed back 3,456   answered 78
                           dropped malformed 87, destination-outside-prefix 1,117, pool-exhausted 0,
                                   no-session 9,210
                network    running, routes 0 of 1 in place, pool addresses 0 of 0 in place, 2 repaired
                           64:ff9b::/96 on nat64 missing: a foreign route stands in its place
                           uplink none
                           forwarding not in order: net.ipv6.conf.all.forwarding is 0
                resolver   stopped on 0 sockets, 2 workers, upstreams 0 of 0 well
                           listening on none
                           queries 0   from cache 0 %   failed 12
                           answers synthesized 0 %   native 0 %
                           refused none
                           cache 12,000 answers, 3.1 MiB of 64.0 MiB   connections 6, refused 2
                dns64      on for all clients
                settings   as built in, policy generation 1
                           clients none

                """
        )
    }

    @Test("an expired certificate, files that cannot be used and a recursor that is gone are marked")
    func troubles() throws {
        var report = StatusReport.working
        report.resolver.encryption?.certificate?.secondsLeft = -5
        report.resolver.encryption?.certificate?.problem = "/etc/dns.key: cannot be read"
        report.resolver.recursor?.process = nil
        report.resolver.recursor?.landlock = false
        let lines = try text(report).split(separator: "\n")
        for line in [
            "certificate /etc/dns.pem expired, renewed 1 time", "not usable now: /etc/dns.key: cannot be read",
            "recursor not running, restarted 2 times, 1 time because it did not answer",
            "recursor kept from files by seccomp alone: this kernel has no Landlock",
        ] {
            #expect(lines.contains { $0.hasSuffix(line) }, "\(line)")
        }
    }

    @Test("a part of the pool that drains is shown as such, with the time it has left if there is a limit")
    func draining() throws {
        var report = StatusReport.working
        report.dataplane.pool[0].isDraining = true
        #expect(try text(report).contains("(1,888,911 of 3,096,576), draining\n"))
        report.dataplane.pool[0].drainSecondsLeft = 341
        #expect(try text(report).contains("(1,888,911 of 3,096,576), draining, 5 minutes 41 seconds left\n"))
    }

    @Test("an encrypted listener is shown with how it is asked")
    func encrypted() throws {
        var report = StatusReport.working
        report.resolver.sockets.append(ListeningSocket(address: "192.0.2.1:853", transport: "tls"))
        report.resolver.sockets.append(ListeningSocket(address: "192.0.2.1:443", transport: "https"))
        #expect(try text(report).contains("192.0.2.1:53 udp only, 192.0.2.1:853 tls,"))
        #expect(try text(report).contains(" 192.0.2.1:443 https\n"))
    }

    @Test("--explain says what every reason that was met means")
    func explain() throws {
        let lines = try text(.working, ["--explain"]).split(separator: "\n").map(String.init)
        let start = try #require(lines.firstIndex { $0.hasPrefix("explained") })
        #expect(
            lines[start...].joined(separator: "\n") == """
                explained  what was dropped, refused or counted, and why
                           malformed 87: Too short or inconsistent to read.
                           destination-outside-prefix 1,117: No prefix holds the destination.
                           no-session 9,210: Nobody here asked for this packet.
                           not-a-client 12: The asker is not in clients.allow.
                           filtered 31: The answer was changed by the filter.
                           good-cookies 1,204: The question had a cookie of ours.
                """
        )
    }

    @Test("colours mark the verdict and what is wrong, and taking them out gives the plain text")
    func colours() throws {
        let coloured = try text(.down, colours: true)
        #expect(coloured.hasPrefix("\u{1B}[31mDOWN\u{1B}[0m: "))
        #expect(try coloured.replacing(/\x1B\[[0-9]*m/, with: "") == text(.down))
        #expect(try text(.working, colours: true).hasPrefix("\u{1B}[32mWORKING\u{1B}[0m: "))
        #expect(try !text(.working).contains("\u{1B}"))
    }

    @Test("no line of a box in good order is wider than 100 columns")
    func width() throws {
        for line in try text(.working).split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
    }
}

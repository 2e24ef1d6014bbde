extension OpenAPIDocument {
    /// What the bodies look like.
    static let schemas = "\"schemas\": {\n\(reportSchemas),\n\(tableSchemas)\n}\n"

    private static let reportSchemas = #"""
          "StatusReport": {
            "type": "object", "description": "What the appliance knows about itself at one moment.",
            "required": ["version", "uptimeSeconds", "verdict", "findings", "dataplane", "network", "resolver", "views", "configuration"],
            "properties": {
              "version": { "type": "string", "description": "Of the running daemon." },
              "uptimeSeconds": { "type": "integer", "minimum": 0, "description": "Since the daemon was ready." },
              "verdict": { "type": "string", "enum": ["working", "degraded", "down"], "description": "Whether it works: the gravest finding decides." },
              "findings": { "type": "array", "items": {"$ref": "#/components/schemas/Finding"}, "description": "What is wrong or worth knowing, the gravest first." },
              "dataplane": { "$ref": "#/components/schemas/DataplaneStatus" },
              "network": { "$ref": "#/components/schemas/NetworkStatus" },
              "resolver": { "$ref": "#/components/schemas/ResolverStatus" },
              "views": { "$ref": "#/components/schemas/ViewList" },
              "configuration": { "$ref": "#/components/schemas/ConfigurationStatus" }
            }
          },
          "Finding": {
            "type": "object", "description": "One thing that is wrong or worth knowing.",
            "required": ["code", "severity", "problem", "remedy"],
            "properties": {
              "code": { "type": "string", "description": "A name for programs, in kebab case, that does not change." },
              "severity": { "type": "string", "enum": ["failure", "warning", "note"], "description": "failure: down; warning: degraded." },
              "problem": { "type": "string", "description": "What is wrong: a sentence." },
              "remedy": { "type": "string", "description": "What to do: a sentence." }
            }
          },
          "PartState": { "type": "string", "enum": ["starting", "running", "stopped", "failed"], "description": "What a part is doing." },
          "DataplaneStatus": {
            "type": "object", "description": "The translating half.",
            "required": ["state", "device", "mtu", "workers", "offloads", "refusedOffloads", "prefixes", "pool", "sessions", "bindings", "staticBindings", "traffic6to4", "traffic4to6", "hairpinned", "handedBack", "answered", "mergedSegments", "awakeMilliseconds", "drops", "uncountedClients"],
            "properties": {
              "state": { "$ref": "#/components/schemas/PartState" },
              "device": { "type": "string", "description": "The TUN device." },
              "mtu": { "type": "integer", "minimum": 0, "description": "Of the device, in octets." },
              "workers": { "type": "integer", "minimum": 0, "description": "Queues, each with a thread." },
              "offloads": { "type": "array", "items": {"type": "string"}, "description": "In use: checksum, tso4, tso6, uso4, uso6." },
              "refusedOffloads": { "type": "array", "items": {"type": "string"}, "description": "Not known to this kernel." },
              "prefixes": { "type": "array", "items": {"type": "string"}, "description": "The translation prefixes, the one to prefer first." },
              "pool": { "type": "array", "items": {"$ref": "#/components/schemas/PoolEntry"} },
              "sessions": { "$ref": "#/components/schemas/TableUse" },
              "bindings": { "$ref": "#/components/schemas/TableUse" },
              "overloadedBindings": { "type": "integer", "minimum": 0, "description": "Bindings whose port other clients have too." },
              "portBlocks": { "type": "integer", "minimum": 0, "description": "Blocks of ports that client networks have." },
              "portBlocksTotal": { "type": "integer", "minimum": 0, "description": "Blocks of ports there are." },
              "withheldPorts": { "type": "integer", "minimum": 0, "description": "Ports kept from clients because programs of the host have them." },
              "staticBindings": { "type": "integer", "minimum": 0, "description": "Bindings that the operator wrote down, each port counted." },
              "traffic6to4": { "$ref": "#/components/schemas/Traffic" },
              "traffic4to6": { "$ref": "#/components/schemas/Traffic" },
              "hairpinned": { "type": "integer", "minimum": 0, "description": "Packets from one client to another." },
              "handedBack": { "type": "integer", "minimum": 0, "description": "Packets that belong to the host itself." },
              "answered": { "type": "integer", "minimum": 0, "description": "Packets answered with an ICMP error." },
              "mergedSegments": { "type": "integer", "minimum": 0, "description": "TCP segments that came one by one and left together." },
              "awakeMilliseconds": { "type": "integer", "minimum": 0, "description": "For how long workers kept the machine's CPUs awake, added up." },
              "drops": { "type": "array", "items": {"$ref": "#/components/schemas/ReasonCount"}, "description": "Every reason, in a fixed order, also those never met." },
              "uncountedClients": { "type": "integer", "minimum": 0, "description": "Times that a client network could not be held to its limits, because too many others were active." },
              "steering": { "$ref": "#/components/schemas/SteeringStatus" }
            }
          },
          "PoolEntry": {
            "type": "object", "description": "A part of the pool.",
            "required": ["addresses", "ports", "portsInUse", "portsTotal"],
            "properties": {
              "addresses": { "type": "string", "description": "A prefix, a range or an address." },
              "sharedInterface": { "type": "string", "description": "The interface whose own address this is." },
              "ports": { "type": "string", "description": "Of each address: 1024-65535." },
              "portsInUse": { "type": "integer", "minimum": 0, "description": "Over all addresses and protocols." },
              "portsTotal": { "type": "integer", "minimum": 0, "description": "Over all addresses and protocols." },
              "isDraining": { "type": "boolean", "description": "Taken out of the pool, waiting for its last bindings to end." },
              "drainSecondsLeft": { "type": "integer", "minimum": 0, "description": "How long those bindings may live; left out if there is no limit (nat64.drain-time)." }
            }
          },
          "TableUse": {
            "type": "object", "description": "How full a table is.",
            "required": ["tcp", "udp", "icmp"],
            "properties": {
              "tcp": { "type": "integer", "minimum": 0, "description": "Entries of TCP." },
              "udp": { "type": "integer", "minimum": 0, "description": "Entries of UDP." },
              "icmp": { "type": "integer", "minimum": 0, "description": "Entries of ICMP queries." },
              "limit": { "type": "integer", "minimum": 0, "description": "Entries there is room for, of all protocols together." },
              "made": { "type": "integer", "minimum": 0, "description": "Entries made since the start." }
            }
          },
          "Traffic": {
            "type": "object", "description": "Translated packets of one direction.",
            "required": ["packets", "octets"],
            "properties": {
              "packets": { "type": "integer", "minimum": 0, "description": "A super-packet counts as one." },
              "octets": { "type": "integer", "minimum": 0, "description": "As IP counts them on the side they came from." },
              "packetsPerSecond": { "type": "number", "description": "Of late." },
              "octetsPerSecond": { "type": "number", "description": "Of late." }
            }
          },
          "SteeringStatus": {
            "type": "object", "description": "How packets find the worker that owns their shard.",
            "required": ["programLoaded"],
            "properties": {
              "programLoaded": { "type": "boolean", "description": "Whether a steering program is loaded." },
              "reason": { "type": "string", "description": "Why there is none." },
              "lockWaits": { "type": "integer", "minimum": 0, "description": "Packets that waited for a lock." },
              "hits": { "type": "integer", "minimum": 0, "description": "Packets that met the worker of their own shard; none with one worker." },
              "misses": { "type": "integer", "minimum": 0, "description": "Packets that met another worker." },
              "workers": { "type": "array", "items": {"$ref": "#/components/schemas/WorkerSteering"}, "description": "The same for each worker; none with one." }
            }
          },
          "WorkerSteering": {
            "type": "object", "description": "What came to a worker, and how contended its shards are.",
            "required": ["hits", "misses", "lockWaits"],
            "properties": {
              "hits": { "type": "integer", "minimum": 0, "description": "Packets that came to it and are of its own shards." },
              "misses": { "type": "integer", "minimum": 0, "description": "Packets that came to it and are of another's." },
              "lockWaits": { "type": "integer", "minimum": 0, "description": "Packets of any worker that waited for the lock of one of its shards." }
            }
          },
          "NetworkStatus": {
            "type": "object", "description": "What stands in the kernel on our behalf, and the way out.",
            "required": ["state", "routes", "poolAddresses", "repairs", "followed", "forwarding"],
            "properties": {
              "state": { "$ref": "#/components/schemas/PartState" },
              "routes": { "type": "array", "items": {"$ref": "#/components/schemas/InstalledEntry"} },
              "poolAddresses": { "type": "array", "items": {"$ref": "#/components/schemas/InstalledEntry"} },
              "repairs": { "type": "integer", "minimum": 0, "description": "How often something was missing and put back." },
              "followed": { "type": "integer", "minimum": 0, "description": "How often the data plane followed links and addresses that changed." },
              "forwarding": { "type": "array", "items": {"$ref": "#/components/schemas/Finding"}, "description": "What is wrong with the host's forwarding settings." },
              "uplink": { "$ref": "#/components/schemas/Uplink" }
            }
          },
          "InstalledEntry": {
            "type": "object", "description": "Something in the kernel's tables.",
            "required": ["name", "device", "inPlace"],
            "properties": {
              "name": { "type": "string", "description": "A prefix or an address." },
              "device": { "type": "string", "description": "The interface it stands on." },
              "inPlace": { "type": "boolean", "description": "Whether it stands there now." },
              "problem": { "type": "string", "description": "Why not." }
            }
          },
          "Uplink": {
            "type": "object", "description": "The way to the IPv4 internet.",
            "required": ["interface", "addresses"],
            "properties": {
              "interface": { "type": "string", "description": "Where the default route leads." },
              "addresses": { "type": "array", "items": {"type": "string"}, "description": "Its own IPv4 addresses." },
              "mtu": { "type": "integer", "minimum": 0, "description": "In octets." }
            }
          },
          "ResolverStatus": {
            "type": "object", "description": "The resolving half.",
            "required": ["state", "workers", "sockets", "listenProblems", "upstreams", "queries", "fromCache", "synthesized", "native", "failed", "refused", "counts", "cache", "tcpConnections", "connectionsRefused", "transports"],
            "properties": {
              "state": { "$ref": "#/components/schemas/PartState" },
              "workers": { "type": "integer", "minimum": 0, "description": "Threads." },
              "sockets": { "type": "array", "items": {"$ref": "#/components/schemas/ListeningSocket"} },
              "listenProblems": { "type": "array", "items": {"$ref": "#/components/schemas/ListenProblem"} },
              "upstreams": { "type": "array", "items": {"$ref": "#/components/schemas/UpstreamStatus"}, "description": "The one to prefer first." },
              "queries": { "type": "integer", "minimum": 0, "description": "Received since the start." },
              "queriesPerSecond": { "type": "number", "description": "Of late." },
              "fromCache": { "type": "integer", "minimum": 0, "description": "Answered from the cache." },
              "synthesized": { "type": "integer", "minimum": 0, "description": "Answers with AAAA records made from A records." },
              "native": { "type": "integer", "minimum": 0, "description": "Answers with AAAA records of the name itself." },
              "failed": { "type": "integer", "minimum": 0, "description": "No upstream had an answer." },
              "refused": { "type": "array", "items": {"$ref": "#/components/schemas/ReasonCount"}, "description": "Every reason, in a fixed order, also those never met." },
              "counts": { "type": "array", "items": {"$ref": "#/components/schemas/ReasonCount"}, "description": "Everything else that is counted, in a fixed order." },
              "cache": { "$ref": "#/components/schemas/CacheStatus" },
              "tcpConnections": { "type": "integer", "minimum": 0, "description": "Of clients, open now, the encrypted ones included." },
              "connectionsRefused": { "type": "integer", "minimum": 0, "description": "Closed or refused because of a limit." },
              "transports": { "type": "array", "items": {"$ref": "#/components/schemas/TransportUse"}, "description": "What came by each way of asking." },
              "encryption": { "$ref": "#/components/schemas/EncryptionStatus" },
              "recursor": { "$ref": "#/components/schemas/RecursorStatus" }
            }
          },
          "TransportUse": {
            "type": "object", "description": "What came by one way of asking.",
            "required": ["transport", "questions"],
            "properties": {
              "transport": { "type": "string", "enum": ["udp", "tcp", "tls", "https"] },
              "questions": { "type": "integer", "minimum": 0, "description": "Since the start." },
              "connections": { "type": "integer", "minimum": 0, "description": "Open now." }
            }
          },
          "EncryptionStatus": {
            "type": "object", "description": "The encrypted listeners.",
            "required": ["failedHandshakes", "refusedRequests", "endedFloods"],
            "properties": {
              "failedHandshakes": { "type": "integer", "minimum": 0, "description": "Connections that ended before their handshake did." },
              "refusedRequests": { "type": "integer", "minimum": 0, "description": "Requests of HTTP answered with a status other than 200." },
              "endedFloods": { "type": "integer", "minimum": 0, "description": "Connections of HTTP/2 ended because of what they sent." },
              "certificate": { "$ref": "#/components/schemas/CertificateStatus" }
            }
          },
          "CertificateStatus": {
            "type": "object", "description": "What encrypted listeners show to clients.",
            "required": ["file", "renewals"],
            "properties": {
              "file": { "type": "string", "description": "Where it comes from." },
              "expires": { "type": "integer", "description": "When the first of its chain expires, in seconds since 1970." },
              "secondsLeft": { "type": "integer", "description": "Until then; below zero once it has expired." },
              "renewals": { "type": "integer", "minimum": 0, "description": "How often another one was read since the start." },
              "problem": { "type": "string", "description": "Why the files as they are now cannot be used." },
              "missingName": { "type": "string", "description": "The name of the resolver, if the certificate is not for it." },
              "missingAddresses": { "type": "array", "items": { "type": "string" }, "description": "The addresses of the resolver that the certificate is not for." }
            }
          },
          "RecursorStatus": {
            "type": "object", "description": "The child process that resolves and validates.",
            "required": ["restarts", "restartsOfLate", "hangs", "refused"],
            "properties": {
              "process": { "type": "integer", "minimum": 1, "description": "Its number; missing while it is to be started again." },
              "restarts": { "type": "integer", "minimum": 0, "description": "How often it ended, or was ended because it did not answer." },
              "restartsOfLate": { "type": "integer", "minimum": 0, "description": "How many of these fell into the last ten minutes." },
              "hangs": { "type": "integer", "minimum": 0, "description": "How often it was ended because it did not answer." },
              "refused": { "type": "integer", "minimum": 0, "description": "How many questions it refused, because it had as many under way as it may." },
              "landlock": { "type": "boolean", "description": "Whether Landlock keeps it from files; if not, this kernel has none and seccomp does so alone. Missing until it has said so." }
            }
          },
          "ListeningSocket": {
            "type": "object", "description": "An address listened on.",
            "required": ["address", "transport"],
            "properties": {
              "address": { "type": "string", "description": "Address and port." },
              "transport": { "type": "string", "enum": ["udp", "tcp", "tls", "https"] }
            }
          },
          "ListenProblem": {
            "type": "object", "description": "An address not listened on.",
            "required": ["address", "transport", "problem"],
            "properties": {
              "address": { "type": "string", "description": "Address and port." },
              "transport": { "type": "string", "enum": ["udp", "tcp", "tls", "https"] },
              "problem": { "type": "string", "description": "Why not." }
            }
          },
          "UpstreamStatus": {
            "type": "object", "description": "A resolver we ask.",
            "required": ["address", "health", "asked", "failures"],
            "properties": {
              "address": { "type": "string", "description": "Address and port, or URL." },
              "health": { "type": "string", "enum": ["well", "failing", "untried"], "description": "How it does." },
              "roundTripMilliseconds": { "type": "number", "description": "Smoothed." },
              "asked": { "type": "integer", "minimum": 0, "description": "Questions put to it." },
              "failures": { "type": "integer", "minimum": 0, "description": "Questions unanswered or failed." },
              "lastProblem": { "type": "string", "description": "What went wrong last." }
            }
          },
          "CacheStatus": {
            "type": "object", "description": "The answer cache.",
            "required": ["entries", "octets", "limitOctets"],
            "properties": {
              "entries": { "type": "integer", "minimum": 0, "description": "Answers kept." },
              "octets": { "type": "integer", "minimum": 0, "description": "What they take." },
              "limitOctets": { "type": "integer", "minimum": 0, "description": "What they may take." }
            }
          },
          "ConfigurationStatus": {
            "type": "object", "description": "Where the settings come from.",
            "required": ["dropIns", "policyGeneration", "clients"],
            "properties": {
              "file": { "type": "string", "description": "The configuration file." },
              "dropIns": { "type": "array", "items": {"type": "string"} },
              "policyGeneration": { "type": "integer", "minimum": 0, "description": "Counts up with every change of policy." },
              "clients": { "type": "array", "items": {"type": "string"}, "description": "The networks that are served." },
              "lastReload": { "$ref": "#/components/schemas/LastReload" }
            }
          },
          "LastReload": {
            "type": "object", "description": "What became of the last reload.",
            "required": ["secondsAgo", "applied", "problems"],
            "properties": {
              "secondsAgo": { "type": "integer", "minimum": 0, "description": "Since it was asked for." },
              "applied": { "type": "boolean", "description": "Whether its settings are in force." },
              "problems": { "type": "array", "items": {"type": "string"}, "description": "Why not." }
            }
          },
          "ReasonCount": {
            "type": "object", "description": "A reason and how often it was met.",
            "required": ["name", "count", "explanation"],
            "properties": {
              "name": { "type": "string", "description": "In kebab case." },
              "count": { "type": "integer", "minimum": 0, "description": "Since the start." },
              "explanation": { "type": "string", "description": "What it means: a sentence." }
            }
          },
          "ViewList": {
            "type": "object", "description": "Where DNS64 is on and off.",
            "required": ["synthesizeByDefault", "synthesizeOverIPv4", "views", "otherQuestions"],
            "properties": {
              "synthesizeByDefault": { "type": "boolean", "description": "For clients that no view names." },
              "synthesizeOverIPv4": { "type": "boolean", "description": "For clients that ask over IPv4." },
              "views": { "type": "array", "items": {"$ref": "#/components/schemas/ViewEntry"}, "description": "Most specific network first." },
              "otherQuestions": { "type": "integer", "minimum": 0, "description": "Questions of clients that no view names, since the start." }
            }
          },
          "ViewEntry": {
            "type": "object", "description": "How DNS64 treats a network.",
            "required": ["network", "synthesize", "origin", "rules", "filters", "questions"],
            "properties": {
              "network": { "type": "string", "description": "A prefix." },
              "synthesize": { "type": "boolean", "description": "Whether AAAA records are made from A records." },
              "origin": { "type": "string", "enum": ["default", "file", "runtime"], "description": "Who said so." },
              "rules": { "type": "integer", "minimum": 0, "description": "Forwarding rules of its own, or of the next wider view that has any." },
              "filters": { "type": "integer", "minimum": 0, "description": "Filters that hold for its clients." },
              "questions": { "type": "integer", "minimum": 0, "description": "Questions of its clients since it is there; of the 63 most specific views." }
            }
          },
          "ViewChange": {
            "type": "object", "description": "The wish to switch DNS64 for a network.",
            "required": ["network", "synthesize"],
            "properties": {
              "network": { "type": "string", "description": "A prefix." },
              "synthesize": { "type": "boolean", "description": "Whether AAAA records shall be made from A records." }
            }
          },
          "ReloadReport": {
            "type": "object", "description": "What became of a reload.",
            "required": ["applied", "changed", "needsRestart", "problems"],
            "properties": {
              "applied": { "type": "boolean", "description": "Whether the settings of the file are in force." },
              "changed": { "type": "array", "items": {"type": "string"}, "description": "Keys whose values changed." },
              "needsRestart": { "type": "array", "items": {"type": "string"}, "description": "Keys whose new values wait for a restart." },
              "problems": { "type": "array", "items": {"type": "string"}, "description": "Why the file was refused." }
            }
          },
          "VersionReport": {
            "type": "object", "description": "The version of the running daemon.",
            "required": ["version", "api"],
            "properties": {
              "version": { "type": "string", "description": "Of the daemon." },
              "api": { "type": "string", "description": "Of this API." }
            }
          },
          "Problem": {
            "type": "object", "description": "Why a request was not done (RFC 9457).",
            "required": ["status", "title", "detail"],
            "properties": {
              "status": { "type": "integer", "minimum": 0, "description": "The HTTP status." },
              "title": { "type": "string", "description": "What kind of problem." },
              "detail": { "type": "string", "description": "What is wrong and what to do." },
              "problems": { "type": "array", "items": {"type": "string"}, "description": "The single problems, if there are several." }
            }
          }
        """#
}

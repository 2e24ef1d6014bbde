// swift-tools-version: 6.2
// The manifest is the map of the house: targets stand in layer order and import downward only.
import PackageDescription

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]
/// Every shipped module: an unsafe operation must be spelled `unsafe`.
let shipped = common + [.strictMemorySafety()]
/// Modules on the packet path and the answer path: no `any`; release builds leave out the run-time exclusivity
/// checks, which debug builds and the sanitizers keep.
let hotPath =
    shipped + [
        .treatWarning("ExistentialType", as: .error),
        .define("PACKET_PATH_CHECKS", .when(configuration: .release)),
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    ]
/// Modules that lend spans of memory they own.
let lendsSpans = hotPath + [.enableExperimentalFeature("Lifetimes")]
/// C targets see the whole of Linux.
let linuxC: [CSetting] = [.define("_GNU_SOURCE"), .unsafeFlags(["-Wall", "-Wextra", "-Werror"])]

let package = Package(
    name: "nat64-appliance",
    products: [
        .executable(name: "nat64-appliance", targets: ["nat64-appliance"]),
        // What the fuzzers feed: everything that reads what strangers or operators send.
        .library(
            name: "Engines",
            targets: [
                "Configuration", "ControlAPI", "DNS64", "DNSWire", "IPAddressing", "Linux", "NAT64", "PacketMemory",
                "PacketWire", "Policy", "TestPackets",
                "Timing",
            ]
        ),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        // 0: words, memory and the doors to C
        .target(name: "Timing", swiftSettings: hotPath),
        .target(name: "IPAddressing", swiftSettings: hotPath),
        .target(name: "PacketMemory", swiftSettings: lendsSpans),
        .systemLibrary(name: "CPrefetch"),
        .target(name: "CLinux", cSettings: linuxC),
        .systemLibrary(
            name: "CLibNL",
            pkgConfig: "libnl-route-3.0",
            providers: [.apt(["libnl-3-dev", "libnl-route-3-dev"])]
        ),
        .target(name: "CNetlink", dependencies: ["CLibNL"], cSettings: linuxC),
        .systemLibrary(name: "CCapability", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .systemLibrary(
            name: "CUnbound",
            pkgConfig: "libunbound",
            providers: [.apt(["libunbound-dev", "libevent-dev"])]
        ),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),

        // 1: octets on the wire, the one Policy, the kernel
        .target(name: "PacketWire", dependencies: ["IPAddressing", "PacketMemory"], swiftSettings: hotPath),
        .target(name: "DNSWire", dependencies: ["IPAddressing", "PacketMemory"], swiftSettings: hotPath),
        .target(name: "Policy", dependencies: ["IPAddressing"], swiftSettings: hotPath),
        .target(name: "ControlAPI", dependencies: ["Timing"], swiftSettings: shipped),
        .target(
            name: "Linux",
            dependencies: ["CLinux", "CCapability", "CSystemd", "IPAddressing", "PacketMemory", "Timing"],
            swiftSettings: lendsSpans
        ),
        .target(name: "Netlink", dependencies: ["CNetlink", "IPAddressing"], swiftSettings: shipped),

        // 2: the engines, which do no input or output and read no clock
        .target(
            name: "NAT64",
            dependencies: ["CPrefetch", "IPAddressing", "PacketMemory", "PacketWire", "Policy", "Timing"],
            swiftSettings: lendsSpans
        ),
        .target(
            name: "DNS64",
            dependencies: ["DNSWire", "IPAddressing", "PacketMemory", "Policy", "Timing"],
            swiftSettings: lendsSpans
        ),

        // 3: the operator's words
        .target(
            name: "Configuration",
            dependencies: [
                "DNS64", "DNSWire", "IPAddressing", "Linux", "NAT64", "PacketMemory", "Policy", "Timing",
                .product(name: "TOMLKit", package: "TOMLKit"),
            ],
            swiftSettings: shipped
        ),

        // 4: engines meet the kernel
        .target(
            name: "Dataplane",
            dependencies: ["IPAddressing", "Linux", "NAT64", "PacketMemory", "PacketWire", "Policy", "Timing"],
            swiftSettings: lendsSpans
        ),
        .target(
            name: "Recursion",
            dependencies: ["CUnbound", "DNSWire", "IPAddressing", "Linux", "PacketMemory"],
            swiftSettings: shipped
        ),
        .target(
            name: "Resolver",
            dependencies: [
                "DNS64", "DNSWire", "IPAddressing", "Linux", "PacketMemory", "Policy", "Recursion", "Timing",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: shipped + [.enableExperimentalFeature("Lifetimes")]
        ),
        .target(
            name: "Control",
            dependencies: [
                "ControlAPI", "Linux",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: shipped
        ),

        // 5: the whole appliance, and the operator's command
        .target(
            name: "Appliance",
            dependencies: [
                "Configuration", "Control", "ControlAPI", "DNS64", "Dataplane", "IPAddressing", "Linux", "NAT64",
                "Netlink",
                "PacketMemory", "Policy", "Recursion", "Resolver", "Timing",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: shipped
        ),
        .target(
            name: "ControlClient",
            dependencies: ["ControlAPI", "Linux", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: shipped
        ),

        // 6: one executable that acts on the name it is called by
        .executableTarget(
            name: "nat64-appliance",
            dependencies: [
                "Appliance", "ControlClient", "Linux", "Recursion",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: shipped
        ),

        // Tests mirror the modules.
        .testTarget(name: "IPAddressingTests", dependencies: ["IPAddressing"], swiftSettings: common),
        .testTarget(name: "PacketMemoryTests", dependencies: ["PacketMemory"], swiftSettings: common),
        .testTarget(
            name: "PacketWireTests",
            dependencies: ["PacketWire", "IPAddressing", "PacketMemory", "TestPackets"],
            swiftSettings: common
        ),
        .testTarget(
            name: "DNSWireTests",
            dependencies: ["DNSWire", "IPAddressing", "PacketMemory"],
            swiftSettings: common
        ),
        .testTarget(name: "PolicyTests", dependencies: ["Policy", "IPAddressing"], swiftSettings: common),
        .testTarget(
            name: "LinuxTests",
            dependencies: [
                "CLinux", "Linux", "IPAddressing", "Timing", "PacketMemory", "MortalProcess", "TestNamespace",
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "NetlinkTests",
            dependencies: ["Netlink", "IPAddressing", "Linux", "TestNamespace"],
            swiftSettings: common
        ),
        .testTarget(
            name: "NAT64Tests",
            dependencies: ["NAT64", "PacketWire", "IPAddressing", "PacketMemory", "Policy", "TestPackets", "Timing"],
            swiftSettings: common
        ),
        .testTarget(
            name: "DNS64Tests",
            dependencies: ["DNS64", "DNSWire", "IPAddressing", "PacketMemory", "Policy", "Timing"],
            exclude: ["Scenarios"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: [
                "Configuration", "DNS64", "DNSWire", "NAT64", "PacketMemory", "Policy", "IPAddressing", "Timing",
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ControlTests",
            dependencies: ["Control", "ControlAPI", "ControlClient", "Linux", "TestNamespace"],
            swiftSettings: common
        ),
        .testTarget(
            name: "DataplaneTests",
            dependencies: [
                "Dataplane", "IPAddressing", "Linux", "NAT64", "PacketMemory", "PacketWire", "Policy", "TestNamespace",
                "TestPackets", "Timing",
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ResolverTests",
            dependencies: [
                "Resolver", "DNS64", "DNSWire", "Linux", "PacketMemory", "Policy", "IPAddressing", "Recursion",
                "TestNamespace", "Timing", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ApplianceTests",
            dependencies: [
                "Appliance", "Configuration", "Control", "ControlAPI", "ControlClient", "DNS64", "DNSWire",
                "IPAddressing", "Linux", "NAT64", "Netlink", "PacketMemory", "PacketWire", "Policy", "Resolver",
                "TestNamespace", "TestPackets", "Timing", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "RecursionTests",
            dependencies: ["Recursion", "DNSWire", "IPAddressing", "Linux", "PacketMemory"],
            swiftSettings: common
        ),
        // A process that ends in the ways a test wants.
        .executableTarget(
            name: "MortalProcess",
            dependencies: ["CForbiddenActs", "Linux", "Timing"],
            path: "Tests/MortalProcess",
            swiftSettings: common
        ),
        // What a confined process must not be able to do.
        .target(name: "CForbiddenActs", path: "Tests/CForbiddenActs", cSettings: linuxC),
        // The packets whose instructions Tests/InstructionBudget counts.
        .executableTarget(
            name: "EngineCost",
            dependencies: ["IPAddressing", "NAT64", "PacketMemory", "PacketWire", "Policy", "TestPackets", "Timing"],
            path: "Tests/InstructionBudget/EngineCost",
            swiftSettings: common
        ),
        // What the instruction budget counts of the resolver.
        .executableTarget(
            name: "AnswerCost",
            dependencies: ["DNS64", "DNSWire", "IPAddressing", "PacketMemory", "Policy", "Timing"],
            path: "Tests/InstructionBudget/AnswerCost",
            swiftSettings: common
        ),
        // What a packet costs in the translator alone.
        .executableTarget(
            name: "TranslatorBench",
            dependencies: ["CPrefetch", "IPAddressing", "NAT64", "PacketMemory", "Policy", "Timing"],
            path: "Tests/TranslatorBench",
            swiftSettings: common
        ),
        // Packets in words, as tests write them.
        .target(
            name: "TestPackets",
            dependencies: ["IPAddressing", "PacketMemory", "PacketWire"],
            path: "Tests/TestPackets",
            swiftSettings: common
        ),
        // A test body on a thread of its own in a network namespace of its own.
        .target(name: "CTestNamespace", path: "Tests/CTestNamespace", cSettings: linuxC),
        .target(
            name: "TestNamespace",
            dependencies: ["CTestNamespace"],
            path: "Tests/TestNamespace",
            swiftSettings: common
        ),
    ]
)

// swift-tools-version: 6.2
// One fuzz target for each decoder. A package of its own, because everything in it is built with libFuzzer's instrumentation.
// Decoders of modules that would bring NIO along are compiled in by links to their sources.
//
//   Tests/Fuzz/fuzz.sh 60           a minute for each target, from its corpus
//   Tests/Fuzz/fuzz.sh runs 1000000 a million packets and as many queries, the same ones every time
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-parse-as-library"]),
]
func decoder(_ name: String) -> Target {
    .executableTarget(
        name: name,
        dependencies: [.product(name: "Engines", package: "nat64-appliance"), "FuzzedInput"],
        swiftSettings: settings
    )
}

let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "nat64-appliance", path: "../..")],
    targets: [
        .target(
            name: "FuzzedInput",
            dependencies: [.product(name: "Engines", package: "nat64-appliance")],
            swiftSettings: settings
        ),
        decoder("FuzzPacketLayout"),
        decoder("FuzzTranslator"),
        decoder("FuzzDNSMessage"),
        decoder("FuzzDNSQuery"),
        decoder("FuzzDNSReply"),
        decoder("FuzzConfiguration"),
        decoder("FuzzRuntimeViews"),
        decoder("FuzzControl"),
        decoder("FuzzResolvConf"),
    ]
)

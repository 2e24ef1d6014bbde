import FuzzedInput
import IPAddressing

/// Any octets, read as resolv.conf: a few servers, each once, on port 53.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let servers = SystemResolvers.parse(String(decoding: octets(start, count), as: UTF8.self))
    require(servers.count <= SystemResolvers.most && Set(servers).count == servers.count, "a few, each once")
    require(servers.allSatisfy { $0.endpoint.port.number == 53 }, "the port is that of DNS")
    return 0
}

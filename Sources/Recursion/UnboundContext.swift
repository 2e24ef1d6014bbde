internal import CUnbound
private import Glibc
internal import IPAddressing

/// Why libunbound does not do what it was told.
struct UnboundError: Error, CustomStringConvertible {
    var action: String
    var code: Int32

    var description: String {
        guard let words = unsafe ub_strerror(code) else { return action }
        return unsafe "\(action): \(String(cString: words))"
    }

    static func check(_ code: Int32, _ action: @autoclosure () -> String) throws(UnboundError) {
        if code != 0 { throw UnboundError(action: action(), code: code) }
    }
}

/// A resolver of libunbound with caches of its own, which works within an event loop.
@safe
final class UnboundContext {
    /// What is called with the answer: the user's data, an error code, the message and its length, whether it is
    /// insecure (0), bogus (1) or secure (2), and why it is bogus.
    typealias Answer = ub_event_callback_type

    private let context: OpaquePointer

    /// Makes a context.
    ///
    /// - Parameter validates: Whether this one does; another is for those who check for themselves.
    @unsafe
    init(_ settings: RecursionSettings, validates: Bool, loop: OpaquePointer) throws(UnboundError) {
        guard let context = unsafe ub_ctx_create_event(loop) else {
            throw UnboundError(action: "make a context", code: UB_NOMEM.rawValue)
        }
        unsafe self.context = context
        for (name, value) in Self.options(settings, validates: validates) {
            try UnboundError.check(unsafe ub_ctx_set_option(context, name + ":", value), "\(name): \(value)")
        }
        for forwarder in settings.forwarders {
            let zone = forwarder.scope == 0 ? "" : "%\(forwarder.scope)"
            let text = "\(forwarder.endpoint.address)\(zone)@\(forwarder.endpoint.port.number)"
            try UnboundError.check(unsafe ub_ctx_set_fwd(context, text), "forward to \(text)")
        }
        if validates {
            let file = settings.trustAnchorFile
            try UnboundError.check(unsafe ub_ctx_add_ta_file(context, file), "read trust anchors from \(file)")
        }
    }

    deinit { unsafe ub_ctx_delete(context) }

    private static func options(_ settings: RecursionSettings, validates: Bool) -> [(String, String)] {
        // About a half of the memory is for caches, of which record sets take twice as much as messages, as libunbound's
        // authors advise; the rest is for questions under way and for what knows the servers. Who validates has two
        // contexts.
        let cache = settings.memory / (settings.validates ? 16 : 8)
        var options = [
            ("module-config", validates ? "validator iterator" : "iterator"),
            ("msg-cache-size", String(cache)),
            ("rrset-cache-size", String(cache * 2)),
            ("key-cache-size", String(cache / 2)),
            ("neg-cache-size", String(cache / 4)),
            ("outgoing-range", "4096"),
            ("num-queries-per-thread", "2048"),
            ("edns-buffer-size", "1232"),
            ("do-not-query-localhost", "no"),
            ("unblock-lan-zones", "yes"),
            ("insecure-lan-zones", "yes"),
            ("qname-minimisation", "yes"),
            ("harden-glue", "yes"),
            ("harden-dnssec-stripped", "yes"),
            ("aggressive-nsec", "yes"),
            ("ede", "yes"),
        ]
        if !settings.rootHintsFile.isEmpty { options.append(("root-hints", settings.rootHintsFile)) }
        return options
    }

    /// Asks. The callback may come before this returns.
    @unsafe
    func resolve(
        _ name: [CChar],
        type: UInt16,
        recordClass: UInt16,
        data: UnsafeMutableRawPointer,
        _ answer: @escaping Answer
    ) throws(UnboundError) {
        let code = unsafe ub_resolve_event(context, name, Int32(type), Int32(recordClass), data, answer, nil)
        try UnboundError.check(code, "resolve")
    }
}

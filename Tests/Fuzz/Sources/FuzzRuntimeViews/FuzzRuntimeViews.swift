import Configuration
import FuzzedInput

/// Any octets, read as the views that were switched at runtime: what could be read is written and read again without a complaint.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let (views, problems) = RuntimeViews.parse(octets(start, count), name: "views.toml")
    if let problems { require(problems.description.contains("views.toml"), "a problem names its file") }
    let (again, complaint) = RuntimeViews.parse(Array(views.text.utf8), name: "views.toml")
    require(again == views && complaint == nil, "what we write we can read")
    return 0
}

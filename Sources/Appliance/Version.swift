/// The version of this program, the same as the package's.
public let applianceVersion = "0.1.0"

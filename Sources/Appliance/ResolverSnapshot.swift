internal import Resolver

/// What the resolver says of itself; where the report's type of the same name is seen too, this one cannot be named.
typealias ResolverSnapshot = ResolverStatus

extension OpenAPIDocument {
    /// What the listings of sessions, bindings and ports look like.
    static let tableSchemas = #"""
          "SessionPage": {
            "type": "object", "description": "A slice of the sessions.",
            "required": ["sessions"],
            "properties": {
              "sessions": { "type": "array", "items": {"$ref": "#/components/schemas/SessionEntry"} },
              "next": { "type": "string", "description": "The cursor of the next slice; missing after the last." }
            }
          },
          "SessionEntry": {
            "type": "object", "description": "A session.",
            "required": ["transport", "client", "peer", "external", "secondsLeft"],
            "properties": {
              "transport": { "type": "string", "enum": ["tcp", "udp", "icmp"] },
              "client": { "type": "string", "description": "The IPv6 host: [address]:port." },
              "peer": { "type": "string", "description": "The IPv4 host: address:port." },
              "external": { "type": "string", "description": "What stands for the client: address:port." },
              "state": { "type": "string", "description": "Of TCP, in RFC 6146's spelling." },
              "secondsLeft": { "type": "integer", "minimum": 0, "description": "It lives if no packet comes." }
            }
          },
          "BindingPage": {
            "type": "object", "description": "A slice of the bindings.",
            "required": ["bindings"],
            "properties": {
              "bindings": { "type": "array", "items": {"$ref": "#/components/schemas/BindingEntry"} },
              "next": { "type": "string", "description": "The cursor of the next slice; missing after the last." }
            }
          },
          "BindingEntry": {
            "type": "object", "description": "A binding.",
            "required": ["transport", "client", "external", "sessions", "isStatic"],
            "properties": {
              "transport": { "type": "string", "enum": ["tcp", "udp", "icmp"] },
              "client": { "type": "string", "description": "The IPv6 host: [address]:port." },
              "external": { "type": "string", "description": "What stands for it: address:port." },
              "sessions": { "type": "integer", "minimum": 0, "description": "That use it." },
              "isStatic": { "type": "boolean", "description": "Whether the operator wrote it down." }
            }
          },
          "PortBlockPage": {
            "type": "object", "description": "A slice of the blocks of ports.",
            "required": ["blocks"],
            "properties": {
              "blocks": { "type": "array", "items": {"$ref": "#/components/schemas/PortBlockEntry"} },
              "next": { "type": "string", "description": "The cursor of the next slice; missing after the last." }
            }
          },
          "PortBlockEntry": {
            "type": "object", "description": "A block of ports of one pool address that a client network has.",
            "required": ["client", "address", "ports", "since", "inUse"],
            "properties": {
              "client": { "type": "string", "description": "The client network." },
              "address": { "type": "string", "description": "The pool address." },
              "ports": { "type": "string", "description": "The network's for all protocols: 2048-2111." },
              "since": { "type": "integer", "minimum": 0, "description": "When it was taken, in seconds since 1970." },
              "inUse": { "type": "integer", "minimum": 0, "description": "Ports in use or kept for their last owner, over all protocols." }
            }
          },
          "PortOwner": {
            "type": "object", "description": "Whose an external port is, or was.",
            "required": ["external", "client", "ports", "source"],
            "properties": {
              "external": { "type": "string", "description": "The port asked for: address:port." },
              "client": { "type": "string", "description": "The client network." },
              "ports": { "type": "string", "description": "The ports it has there, this one among them." },
              "since": { "type": "integer", "minimum": 0, "description": "Since when, or when that was confirmed, in seconds since 1970; none if it is computed." },
              "source": { "type": "string", "enum": ["block", "computed", "journal", "static"], "description": "Where the answer comes from; static: nobody has a block with the port." },
              "staticBindings": { "type": "array", "items": {"$ref": "#/components/schemas/StaticBindingEntry"}, "description": "Static bindings that have the port now, each for its protocol; all else holds for the others." }
            }
          },
          "StaticBindingList": {
            "type": "object", "description": "The bindings that the operator wrote down.",
            "required": ["bindings"],
            "properties": {
              "bindings": { "type": "array", "items": {"$ref": "#/components/schemas/StaticBindingEntry"}, "description": "A run of ports as one; those of the file first." }
            }
          },
          "StaticBindingEntry": {
            "type": "object", "description": "A static binding, or a run of them with ports side by side.",
            "required": ["transport", "external", "client", "origin"],
            "properties": {
              "transport": { "type": "string", "enum": ["tcp", "udp", "icmp"] },
              "external": { "type": "string", "description": "What stands for the client: 203.0.113.1:8000-8010." },
              "client": { "type": "string", "description": "The IPv6 host: [2001:db8::5]:8000-8010." },
              "origin": { "type": "string", "enum": ["file", "runtime"], "description": "Who said so." },
              "problem": { "type": "string", "description": "Why it is not in force, or not all of it." }
            }
          },
          "StaticBindingChange": {
            "type": "object", "description": "The wish to have a static binding.",
            "required": ["transport", "external", "client"],
            "properties": {
              "transport": { "type": "string", "enum": ["tcp", "udp", "icmp"] },
              "external": { "type": "string", "description": "An address of the pool with a port, or an identifier, or a range." },
              "client": { "type": "string", "description": "The IPv6 host with as many ports." },
              "replace": { "type": "boolean", "description": "Whether bindings made by traffic that stand in the way end." }
            }
          }
        """#
}

/// The description of the control API, as OpenAPI 3 has it: served at `/v1/openapi.json`.
///
/// A test holds its paths against ``Routes`` and its schemas against what the types of ControlAPI are written as.
package enum OpenAPIDocument {
    /// The whole document.
    package static let text = head + paths + ",\n\"components\": {\n\(responses),\n\(schemas)\n}\n}\n"

    private static let head = #"""
        {
        "openapi": "3.0.3",
        "info": {
          "title": "nat64-appliance control API",
          "version": "1",
          "description": "Spoken on the Unix socket /run/nat64-appliance/control.sock. Reading is for root and members of the socket's group, changing for root. Fields are added between minor versions, never renamed or taken away."
        },
        "servers": [{ "url": "http://localhost", "description": "curl --unix-socket /run/nat64-appliance/control.sock http://localhost/v1/status" }],

        """#

    private static let paths = #"""
        "paths": {
          "/v1/status": {
            "get": {
              "summary": "The report on everything.",
              "responses": {
                "200": { "description": "The report.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/StatusReport" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/sessions": {
            "get": {
              "summary": "A slice of the sessions. Ask again with the cursor of the reply until it has none.",
              "parameters": [
                { "name": "client", "in": "query", "schema": { "type": "string" }, "description": "An IPv6 address or prefix, or [address]:port." },
                { "name": "peer", "in": "query", "schema": { "type": "string" }, "description": "An IPv4 address or prefix, or address:port." },
                { "name": "external", "in": "query", "schema": { "type": "string" }, "description": "An IPv4 address or prefix, or address:port." },
                { "name": "protocol", "in": "query", "schema": { "type": "string", "enum": ["tcp", "udp", "icmp"] } },
                { "name": "state", "in": "query", "schema": { "type": "string" }, "description": "A TCP state of RFC 6146, in any case, with hyphens for spaces: v4-fin-rcv." },
                { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 5000, "default": 1000 } },
                { "name": "cursor", "in": "query", "schema": { "type": "string" }, "description": "The \"next\" of the slice before." }
              ],
              "responses": {
                "200": { "description": "The slice.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/SessionPage" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/bindings": {
            "get": {
              "summary": "A slice of the bindings. Ask again with the cursor of the reply until it has none.",
              "parameters": [
                { "name": "client", "in": "query", "schema": { "type": "string" }, "description": "An IPv6 address or prefix, or [address]:port." },
                { "name": "external", "in": "query", "schema": { "type": "string" }, "description": "An IPv4 address or prefix, or address:port." },
                { "name": "protocol", "in": "query", "schema": { "type": "string", "enum": ["tcp", "udp", "icmp"] } },
                { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 5000, "default": 1000 } },
                { "name": "cursor", "in": "query", "schema": { "type": "string" }, "description": "The \"next\" of the slice before." }
              ],
              "responses": {
                "200": { "description": "The slice.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/BindingPage" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/port-blocks": {
            "get": {
              "summary": "A slice of the blocks of ports that client networks have. Ask again with the cursor of the reply until it has none.",
              "parameters": [
                { "name": "client", "in": "query", "schema": { "type": "string" }, "description": "An IPv6 address or prefix." },
                { "name": "external", "in": "query", "schema": { "type": "string" }, "description": "An IPv4 address or prefix, or address:port." },
                { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 5000, "default": 1000 }, "description": "How many are enough; a few more may come, because those of a network come together." },
                { "name": "cursor", "in": "query", "schema": { "type": "string" }, "description": "The \"next\" of the slice before." }
              ],
              "responses": {
                "200": { "description": "The slice.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/PortBlockPage" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/port-holder": {
            "get": {
              "summary": "Whose an external port is, by blocks and computed ports. 404 if nobody has it, or had it at the time; the journal knows of those who had it before.",
              "parameters": [
                { "name": "external", "in": "query", "required": true, "schema": { "type": "string" }, "description": "address:port." },
                { "name": "time", "in": "query", "schema": { "type": "string" }, "description": "2026-11-26T04:11:01Z, or seconds since 1970; now without it." }
              ],
              "responses": {
                "200": { "description": "Who has it.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/PortOwner" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/static-bindings": {
            "get": {
              "summary": "The static bindings, of the file and added at runtime.",
              "responses": {
                "200": { "description": "All static bindings.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/StaticBindingList" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            },
            "put": {
              "summary": "Add a static binding: in effect at once, kept over a restart. 409 says which client is in its way.",
              "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/StaticBindingChange" } } } },
              "responses": {
                "200": { "description": "All static bindings.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/StaticBindingList" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            },
            "delete": {
              "summary": "Take a static binding away that was added at runtime, and end its sessions.",
              "parameters": [
                { "name": "protocol", "in": "query", "required": true, "schema": { "type": "string", "enum": ["tcp", "udp", "icmp"] } },
                { "name": "external", "in": "query", "required": true, "schema": { "type": "string" }, "description": "As it was added: 203.0.113.1:8000-8010." }
              ],
              "responses": {
                "200": { "description": "All static bindings that are left.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/StaticBindingList" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/views": {
            "get": {
              "summary": "Where DNS64 is on and off.",
              "responses": {
                "200": { "description": "All views.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ViewList" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            },
            "put": {
              "summary": "Switch DNS64 for a network: in effect for the next query, kept over a restart.",
              "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ViewChange" } } } },
              "responses": {
                "200": { "description": "All views, with the change in force.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ViewList" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/views/{network}": {
            "parameters": [
              { "name": "network", "in": "path", "required": true, "schema": { "type": "string" }, "description": "The clients' network, with or without its slash encoded: 2001:db8:6:2::%2F64." }
            ],
            "put": {
              "summary": "Switch DNS64 for a network: in effect for the next query, kept over a restart.",
              "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": { "type": "object", "required": ["synthesize"], "properties": { "synthesize": { "type": "boolean" } } } } }
              },
              "responses": {
                "200": { "description": "All views, with the change in force.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ViewList" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            },
            "delete": {
              "summary": "Forget what was switched for a network, so that the file decides again.",
              "responses": {
                "200": { "description": "All views, with the change in force.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ViewList" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/reload": {
            "post": {
              "summary": "Read the configuration again and put it in force, whole or not at all.",
              "responses": {
                "200": { "description": "The settings of the file are in force.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ReloadReport" } } } },
                "422": { "$ref": "#/components/responses/Problem" },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/version": {
            "get": {
              "summary": "The version of the running daemon.",
              "responses": {
                "200": { "description": "The version.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/VersionReport" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/v1/openapi.json": {
            "get": {
              "summary": "This document.",
              "responses": {
                "200": { "description": "OpenAPI 3.", "content": { "application/json": { "schema": { "type": "object" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          },
          "/metrics": {
            "get": {
              "summary": "The report as Prometheus reads it.",
              "responses": {
                "200": { "description": "Text format 0.0.4.", "content": { "text/plain": { "schema": { "type": "string" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
              }
            }
          }
        }
        """#

    private static let responses = #"""
        "responses": {
          "Problem": {
            "description": "Not done, and why: 400 not understood, 403 not permitted, 404 no such thing, 405 other method, 409 refused, 413 body too large, 422 configuration refused, 431 header too large, 500 failed, 503 not now.",
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
          }
        }
        """#
}

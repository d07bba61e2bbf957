// Package authz decides who may do what with the API: plugins that speak Docker's authorization protocol, and a file
// that says which names of certificates may only read. It knows nothing of what the API does.
//
// netapi/authz asks plugins and reads the policy; netapi/authorize.go stands between the routes and their handlers.
// What a handler would read as parameters is read whole and shown to the plugins first; a body that they cannot see
// whole is refused, or left as a stream of bytes that no handler takes for JSON. A reply is kept back until they have
// seen it or it becomes a stream. The address they see is spelt as the router takes it. The policy judges by the
// matched route, never by the text of a path. A context carries the name of the certificate from the request to the
// bus, which puts it into the events.
package authz

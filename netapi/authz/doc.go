// Package authz decides about requests to the API: with plugins that speak Docker's authorization protocol, and with a
// file that lists which clients may change something. It does not know what the requests do.
//
// netapi/authorize.go calls it between routing and handlers. Plugins see the complete body that a handler parses. A
// body that they cannot see is refused, or it is a stream of bytes in which handlers do not look for parameters. A
// reply is delayed until plugins have seen it, or until it becomes a stream. Plugins see the URI as the router
// understands it, and the policy depends on the matched route instead of the text of the path. The name in the client's
// certificate is in the context of a request, and becomes part of events.
package authz

// Package netapi is Docker's Engine API over HTTP: a table of routes, with a file for each noun, and replies in the
// form of each version of the API. The engine does the work.
//
// Replies have the fields of the requested version (netapi/version). Some old fields are kept in new versions, because
// libraries that use the daemon's newest version still read them: addresses in NetworkSettings, status and id of
// events, the lists of system/df, ContainerConfig of images. Requests cannot use what their version did not have
// (netapi/version/createversion.go). The lowest version is that of Debian's skopeo; the daemon's environment variable
// DOCKER_MIN_API_VERSION raises it. testdata/api has replies of Debian's Docker, and testdata/compare has sessions to
// run against it; differences are listed there with their reasons.
//
// The HTTP interface is fuzzed in CI (make fuzz, netapi/edge_test.go): versions and paths, headers, bodies, and
// hijacked streams that end or break anywhere, against a whole engine whose programs are goroutines; and all routes at
// once with objects in all states (netapi/live_test.go). If a handler or a goroutine of it panics nevertheless, the
// reply is status 500 with an ID under which the stack is in the log (panics). Limits are 1 MiB and 30 s for headers, 4
// MiB for JSON bodies, and 3 minutes for idle connections. Thousands of idle or slow connections do not delay others
// (testdata/script/daemon/idle.txtar).
package netapi

// Package netapi is Docker's Engine API over HTTP: one table of routes, one file a noun, and the reshaping of
// replies for older and newer clients. All that it does is done by the engine.
//
// Replies have the fields of the version that was asked for (netapi/version). Some old fields stay in the newest
// versions too, where libraries that take whatever version the daemon offers still look for them: addresses in
// NetworkSettings, status and id of events, lists of system/df, ContainerConfig of images. What a version did not
// have is also not asked for by it (netapi/version/createversion.go). The lowest version is that of Debian's skopeo;
// DOCKER_MIN_API_VERSION in the environment of the daemon raises it. testdata/api has the replies of Debian's Docker
// and testdata/compare the sessions that are run against it; what differs has its reason beside it.
//
// The edge of HTTP is fuzzed in CI (make fuzz, netapi/edge_test.go): versions and paths, heads, bodies, and hijacked
// streams that are ended or cut anywhere, against a whole engine whose programs are goroutines, and all routes at once
// with objects in all states (netapi/live_test.go). A handler that panics all the same answers 500 with a number under
// which the log has the stack; so does one whose goroutine panics (panics). Heads have 1 MiB and 30 s, bodies of JSON
// 4 MiB, idle connections 3 minutes; thousands of idle and slow ones keep nobody waiting (testdata/script/idle.txtar).
package netapi

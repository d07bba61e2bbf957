// Package solo has a program of box start on one processor, as most of them stay: a client, a container's first
// process or an exec's live for some milliseconds and wait for others meanwhile, and every further processor costs
// them threads that are woken to find nothing to do, a sixth of what a client uses.
package solo

import "runtime"

// processors is how many the Go runtime would use. A package without imports is initialised before all that have
// some; there would be more to stop later (and the client's part of a `docker run` 0.4 ms longer).
var processors = runtime.GOMAXPROCS(1)

// All takes all processors, for a program that serves many.
func All() { runtime.GOMAXPROCS(processors) }

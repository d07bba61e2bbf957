// Package solo starts box on one processor. Most of its programs (the client, the first process of a container, an
// exec) live for milliseconds and mostly wait. More processors would only cost them threads that wake up for nothing: a
// sixth of a client's CPU time.
package solo

import "runtime"

// processors is the number that the Go runtime would use. A package without imports is initialised before others; later
// there would be more threads to stop, which costs `docker run` 0.4 ms.
var processors = runtime.GOMAXPROCS(1)

// All uses all processors, for a program that serves many requests.
func All() { runtime.GOMAXPROCS(processors) }

// Package dockerd is `box dockerd`: it reads the daemon's options, opens the engine and serves the API.
//
// The sockets of the API go from one daemon to the next through the keeper (personalities/dockerd/handover.go,
// engine/keeper/keep.go). It has copies while a daemon lives, and for ten seconds after one that was killed, or was
// ended under --live-restore; who connects meanwhile waits for the next daemon, which takes them. A daemon that
// executes its own successor would need a signal that no init sends, and would help neither after a crash nor where an
// init starts what it stopped: stop and start are what every init does. A socket is known by its address and, if it
// has a path, by its inode. What a daemon had let in when it was told to end gets its answer (netapi/shutdown.go). A
// daemon that may not start, because the state is of a newer version, writes nothing and gives the sockets back.
package dockerd

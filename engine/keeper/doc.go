// Package keeper is the one process that owns running containers: it is the parent of their programs, holds
// the other ends of their streams, writes their logs and records how they ended. The daemon drives it over a
// socket (engine/task) and may come and go; the keeper itself may be replaced by exec in place.
//
// The keeper's rules: programs are waited for by explicit pid; starts hold a read lock, the sweep for orphans and a
// swap the write lock; at most four starts run at a time. A swap checks the new executable with --check-state, stops
// its pumps between two bytes, writes its state into a memory file, and executes the new file in place with all
// descriptors open. When the keeper dies, dockerd kills what is left in the containers' control groups, starts another
// keeper, and records 137.
//
// A swap also carries forwarded connections over, with the bytes on their way: the keeper holds these itself, not in
// a pipe of splice(2) (relay.go).
package keeper

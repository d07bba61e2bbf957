// Package state stores what must survive the daemon: a bbolt file with typed tables.
//
// Every change is a transaction: after a crash or a power failure, either all or nothing of it is there. Update returns
// when the change is on disk.
//
// A change whose last sync failed may or may not be on disk, and bbolt continues with it although it returns an error.
// So this package waits for older views to end and writes once more, to the other head, which makes the change durable
// (commit.go).
package state

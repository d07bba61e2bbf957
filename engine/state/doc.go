// Package state keeps what must outlive the daemon: one bbolt file of typed tables.
//
// Every change is one transaction: after a crash, or power that went away, a reader sees all of it or
// nothing of it. Update returns once the change is on the disk.
//
// A change whose last sync failed may be on the disk or not, and bbolt goes on with it although it gives an error:
// engine/state waits for the views of before, writes once more, to the other head, and then it is (commit.go).
package state

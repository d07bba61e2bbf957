// Package recovery protects existing data from being taken for nothing. It checks the state file and the data root
// before it opens the state, uses the copy if the state is damaged, and rebuilds the state from what is on disk.
//
// It never deletes anything: a state file that is replaced gets another name, and unknown folders are moved to
// DATA/lost.
//
// box.db is checked page by page before it is used (engine/state/pages.go), because bbolt does not check pages. If it
// is missing or empty while there are layers, containers, content or volumes, it is an error, since a new state would
// remove all of them. If it is damaged, or older than its copy, the copy is used and updated from what is on disk. The
// copy, box.db.copy, is written 30 s after the last change, at most twice an hour, and at a clean stop; nothing runs
// while nothing changes. What is newer than the copy has its row in a file beside it, replaced by rename and not
// synced: containers/ID/record.json, overlay2/ID/layer.json (overlay/ID/.layer.json, vfs/rows/ID),
// content/rows/DRIVER-ID, volumes/NAME/.volume.json. dockerd --recover does the same on request, even without a copy. It is an option of the
// daemon, because the daemon is not running then, and its configuration says where the data is. A replaced state is
// kept as box.db.damaged-TIME, and all that was done is reported in the log, in info and as an event damage.
package recovery

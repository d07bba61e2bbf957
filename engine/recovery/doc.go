// Package recovery keeps box from beginning anew beside what is there. It opens the state file after a look at it and
// at what lies around, takes the copy in place of one that is damaged, and makes a state again from what is on the
// disk.
//
// What is put aside is never deleted: a state file gets another name beside, and folders of which nothing is known go
// into DATA/lost.
//
// box.db is checked page by page before it is used (engine/state/pages.go): bbolt takes each page for granted. A file
// that is missing or empty beside layers, containers, content or volumes is refused, as a new one would sweep them all
// away; in place of one that is damaged, or older than its own copy, the copy is taken and brought up to what is on
// the disk (engine/recovery). The copy, box.db.copy, is written 30 s after the last change, twice an hour at most, and
// at a clean stop; nothing wakes up while nothing changes. What is newer than the copy has its row beside it, by
// rename and unsynced: containers/ID/record.json, overlay2/ID/layer.json (vfs/rows/ID), content/rows/DRIVER-ID,
// volumes/NAME/.volume.json. dockerd --recover does the same by hand, without a copy too; it is an option of the
// daemon, since that is down then and its configuration says where the data is. What was in the way is kept as
// box.db.damaged-TIME, folders of which nothing is known are moved to DATA/lost, and all of it is said in the log, in
// info and as the event damage.
package recovery

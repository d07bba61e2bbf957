// Package logs keeps what containers print: the drivers that the keeper feeds, and the readers behind `docker logs`.
// Files and wire formats are Docker's, so that log shippers and servers find what they know.
//
// The keeper cuts output into lines and gives them to a driver (engine/logs/driver); the daemon only reads the files.
// Both meet in the file system alone, so either may be replaced. A batch of records is one write; what a crash cuts of
// it is taken off when the file is opened again. Rotation renames from the oldest to the newest, and readers open from
// the newest to the oldest, so that they meet a file twice at most and miss none; a follower knows its file by inode
// number, which a compressed file tells in its head. One goroutine compresses rotated files of all containers: into a
// file beside, synced, renamed, and then the original goes.
//
// A driver that sends to a server (engine/logs/remote) may wait, for its container alone: each output has a pump of
// its own, and the end of a pump's context (a swap, or a while after the program's end) makes waiting lines stay in
// memory. They travel in the state of a swap, with the connection and the rest of a message that was cut. Nothing of a
// driver is allocated before it is used.
package logs

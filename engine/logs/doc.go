// Package logs keeps what containers print: the drivers that the keeper writes to, and the readers behind `docker
// logs`. Files and wire formats are Docker's, so that log shippers and servers work unchanged.
//
// The keeper cuts output into lines and passes them to a driver (engine/logs/driver); the daemon only reads the
// files. The two share nothing but the file system, so either may be replaced. A batch of records is one write; a
// record truncated by a crash is removed when the file is opened again. Rotation renames files from the oldest to the
// newest, and readers open them from the newest to the oldest, so that they may see a file twice but miss none. A
// follower identifies its file by inode number, which the header of a compressed file records. One goroutine
// compresses the rotated files of all containers: into a temporary file that is synced and renamed before the
// original is deleted.
//
// A driver that sends to a server (engine/logs/remote) may block, but only its own container: each output has its own
// pump. When a pump's context ends (at a swap, or a while after the program's end), waiting lines stay in memory. A
// swap's state carries them, with the connection and the rest of a partly sent message. A driver allocates nothing
// before it is used.
package logs

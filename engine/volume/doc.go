// Package volume keeps named volumes: a folder _data each below DATA/volumes/NAME, and a row in the state file.
//
// A volume is held by the containers that were made with it, which keeps it from being removed, and used by those
// that run, which keeps it mounted where its options say that something is to be mounted.
//
// What a crash leaves is the old or the new. A folder with the marker .new and no row was never promised to anybody
// and goes; a folder without a row and without the marker is somebody's data and becomes a volume.
//
// A volume's row is written in the transaction of the container that it was made for. Until then its folder has the
// file .new, and Open deletes such a folder; while an image's content is copied into an empty one there is .filling,
// and Open empties it; a folder that is to be removed is renamed before its row goes. A folder with neither row nor
// mark is somebody's data and becomes a volume.
package volume

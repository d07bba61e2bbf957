// Package volume stores named volumes: each has a folder _data below DATA/volumes/NAME, and a row in the state file.
//
// A volume is held by the containers that were created with it, which prevents its removal. It is used by those that
// run, which keeps it mounted if its options say that something has to be mounted.
//
// A crash leaves the old or the new state. The row of a volume is written in the transaction of the container that it
// was created for. Until then its folder contains the file .new, and Open deletes such a folder. While content of an
// image is copied into an empty volume, there is a file .filling, and Open empties such a volume. A folder that is
// being removed is renamed before its row is deleted. A folder with neither a row nor such a file is somebody's data
// and becomes a volume.
package volume

// Package install is `box install`: it puts the running file into a folder of programs, with links for the names that
// Docker's users type, and can take the last change back.
//
// box install --service writes for each init what is in one table (personalities/install/inits.go), marked as box's,
// with the links that enable it; nothing else is written, and what others had there is put away and comes back with
// --uninstall. Each unit stops dockerd alone. Sockets that a service manager hands over are used by fd:// and where
// they are bound to the path of a -H, so that a unit needs none; it hears READY, and signs of life that are sent after
// every lock of the engine could be taken (personalities/dockerd/notify.go).
package install

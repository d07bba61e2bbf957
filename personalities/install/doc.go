// Package install is `box install`: it copies the running file to a folder of programs, adds links with the names that
// Docker's users type, and can undo the last installation.
//
// box install --service writes the files that the host's init needs (inits.go), marks them as box's, and makes the
// links that enable them. Files that it replaces are kept, and --uninstall restores them. Stopping the service stops
// dockerd alone; the keeper and the containers go on. A unit needs no special option for socket activation, because the
// daemon uses passed sockets for fd:// and wherever they are bound to the path of a -H. The service manager is notified
// when the daemon is ready, and then regularly as long as all locks of the engine can be taken
// (personalities/dockerd/notify.go).
package install

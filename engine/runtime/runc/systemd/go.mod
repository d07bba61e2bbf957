module github.com/coreos/go-systemd/v22

go 1.26.0

require github.com/godbus/dbus/v5 v5.2.2

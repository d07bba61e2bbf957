package install

// mark identifies the files that box wrote.
const mark = "Written by box install --service; box install --uninstall takes it away."

// Files for inits. None contains -H, since that would conflict with hosts in daemon.json.
const (
	systemdService = `# @MARK@
[Unit]
Description=Container daemon (box)
After=network-online.target docker.socket firewalld.service time-set.target
Wants=network-online.target
Requires=docker.socket

[Service]
Type=notify
NotifyAccess=main
ExecStart=@DOCKERD@ --opts-file @OPTIONS@
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutStartSec=0
TimeoutStopSec=120
WatchdogSec=180
Restart=always
RestartSec=2
StartLimitBurst=3
StartLimitInterval=60s
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
Delegate=yes
KillMode=process
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`
	systemdSocket = `# @MARK@
[Unit]
Description=Socket of the container daemon (box)

[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
SocketUser=root
SocketGroup=docker

[Install]
WantedBy=sockets.target
`
	openrcScript = `#!/sbin/openrc-run
# @MARK@
description="Container daemon (box)"
description_reload="Read the configuration again"
extra_started_commands="reload"
pidfile="/run/docker.pid"
retry="TERM/90/KILL/5"

depend() {
	need localmount
	use net
	after bootmisc firewall
}

stop_pre() {
	[ "$RC_CMD" != restart ] || @DOCKERD@ --validate --opts-file @OPTIONS@
}

start() {
	ebegin "Starting docker"
	ulimit -n 1048576 2>/dev/null
	eval @DOCKERD@ --detach --opts-file @OPTIONS@ --log-file @LOG@ $DOCKER_OPTS
	eend $?
}

reload() {
	ebegin "Reloading docker"
	kill -HUP "$(cat $pidfile)"
	eend $?
}
`
	upstartJob = `# @MARK@
description "Container daemon (box)"

start on (local-filesystems and runlevel [2345])
stop on runlevel [!2345]

limit nofile 1048576 1048576
kill timeout 90
respawn
respawn limit 10 5

exec @DOCKERD@ --opts-file @OPTIONS@
`
	inittabLine = `::respawn:@DOCKERD@ --opts-file @OPTIONS@ --log-file @LOG@`
	sysvScript  = `#!/bin/sh
# @MARK@
### BEGIN INIT INFO
# Provides:          docker
# Required-Start:    $local_fs $remote_fs $network
# Required-Stop:     $local_fs $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Container daemon (box)
### END INIT INFO
# chkconfig: 2345 95 5
# description: Container daemon (box)

pidfile=/var/run/docker.pid
patience=90 # seconds that containers have to end

running() {
	[ -s $pidfile ] && pid=$(cat $pidfile) && kill -0 "$pid" 2>/dev/null && grep -q dockerd "/proc/$pid/cmdline" 2>/dev/null
}

start() {
	if running; then
		echo "docker runs: process $pid"
		return 0
	fi
	ulimit -n 1048576 2>/dev/null
	@DOCKERD@ --detach --opts-file @OPTIONS@ --log-file @LOG@
}

stop() {
	if ! running; then
		echo "docker does not run"
		return 0
	fi
	kill "$pid"
	while [ $patience -gt 0 ] && running; do
		sleep 1
		patience=$((patience - 1))
	done
	! running || { echo "docker, process $pid, does not end"; return 1; }
}

case "$1" in
start) start ;;
stop) stop ;;
restart | force-reload) @DOCKERD@ --validate --opts-file @OPTIONS@ && stop && start ;;
reload) running && kill -HUP "$pid" ;;
status)
	if running; then
		echo "docker runs: process $pid"
		exit 0
	fi
	echo "docker does not run"
	[ ! -e $pidfile ] || exit 1 # it ended by itself
	exit 3
	;;
*)
	echo "usage: service docker start|stop|restart|reload|status" >&2
	exit 2
	;;
esac
`
)

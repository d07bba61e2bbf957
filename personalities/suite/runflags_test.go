package suite

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// flagRow is one flag of `docker run` and the proof that it does its work.
type flagRow struct {
	flag string // long name
	sh   string // a script whose output is looked at: run is `docker run --rm`, in is a program's shell inside, of is inspect
	want string // regular expression on its standard output and error
}

// shortcuts are functions of every script: run FLAGS -- COMMAND is `docker run --rm FLAGS busybox sh -c COMMAND` with
// both outputs in one, and inspect FORMAT FLAGS shows a container that is created with the flags.
const shortcuts = `
run() { flags=; while [ "$1" != -- ]; do flags="$flags '$1'"; shift; done; shift; eval docker run --rm $flags busybox sh -c "'exec 2>&1; $1'"; }
inspect() { format=$1; shift; id=$(docker create "$@" busybox true) || return; docker inspect -f "$format" $id; docker rm -v $id >/dev/null; }
exec 2>&1
`

// flagRows proves every flag against a real container.
var flagRows = []flagRow{
	{"add-host", `run --add-host a:1.2.3.4 --add-host b=::1 --add-host c:host-gateway -- 'cat /etc/hosts'`,
		`1\.2\.3\.4\ta\n::1\tb\n172\.\d+\.0\.1\tc`},
	{"annotation", `inspect '{{json .HostConfig.Annotations}}' --annotation a=b`, `{"a":"b"}`},
	{"attach", `docker run --rm -a stderr busybox sh -c 'echo out; echo err >&2'`, `^err\n$`},
	{"blkio-weight", `run --blkio-weight 300 -- 'cat /sys/fs/cgroup/blkio/blkio*weight || cat /sys/fs/cgroup/io*weight' `,
		`300|Block I/O weight or the cgroup is not mounted. Weight discarded`},
	{"blkio-weight-device", `run --blkio-weight-device $DISK:200 -- 'cat /sys/fs/cgroup/blkio/blkio*weight_device || cat /sys/fs/cgroup/io*weight'`, `200|Weight-device discarded`},
	{"cap-add", `run --cap-drop ALL --cap-add NET_RAW -- 'grep CapBnd /proc/self/status'`, `CapBnd:\t0000000000002000`},
	{"cap-drop", `run --cap-drop chown -- 'chown user /tmp'`, `Operation not permitted`},
	{"cgroup-parent", `run --cgroup-parent $CGROUP/deeper -- 'cat /proc/self/cgroup'`, `/box-[^/]*/deeper/[0-9a-f]{64}`},
	{"cgroupns", `run --cgroupns private -- 'grep -v name=box /proc/self/cgroup | cut -d: -f3 | sort -u'; run --cgroupns host -- 'cat /proc/self/cgroup'`, `^/\n(?s).*/[0-9a-f]{64}`},
	{"cidfile", `docker run --rm --cidfile id busybox true; cat id; docker run --rm --cidfile id busybox true`,
		`^[0-9a-f]{64}(?s).*container ID file found, make sure the other container isn't running or delete id`},
	{"cpu-count", `run --cpu-count 1 -- true`, `"--cpu-count" is only supported on a Docker daemon running on windows`},
	{"cpu-percent", `run --cpu-percent 1 -- true`,
		`"--cpu-percent" is only supported on a Docker daemon running on windows`},
	{"cpu-period", `run --cpu-period 50000 --cpu-quota 20000 -- 'cat /sys/fs/cgroup/cpu/cpu.cfs_period_us || cat /sys/fs/cgroup/cpu.max'`, `50000`},
	{"cpu-quota", `run --cpu-quota 20000 -- 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us || cat /sys/fs/cgroup/cpu.max'`,
		`20000`},
	{"cpu-rt-period", `inspect '{{.HostConfig.CpuRealtimePeriod}}' --cpu-rt-period 1000`, `^1000\n`},
	{"cpu-rt-runtime", `run --cpu-rt-runtime 1000 -- 'cat /sys/fs/cgroup/cpu/cpu.rt_runtime_us'`,
		`^1000\n$|set cpu.rt_runtime_us of .* to 1000: |cpu.rt_runtime_us: invalid argument|not supported`},
	{"cpu-shares", `run -c 77 -- 'cat /sys/fs/cgroup/cpu/cpu.shares || cat /sys/fs/cgroup/cpu.weight'`, `^(77|[0-9])\n`},
	{"cpus", `run --cpus 0.5 -- 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us || cat /sys/fs/cgroup/cpu.max'`, `^50000`},
	{"cpuset-cpus", `run --cpuset-cpus 0 -- 'nproc; grep Cpus_allowed_list /proc/self/status'`,
		`^1\nCpus_allowed_list:\t0\n`},
	{"cpuset-mems", `run --cpuset-mems 0 -- 'grep Mems_allowed_list /proc/self/status'; run --cpuset-mems 63 -- true`,
		`\t0\n(?s).*Requested memory nodes are not available - requested 63, available: 0`},
	{"detach", `docker run -d --name detached busybox sleep 1000; docker ps --format '{{.Names}}'; docker rm -f detached`,
		`^[0-9a-f]{64}\n(?s).*detached`},
	{"detach-keys", `{ sleep 1; printf 'xy'; sleep 1; } | script -qec 'docker run -it --name keys --detach-keys x,y busybox sleep 1000' /dev/null; docker ps --format '{{.Names}}'; docker rm -f keys`, `keys\nkeys`},
	{"device", `run --device /dev/kmsg:/dev/odd:w -- 'ls /dev/odd; : >/dev/odd && echo open'; run --device /dev/kmsg:/dev/odd:r -- ': >/dev/odd'; run --device /dev/nope -- true`, `^/dev/odd\nopen\n.*Operation not permitted\n.*error gathering device information while adding custom device "/dev/nope": no such file or directory`},
	{"device-cgroup-rule", `run -- 'mknod /n c 10 200; head -c0 /n'; run --device-cgroup-rule 'c 10:229 rwm' -- 'mknod /n c 10 229; head -c0 /n && echo allowed'`, `allowed`},
	{"device-read-bps", `run --device-read-bps $DISK:1mb -- 'cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device || cat /sys/fs/cgroup/io.max'`, `1048576`},
	{"device-read-iops", `run --device-read-iops $DISK:7 -- 'cat /sys/fs/cgroup/blkio/blkio.throttle.read_iops_device || cat /sys/fs/cgroup/io.max'`, `[ =]7`},
	{"device-write-bps", `run --device-write-bps $DISK:2mb -- 'cat /sys/fs/cgroup/blkio/blkio.throttle.write_bps_device || cat /sys/fs/cgroup/io.max'`, `2097152`},
	{"device-write-iops", `run --device-write-iops $DISK:8 -- 'cat /sys/fs/cgroup/blkio/blkio.throttle.write_iops_device || cat /sys/fs/cgroup/io.max'`, `[ =]8`},
	{"disable-content-trust", `run --disable-content-trust -- 'echo ran'; run --disable-content-trust=false -- 'echo ran'`,
		`^ran\n(?s).*does not check image signatures`},
	{"dns", `run --dns 1.2.3.4 --dns 5.6.7.8 -- 'cat /etc/resolv.conf'`, `nameserver 1.2.3.4\nnameserver 5.6.7.8\n`},
	{"dns-option", `run --dns-option ndots:3 -- 'cat /etc/resolv.conf'`, `options ndots:3`},
	{"dns-search", `run --dns-search x.y --dns-search z -- 'cat /etc/resolv.conf'; run --dns-search . -- 'cat /etc/resolv.conf'`, `^search x.y z\n`},
	{"domainname", `run -h name --domainname some.where -- 'cat /proc/sys/kernel/domainname; hostname -f'`,
		`^some.where\nname.some.where\n`},
	{"entrypoint", `docker run --rm --entrypoint /bin/echo busybox in echo; docker run --rm --entrypoint '' busybox echo none`, `^in echo\nnone\n`},
	{"env", `export MINE=x; run -e A=b -e MINE -e NOT_HERE -- 'env | grep -E "^(A|MINE|NOT_HERE)=" | sort'`,
		`^A=b\nMINE=x\n$`},
	{"env-file", `printf '# no\nA=from file\n\nMINE\n' >env; export MINE=y; run --env-file env -e B=2 -- 'echo $A $B $MINE'`, `^from file 2 y\n`},
	{"expose", `inspect '{{json .Config.ExposedPorts}}' --expose 80 --expose 90-91/udp`,
		`{"80/tcp":{},"90/udp":{},"91/udp":{}}`},
	{"gpus", `run --gpus all -- true`, `could not select device driver "" with capabilities: \[\[gpu\]\]`},
	{"group-add", `run -u user --group-add 5 --group-add extra -- 'id -G'`, `^1000 5 2000\b`},
	{"health-cmd", `inspect '{{json .Config.Healthcheck.Test}}' --health-cmd 'test -f x'`, `\["CMD-SHELL","test -f x"\]`},
	{"health-interval", `inspect '{{.Config.Healthcheck.Interval}}' --health-interval 5s`, `^5s\n`},
	{"health-retries", `inspect '{{.Config.Healthcheck.Retries}}' --health-retries 4`, `^4\n`},
	{"health-start-interval", `inspect '{{.Config.Healthcheck.StartInterval}}' --health-start-interval 2s`, `^2s\n`},
	{"health-start-period", `inspect '{{.Config.Healthcheck.StartPeriod}}' --health-start-period 3s`, `^3s\n`},
	{"health-timeout", `inspect '{{.Config.Healthcheck.Timeout}}' --health-timeout 6s`, `^6s\n`},
	{"hostname", `run -h name -- 'hostname; cat /etc/hostname; grep name /etc/hosts; echo $HOSTNAME'`,
		`^name\nname\n172.*\tname\nname\n`},
	{"init", `run --init -- 'cat /proc/1/cmdline | tr "\0" " "; sh -c "sleep 0.1 &" & sleep 0.5; ps -o stat | grep -c ^Z'`,
		`^/sbin/docker-init -- sh -c .*0\n$`},
	{"interactive", `echo typed | docker run --rm -i busybox cat; echo typed | docker run --rm busybox cat`, `^typed\n$`},
	{"io-maxbandwidth", `run --io-maxbandwidth 1 -- true`,
		`"--io-maxbandwidth" is only supported on a Docker daemon running on windows`},
	{"io-maxiops", `run --io-maxiops 1 -- true`, `"--io-maxiops" is only supported on a Docker daemon running on windows`},
	{"ip", `run --ip 172.17.0.77 -- true`, `user specified IP address is supported on user defined networks only`},
	{"ip6", `run --ip6 fd00::77 -- true`, `user specified IP address is supported on user defined networks only`},
	{"ipc", `docker run -d --name owner --ipc shareable busybox sh -c 'echo there >/dev/shm/f; sleep 1000'; sleep 0.3; run --ipc container:owner -- 'cat /dev/shm/f; readlink /proc/self/ns/ipc'; docker exec owner readlink /proc/self/ns/ipc; docker rm -f owner; run --ipc none -- 'ls /dev/shm'; run --ipc host -- 'readlink /proc/self/ns/ipc'; readlink /proc/self/ns/ipc`,
		`there\n(ipc:\[\d+\])\n(ipc:\[\d+\])\nowner\nls: /dev/shm: No such file or directory\n(ipc:\[\d+\])\n(ipc:\[\d+\])\n$`},
	{"isolation", `run --isolation default -- 'echo ran'; run --isolation odd -- true`,
		`^ran\n(?s).*invalid isolation \(odd\): linux only supports 'default'`},
	// Of no effect since kernels and Docker's API 1.42 have done without it; still read and checked.
	{"kernel-memory", `run --kernel-memory 50m -- 'echo ran'; run --kernel-memory odd -- true`,
		`^ran\n(?s).*invalid argument "odd" for "--kernel-memory" flag`},
	{"label", `inspect '{{json .Config.Labels}}' -l a=b --label c`, `{"a":"b","c":""}`},
	{"label-file", `printf 'a=1\nbare\n' >labels; inspect '{{json .Config.Labels}}' --label-file labels -l a=2`,
		`{"a":"2","bare":""}`},
	{"link", `docker run -d --name db --expose 80 -e SECRET=s busybox sleep 1000; run --link db:data -- 'grep data /etc/hosts; env | grep DATA'; docker rm -f db; run --link db -- true`,
		`172[.0-9]+\tdata [0-9a-f]{12} db\n(?s).*DATA_PORT_80_TCP_ADDR=172.*could not get container for db: No such container: db`},
	{"link-local-ip", `inspect '{{range .NetworkSettings.Networks}}{{.IPAMConfig.LinkLocalIPs}}{{end}}' --link-local-ip 169.254.7.7`, `\[169.254.7.7\]`},
	{"log-driver", `docker run --name logged --log-driver none busybox echo hi; docker logs logged; docker rm logged; run --log-driver odd -- true`, `^hi\n(?s).*(configured logging driver does not support reading|no log driver|not supported)`},
	{"log-opt", `inspect '{{json .HostConfig.LogConfig.Config}}' --log-opt max-size=1m`, `{"max-size":"1m"}`},
	{"mac-address", `run --mac-address 02:42:ac:11:00:77 -- 'cat /sys/class/net/eth0/address'`, `^02:42:ac:11:00:77\n`},
	{"memory", `run -m 20m -- 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max'; docker run --name eater -m 20m --memory-swap 20m busybox sh -c 'tail /dev/zero'; docker inspect -f '{{.State.OOMKilled}}' eater; docker rm eater`, `^20971520\n(?s).*true\n`},
	{"memory-reservation", `run --memory-reservation 10m -- 'cat /sys/fs/cgroup/memory/memory.soft_limit_in_bytes || cat /sys/fs/cgroup/memory.low'`, `10485760`},
	{"memory-swap", `run -m 20m --memory-swap 30m -- 'cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes || cat /sys/fs/cgroup/memory.swap.max'`, `31457280|10485760|without swap`},
	{"memory-swappiness", `run --memory-swappiness 7 -- 'cat /sys/fs/cgroup/memory/memory.swappiness'`,
		`^7\n|swappiness discarded`},
	{"mount", `run --mount type=tmpfs,dst=/t,tmpfs-size=1m --mount type=bind,src=$PWD,dst=/b,ro --mount type=volume,dst=/v -- 'grep -E " /[tbv] " /proc/mounts; touch /b/x'`, `/t tmpfs .*size=1024k(?s).*Read-only file system`},
	{"name", `docker create --name named busybox; docker create --name named busybox; docker rm named`,
		`The container name "/named" is already in use by container`},
	{"network", `run --network none -- 'ls /sys/class/net'; docker run --rm --network host busybox readlink /proc/self/ns/net; readlink /proc/self/ns/net`, `^lo\n(net:\[\d+\])\n(net:\[\d+\])\n$`},
	{"network-alias", `run --network-alias x -- true`,
		`network-scoped aliases are only supported for user-defined networks`},
	{"no-healthcheck", `inspect '{{json .Config.Healthcheck.Test}}' --no-healthcheck`, `\["NONE"\]`},
	{"oom-kill-disable", `run -m 20m --oom-kill-disable -- 'cat /sys/fs/cgroup/memory/memory.oom_control'`,
		`oom_kill_disable 1|OomKillDisable discarded`},
	{"oom-score-adj", `run --oom-score-adj 77 -- 'cat /proc/self/oom_score_adj'`, `^77\n`},
	{"pid", `run --pid host -- 'readlink /proc/self/ns/pid'; readlink /proc/self/ns/pid; docker run -d --name other busybox sleep 1234; run --pid container:other -- 'ps | grep "sleep 123[4]"'; docker rm -f other`, `^(pid:\[\d+\])\n(pid:\[\d+\])\n[0-9a-f]{64}\n +1 root .*sleep 1234`},
	{"pids-limit", `run --pids-limit 7 -- 'cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max'`, `7\n`},
	{"platform", `run --platform linux/amd64 -- 'echo ran'; docker run --rm --pull never --platform linux/s390x busybox true`, `^ran\n(?s).*image with reference busybox was found but its platform \(linux/amd64\) does not match the specified platform \(linux/s390x\)`},
	{"privileged", `run --privileged -- 'ls /dev | grep -c loop; mount -t tmpfs none /mnt || mount -t tmpfs none /tmp && echo mounted; touch /proc/sys/kernel/hostname && echo writable'`, `^[1-9](?s).*mounted\nwritable`},
	{"publish", `docker run -d --name web -p 127.0.0.1:8099:80 busybox sh -c 'echo page >/tmp/index.html; exec httpd -f -h /tmp'; sleep 0.5; busybox wget -qO - http://127.0.0.1:8099/; docker rm -f web`, `page`},
	{"publish-all", `docker run -d --name web -P --expose 80 busybox sleep 1000; docker port web; docker rm -f web`,
		`80/tcp -> 0.0.0.0:\d+`},
	{"pull", `docker run --rm --pull never missing true; docker run --rm --pull odd busybox true`,
		`No such image: missing(?s).*invalid pull option: 'odd'`},
	{"quiet", `docker run --rm -q 127.0.0.1:1/missing true`,
		`^Unable to find image '127.0.0.1:1/missing:latest' locally\ndocker: Error response from daemon: `},
	{"read-only", `run --read-only -- 'touch /x; touch /dev/shm/x && echo shm'`, `Read-only file system\nshm`},
	{"restart", `docker run -d --name again --restart on-failure:2 busybox false; sleep 1.5; docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' again; docker rm -f again`, `\n2 exited 1\n`},
	{"rm", `docker run --rm --name gone -v /anonymous busybox true; sleep 0.2; docker ps -aq; docker volume ls -q`, `^$`},
	{"runtime", `run --runtime runc -- 'echo ran'; run --runtime odd -- true`,
		`^ran\n(?s).*unknown or invalid runtime name: odd`},
	{"security-opt", `echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >filter.json
run --security-opt seccomp=filter.json -- 'mkdir /d'; run --privileged --security-opt seccomp=filter.json -- 'mkdir /p'; run --security-opt seccomp=unconfined --security-opt no-new-privileges -- 'grep -E "Seccomp:|NoNew" /proc/self/status'
run -- 'grep -c /proc/ /proc/mounts'; run --security-opt systempaths=unconfined -- 'grep -c /proc/ /proc/mounts'`,
		`/d.*Operation not permitted\n.*/p.*Operation not permitted\nNoNewPrivs:\t1\nSeccomp:\t0\n[1-9]\d*\n0\n`},
	{"shm-size", `run --shm-size 1m -- 'df -k /dev/shm | tail -1'; run -- 'df -k /dev/shm | tail -1'`,
		`shm +1024 (?s).*shm +65536 `},
	{"sig-proxy", `docker run --name proxied busybox sh -c 'trap "echo got; exit 5" TERM; while :; do sleep 0.1; done' & pid=$!; sleep 1; kill -TERM $pid; wait $pid; echo $?
docker run --sig-proxy=false --name deaf busybox sleep 1000 & pid=$!; sleep 1; for n in 1 2 3; do kill -TERM $pid; sleep 0.3; done; wait $pid; echo $?; docker ps --format '{{.Names}}'; docker rm -f proxied deaf`, `^got\n5\n(?s).*\n1\ndeaf\n`},
	{"stop-signal", `docker run -d --name stop --stop-signal USR1 busybox sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'; sleep 0.5; docker stop stop; docker inspect -f '{{.State.ExitCode}}' stop; docker rm stop`, `\n9\n`},
	{"stop-timeout", `docker run -d --name stop --stop-timeout 1 busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'; sleep 0.3; date +%s; docker stop stop; date +%s; docker inspect -f '{{.State.ExitCode}}' stop; docker rm stop`, `\n137\n`},
	{"storage-opt", `run --storage-opt size=1g -- true; run --storage-opt odd=1 -- true`,
		`supported only for overlay over xfs with 'pquota' mount option(?s).*unknown option odd|(?s)is not supported for.*unknown option odd`},
	{"sysctl", `run --sysctl net.core.somaxconn=77 --sysctl kernel.msgmax=100 --sysctl net.ipv4.conf.eth0.forwarding=0 -- 'cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax /proc/sys/net/ipv4/conf/eth0/forwarding'; run --network host --sysctl net.core.somaxconn=77 -- true`, `^77\n100\n0\n(?s).*not allowed in host network namespace`},
	{"tmpfs", `run --tmpfs /t:size=1m,exec,mode=700 -- 'grep " /t " /proc/mounts'`,
		`/t tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=700`},
	{"tty", `script -qec 'docker run --rm -t busybox sh -c "tty; echo \$TERM"' /dev/null`, `/dev/pts/0\s+xterm`},
	{"ulimit", `run --ulimit nofile=77:88 --ulimit core=0 -- 'ulimit -n; ulimit -Hn; ulimit -c'`, `^77\n88\n0\n`},
	{"use-api-socket", `run --use-api-socket -- 'test -S /var/run/docker.sock && echo socket'`, `^socket\n`},
	{"user", `run -u user:extra -- 'id -u; id -g'; run -u 77 -- 'id -u; id -g'`, `^1000\n2000\n77\n0\n`},
	{"userns", `run --userns host -- 'readlink /proc/self/ns/user'; readlink /proc/self/ns/user`,
		`^(user:\[\d+\])\n(user:\[\d+\])\n`},
	{"uts", `run --uts host -- 'readlink /proc/self/ns/uts'; readlink /proc/self/ns/uts; run --uts host -h x -- true`,
		`^(uts:\[\d+\])\n(uts:\[\d+\])\n(?s).*conflicting options: hostname and the UTS mode`},
	{"volume", `run -v $PWD:/here:ro -v vol:/vol -v /anonymous -- 'touch /here/x; touch /vol/f; ls -d /anonymous'; run -v vol:/v -- 'ls /v'; docker volume rm vol`, `Read-only file system\n/anonymous\nf\nvol\n`},
	{"volume-driver", `run --volume-driver odd -v vol:/vol -- true; run --volume-driver local -v vol:/vol -- 'echo ran'; docker volume rm vol`, `error looking up volume plugin odd: plugin "odd" not found(?s).*ran\n`},
	{"volumes-from", `docker create --name from -v vol:/vol busybox; run --volumes-from from:ro -- 'touch /vol/x'; docker rm from; docker volume rm vol`, `Read-only file system`},
	{"workdir", `run -w /not/there -- pwd; run -w rel -- pwd`,
		`^/not/there\n(?s).*the working directory 'rel' is invalid, it needs to be an absolute path`},
}

// sameNamespace are the rows in which what is matched in pairs must be equal: a namespace inside and the one it is to
// be.
var sameNamespace = []string{"ipc", "network", "pid", "userns", "uts"}

// TestRunFlags runs each row, and fails on a flag in the help of `docker run` that has none.
func TestRunFlags(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("not root: containers are started")
	}
	box := os.Getenv("BOX_BINARY")
	if box == "" {
		t.Fatal("BOX_BINARY must name the box to test: use `make test`")
	}
	dir := t.TempDir()
	d := &daemon{box: box, dir: dir}
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	defer d.end()
	for _, name := range []string{"docker", "dockerd"} {
		if err := os.Symlink(box, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := busyboxImage(filepath.Join(dir, "busybox.tar")); err != nil {
		t.Fatal(err)
	}
	sh := func(script string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, "sh", "-c", shortcuts+script)
		c.Dir = dir
		c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "DOCKER_HOST="+d.host(), "HOME="+dir,
			"CGROUP="+d.cgroup(), "DISK="+disk())
		out, _ := c.CombinedOutput()
		return string(out)
	}
	if out := sh("docker load -qi busybox.tar"); !strings.Contains(out, "busybox:latest") {
		t.Fatal(out)
	}
	tested := map[string]bool{}
	for _, row := range flagRows {
		tested[row.flag] = true
		t.Run(row.flag, func(t *testing.T) { row.check(t, sh(row.sh)) })
	}
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)`).FindAllStringSubmatch(sh("docker run --help"),
		-1) {
		if !tested[m[1]] && m[1] != "help" {
			t.Errorf("--%s is in the help and nothing proves that it works", m[1])
		}
	}
	if left := sh("docker ps -aq; docker volume ls -q"); left != "" {
		t.Errorf("left: %s", left)
	}
}

func (row *flagRow) check(t *testing.T, out string) {
	m := regexp.MustCompile(row.want).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("%s\ngave:\n%swhich does not match %s", row.sh, out, row.want)
	}
	for _, name := range sameNamespace {
		for i := 1; name == row.flag && i+1 < len(m); i += 2 {
			if m[i] != m[i+1] {
				t.Errorf("%s\ngave:\n%s%s is not %s", row.sh, out, m[i], m[i+1])
			}
		}
	}
}

// disk is a block device of this machine.
func disk() string {
	found, _ := filepath.Glob("/sys/block/*")
	for _, p := range found {
		dev := "/dev/" + filepath.Base(p)
		size, _ := os.ReadFile(p + "/size")
		if st, err := os.Stat(dev); err == nil && st.Mode()&os.ModeDevice != 0 && strings.TrimSpace(string(size)) != "0" {
			return dev
		}
	}
	return "/dev/null"
}

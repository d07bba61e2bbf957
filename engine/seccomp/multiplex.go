package seccomp

// 32-bit x86 has two ways to call the socket and System V IPC calls: by their own numbers (since Linux 4.3 and 5.1),
// and through socketcall and ipc, whose first argument selects the call (linux/net.h, linux/ipc.h). A rule for such a
// call must apply to both. With the second way the arguments are in memory, where a filter cannot look. As in
// libseccomp, the rule then keeps its conditions on all arguments but the first.

const (
	x86IPC        = 117
	x86Socketcall = 102
)

// socketcallNames and ipcNames are the calls by the value of the first argument.
var socketcallNames = [...]string{1: "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername",
	"socketpair",
	"send", "recv", "sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4",
	"recvmmsg", "sendmmsg"}

var ipcNames = [...]string{1: "semop", 2: "semget", 3: "semctl", 4: "semtimedop", 11: "msgsnd", 12: "msgrcv",
	13: "msgget", 14: "msgctl", 21: "shmat", 22: "shmdt", 23: "shmget", 24: "shmctl"}

// multiplex marks the calls that x86 can make through another one.
func multiplex(t []syscallEntry) {
	note := func(names []string, through int32) {
		for first, name := range names {
			if i, ok := lookup(t, name); ok {
				t[i].through, t[i].first = through, uint64(first)
			}
		}
	}
	note(socketcallNames[:], x86Socketcall)
	note(ipcNames[:], x86IPC)
}

// withFirst replaces the condition on argument 0 by equality with first.
func withFirst(conds []condition, first uint64) []condition {
	out := []condition{{argument: 0, op: opEqual, mask: ^uint64(0), value: first}}
	for _, c := range conds {
		if c.argument != 0 {
			out = append(out, c)
		}
	}
	return out
}

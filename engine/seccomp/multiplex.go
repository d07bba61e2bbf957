package seccomp

// 32-bit x86 reaches the socket and System V IPC calls in two ways: by numbers of their own (since Linux 4.3 and 5.1)
// and through socketcall and ipc, whose first argument says which is meant (linux/net.h, linux/ipc.h). A rule for such
// a call has to hold on both ways. The arguments themselves are in memory on the second, where no filter can look:
// like libseccomp the rule then keeps its conditions on all arguments but the first.

const (
	x86IPC        = 117
	x86Socketcall = 102
)

// socketcallNames and ipcNames: the place in the list is the first argument.
var socketcallNames = [...]string{1: "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername",
	"socketpair",
	"send", "recv", "sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4",
	"recvmmsg", "sendmmsg"}

var ipcNames = [...]string{1: "semop", 2: "semget", 3: "semctl", 4: "semtimedop", 11: "msgsnd", 12: "msgrcv",
	13: "msgget", 14: "msgctl", 21: "shmat", 22: "shmdt", 23: "shmget", 24: "shmctl"}

// multiplex notes in the table which calls x86 reaches through which other.
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

// withFirst gives conds with the condition on argument 0 replaced by equality with first.
func withFirst(conds []condition, first uint64) []condition {
	out := []condition{{argument: 0, op: opEqual, mask: ^uint64(0), value: first}}
	for _, c := range conds {
		if c.argument != 0 {
			out = append(out, c)
		}
	}
	return out
}

package seccomp

// 32-bit x86 reaches the socket and System V IPC calls in two ways: by numbers of their own (since Linux 4.3 and 5.1)
// and through socketcall and ipc, whose first argument says which is meant (linux/net.h, linux/ipc.h). A rule for such
// a call has to hold on both ways. The arguments themselves are in memory on the second, where no filter can look:
// like libseccomp the rule then keeps its conditions on all arguments but the first.

const (
	x86IPC        = 117
	x86Socketcall = 102
)

// socketcallNames and ipcNames: the place in the list, counted from 1, or the number is the first argument.
var socketcallNames = [...]string{"socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair",
	"send", "recv", "sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4",
	"recvmmsg", "sendmmsg"}

var ipcNames = [...]string{1: "semop", 2: "semget", 3: "semctl", 4: "semtimedop", 11: "msgsnd", 12: "msgrcv",
	13: "msgget", 14: "msgctl", 21: "shmat", 22: "shmdt", 23: "shmget", 24: "shmctl"}

// multiplexed tells through which call, with which first argument, x86 reaches name.
func multiplexed(name string) (nr int32, first uint64, ok bool) {
	for i, n := range socketcallNames {
		if n == name {
			return x86Socketcall, uint64(i + 1), true
		}
	}
	for i, n := range ipcNames {
		if n == name {
			return x86IPC, uint64(i), true
		}
	}
	return 0, 0, false
}

// withFirst gives conds with the condition on argument 0 replaced by equality with first.
func withFirst(conds []ScmpCondition, first uint64) []ScmpCondition {
	out := []ScmpCondition{{Argument: 0, Op: CompareEqual, Operand1: first}}
	for _, c := range conds {
		if c.Argument != 0 {
			out = append(out, c)
		}
	}
	return out
}

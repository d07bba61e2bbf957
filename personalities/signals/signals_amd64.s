#include "textflag.h"

// func handlers() (caught, fault uintptr)
TEXT ·handlers(SB), NOSPLIT, $0-16
	LEAQ caught<>(SB), AX
	MOVQ AX, caught+0(FP)
	LEAQ fault<>(SB), AX
	MOVQ AX, fault+8(FP)
	RET

// caught is called by the kernel, with the signal's number in DI, on the stack for signals; it returns to the restorer, which
// puts every register back.
TEXT caught<>(SB), NOSPLIT|NOFRAME, $0
	PUSHQ DI
	MOVL  ·pipe(SB), DI
	MOVQ  SP, SI
	MOVL  $1, DX
	MOVL  $1, AX // write(2)
	SYSCALL
	POPQ  AX
	RET

// fault is caught for a signal that another process sent (si_code, at 8 of what SI points to, is 0 or less); others are Go's.
TEXT fault<>(SB), NOSPLIT|NOFRAME, $0
	MOVL 8(SI), AX
	CMPL AX, $0
	JLE  sent
	MOVQ ·former(SB), AX
	JMP  AX

sent:
	JMP caught<>(SB)

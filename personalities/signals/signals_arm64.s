#include "textflag.h"

// func handlers() (caught, fault uintptr)
TEXT ·handlers(SB), NOSPLIT, $0-16
	MOVD $caught<>(SB), R0
	MOVD R0, caught+0(FP)
	MOVD $fault<>(SB), R0
	MOVD R0, fault+8(FP)
	RET

// caught is called by the kernel, with the signal's number in R0, on the stack for signals; it returns to the restorer, which
// puts every register back.
TEXT caught<>(SB), NOSPLIT|NOFRAME, $0
	SUB  $16, RSP
	MOVD R0, (RSP)
	MOVW ·pipe(SB), R0
	MOVD RSP, R1
	MOVD $1, R2
	MOVD $64, R8 // write(2)
	SVC
	ADD  $16, RSP
	RET

// fault is caught for a signal that another process sent (si_code, at 8 of what R1 points to, is 0 or less); others are Go's.
TEXT fault<>(SB), NOSPLIT|NOFRAME, $0
	MOVW 8(R1), R3
	CMPW $0, R3
	BLE  sent
	MOVD ·former(SB), R3
	JMP  (R3)

sent:
	JMP caught<>(SB)

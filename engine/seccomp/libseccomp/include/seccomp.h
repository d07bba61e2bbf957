/*
 * What libcontainer's patchbpf asks of libseccomp's header: the value of an errno verdict,
 * and through linux/audit.h the architecture tokens. Nothing is linked.
 */
#ifndef BOX_SECCOMP_H
#define BOX_SECCOMP_H

#include <linux/audit.h>

/* SECCOMP_RET_ERRNO with its data, linux/seccomp.h */
#define SCMP_ACT_ERRNO(x) (0x00050000U | ((x) & 0x0000ffffU))

#endif

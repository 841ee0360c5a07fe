/* What native code in an engine can do. Prints a line for each thing that it could do; the last line is "done". */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void search(const char *path, const char *mark) {
  static char bytes[1 << 20];
  int file = open(path, O_RDONLY);
  if (file < 0) return;
  ssize_t size = 0, more;
  while ((more = read(file, bytes + size, sizeof bytes - size)) > 0) size += more;
  if (memmem(bytes, size, mark, strlen(mark))) printf("secret in %s\n", path);
  close(file);
}

static void create(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/facequeue-probe-%d", folder, getpid());
  int file = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
  if (file < 0) return;
  printf("writes to %s\n", folder);
  signal(SIGXFSZ, SIG_IGN);
  if (ftruncate(file, 1L << 40) == 0) printf("makes a file of a terabyte in %s\n", folder);
  unlink(path);
}

/* argv: port of a server on 127.0.0.1, mark of the secrets, pid of the worker, folders */
int main(int argc, char **argv) {
  char path[64];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  int socket_ = socket(AF_INET, SOCK_STREAM, 0);
  if (socket_ >= 0 && connect(socket_, (struct sockaddr *)&address, sizeof address) == 0) printf("connects\n");
  for (char **each = environ; *each; each++)
    if (strstr(*each, argv[2])) printf("secret in its environment\n");
  search("/proc/self/environ", argv[2]);
  snprintf(path, sizeof path, "/proc/%s/environ", argv[3]);
  search(path, argv[2]);
  snprintf(path, sizeof path, "/proc/%s/cmdline", argv[3]);
  search(path, argv[2]);
  for (int i = 4; i < argc; i++) create(argv[i]);
  if (geteuid() != 0 && setuid(0) == 0) printf("becomes root\n");
  if (mount("none", "/mnt", "tmpfs", 0, "") == 0) printf("mounts\n");
  if (chroot("/") == 0) printf("changes its root\n");
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) printf("may gain privileges\n");
  if (prctl(PR_CAPBSET_READ, 21, 0, 0, 0) == 1 && geteuid() == 0) printf("may gain CAP_SYS_ADMIN\n");
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  if (limit.rlim_max == RLIM_INFINITY) printf("writes files of any size\n");
  getrlimit(RLIMIT_NPROC, &limit);
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > 10000) printf("starts any number of processes\n");
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max > 1024) printf("opens any number of files\n");
  getrlimit(RLIMIT_AS, &limit);
  if (limit.rlim_max == RLIM_INFINITY) printf("takes any amount of memory\n");
  getrlimit(RLIMIT_CORE, &limit);
  if (limit.rlim_max != 0) printf("leaves a core file\n");
  printf("done\n");
  return 0;
}

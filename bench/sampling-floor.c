/*
 * The physical floor of bench/sampling.ts.
 *   sleepers N      starts N processes of 4 threads and 14 descriptors, prints their pids, ends them when stdin closes
 *   floor MS PIDS   reads stat, status, io and the descriptor count of each pid in a loop; prints CPU us per process-sample,
 *                   with descriptors kept open and with open/read/close
 *   every S PIDS    reads stat, statm, io and the descriptor count of each pid by kept descriptors every S seconds, for bench/floors.ts
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *nap(void *unused) {
  (void)unused;
  for (;;) pause();
}

static void sleeper(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < 11; i++) open("/dev/null", O_RDONLY);
  for (int i = 0; i < 3; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, nap, NULL);
  }
  nap(NULL);
}

static int sleepers(int n) {
  pid_t *pids = calloc((size_t)n, sizeof *pids);
  for (int i = 0; i < n; i++) {
    pids[i] = fork();
    if (pids[i] == 0) sleeper();
    if (pids[i] < 0) return perror("fork"), 1;
  }
  for (int i = 0; i < n; i++) printf("%d\n", pids[i]);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  for (int i = 0; i < n; i++) kill(pids[i], SIGKILL);
  for (int i = 0; i < n; i++) waitpid(pids[i], NULL, 0);
  return 0;
}

static double cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static const char *const FILES[] = {"stat", "status", "io"};
static const char *const LIGHT_FILES[] = {"stat", "statm", "io"};
static char buffer[65536];
static volatile unsigned long sink;

/* As much parsing as a reader cannot avoid: every byte is looked at. */
static void parse(ssize_t length) {
  unsigned long sum = 0;
  for (ssize_t i = 0; i < length; i++) sum = buffer[i] >= '0' && buffer[i] <= '9' ? sum * 10 + (unsigned long)(buffer[i] - '0') : sum;
  sink += sum;
}

static int open_of(int pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return open(path, flags);
}

static void every(double seconds, int *pids, int n) {
  int(*fds)[4] = calloc((size_t)n, sizeof *fds);
  for (int p = 0; p < n; p++) {
    for (int f = 0; f < 3; f++) fds[p][f] = open_of(pids[p], LIGHT_FILES[f], O_RDONLY);
    fds[p][3] = open_of(pids[p], "fd", O_PATH);
  }
  for (;;) {
    usleep((useconds_t)(seconds * 1e6));
    for (int p = 0; p < n; p++) {
      struct stat st;
      for (int f = 0; f < 3; f++) parse(pread(fds[p][f], buffer, sizeof buffer, 0));
      fstat(fds[p][3], &st);
      sink += (unsigned long)st.st_size;
    }
  }
}

static double measure(int *pids, int n, double budget_us, int keep) {
  int(*fds)[4] = calloc((size_t)n, sizeof *fds);
  for (int p = 0; keep && p < n; p++) {
    for (int f = 0; f < 3; f++) fds[p][f] = open_of(pids[p], FILES[f], O_RDONLY);
    fds[p][3] = open_of(pids[p], "fd", O_PATH);
  }
  unsigned long samples = 0;
  double from = cpu_us(), used = 0;
  for (; used < budget_us; used = cpu_us() - from) {
    for (int p = 0; p < n; p++, samples++) {
      for (int f = 0; f < 3; f++) {
        int fd = keep ? fds[p][f] : open_of(pids[p], FILES[f], O_RDONLY);
        parse(pread(fd, buffer, sizeof buffer, 0));
        if (!keep) close(fd);
      }
      struct stat st;
      if (keep) {
        fstat(fds[p][3], &st);
      } else {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/fd", pids[p]);
        stat(path, &st);
      }
      sink += (unsigned long)st.st_size;
    }
  }
  for (int p = 0; keep && p < n; p++)
    for (int f = 0; f < 4; f++) close(fds[p][f]);
  free(fds);
  return used / (double)samples;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "sleepers") == 0) return sleepers(atoi(argv[2]));
  int repeats = argc >= 4 && strcmp(argv[1], "every") == 0;
  if (!repeats && (argc < 4 || strcmp(argv[1], "floor") != 0))
    return fprintf(stderr, "usage: sleepers N | floor MS PID... | every S PID...\n"), 2;
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int n = argc - 3;
  int *pids = calloc((size_t)n, sizeof *pids);
  for (int i = 0; i < n; i++) pids[i] = atoi(argv[i + 3]);
  if (repeats) every(atof(argv[2]), pids, n);
  double budget = atof(argv[2]) * 1000;
  measure(pids, n, budget / 4, 1);
  printf("%.3f %.3f\n", measure(pids, n, budget, 1), measure(pids, n, budget, 0));
  return 0;
}

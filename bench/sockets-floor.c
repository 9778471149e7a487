/*
 * The physical floor of bench/pools.ts: N FILES reads each of the files N times to its end, looks at no byte, and prints the CPU
 * milliseconds of one round of them all: the lower quartile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static double cpu_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int rounds = argc > 2 ? atoi(argv[1]) : 0;
  if (rounds < 1) return fprintf(stderr, "usage: sockets-floor N FILE...\n"), 2;
  double *spent = calloc((size_t)rounds, sizeof *spent);
  for (int round = 0; round < rounds; round++) {
    usleep(20000);
    double from = cpu_ms();
    for (int i = 2; i < argc; i++) {
      int fd = open(argv[i], O_RDONLY);
      if (fd < 0) return perror(argv[i]), 1;
      while (read(fd, buffer, sizeof buffer) > 0) {
      }
      close(fd);
    }
    spent[round] = cpu_ms() - from;
  }
  qsort(spent, (size_t)rounds, sizeof *spent, ascending);
  return printf("%.3f\n", spent[rounds / 4]) < 0;
}

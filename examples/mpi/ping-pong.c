/* An MPI program that shows what a container must not break. Every rank prints where it runs and how many of the
 * ranks on its node it can read by cross-memory attach (CMA: process_vm_readv(2)), which MPI libraries use for
 * large messages; then the first and the last rank play ping-pong.
 *
 *   mpicc -O2 -o ping-pong ping-pong.c
 *   mpirun -n 4 ./ping-pong [BYTES]        size of the large message, 4 MiB by default; 0: no ping-pong
 */
#define _GNU_SOURCE
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { rounds = 20 };

/* What the ranks tell each other: where `token` lies in whose memory. */
struct rank {
  char host[64];
  char container[64];
  long pid;
  long *token;
};

static void describe(struct rank *self, long *token) {
  memset(self, 0, sizeof *self);
  gethostname(self->host, sizeof self->host - 1);
  if (readlink("/proc/self/ns/mnt", self->container, sizeof self->container - 1) < 0) self->container[0] = '?';
  self->pid = getpid();
  self->token = token;
}

static int can_read(const struct rank *other, long expected) {
  long value = 0;
  struct iovec here = {&value, sizeof value}, there = {other->token, sizeof value};
  return process_vm_readv((pid_t)other->pid, &here, 1, &there, 1, 0) == sizeof value && value == expected;
}

static void report(int rank, int size, const struct rank *all) {
  int neighbours = 0, readable = 0;
  for (int i = 0; i < size; i++) {
    if (i == rank || strcmp(all[i].host, all[rank].host) != 0) continue;
    neighbours++;
    readable += can_read(&all[i], 1000 + i);
  }
  printf("rank %d of %d on %s in %s: cma %d/%d\n", rank, size, all[rank].host, all[rank].container, readable,
         neighbours);
  fflush(stdout);
}

/* Microseconds for one way of a message of `bytes`; aborts if it does not come back as it was sent. */
static double ping_pong(int rank, int last, char *buffer, int bytes) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = MPI_Wtime();
  for (int i = 0; i < rounds; i++) {
    if (rank == 0) {
      memset(buffer, i, (size_t)bytes);
      MPI_Send(buffer, bytes, MPI_BYTE, last, 0, MPI_COMM_WORLD);
      MPI_Recv(buffer, bytes, MPI_BYTE, last, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      if (buffer[0] != (char)(i + 1) || buffer[bytes - 1] != (char)(i + 1)) MPI_Abort(MPI_COMM_WORLD, 9);
    } else if (rank == last) {
      MPI_Recv(buffer, bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      for (int at = 0; at < bytes; at++) buffer[at]++;
      MPI_Send(buffer, bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    }
  }
  return (MPI_Wtime() - start) / rounds / 2 * 1e6;
}

int main(int argc, char **argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);

  static long token;
  token = 1000 + rank;
  struct rank self, *all = calloc((size_t)size, sizeof *all);
  describe(&self, &token);
  MPI_Allgather(&self, sizeof self, MPI_BYTE, all, sizeof self, MPI_BYTE, MPI_COMM_WORLD);
  report(rank, size, all);
  MPI_Barrier(MPI_COMM_WORLD); /* nobody ends while others still read from it */

  const int large = argc > 1 ? atoi(argv[1]) : 4 << 20;
  if (size > 1 && large > 0) {
    char *buffer = malloc((size_t)large);
    const int sizes[] = {8, large};
    for (int i = 0; i < 2; i++) {
      const double time = ping_pong(rank, size - 1, buffer, sizes[i]);
      if (rank == 0) printf("ping-pong %d bytes: %.1f us\n", sizes[i], time);
    }
    free(buffer);
  }
  free(all);
  MPI_Finalize();
  return 0;
}

// How long it takes to wake a CPU that sleeps: the least that an answer from another CPU can take, whoever gives it.
//
//   gcc -O2 -pthread wake.c -o wake && ./wake [ROUNDS]
//
// A thread on the first CPU writes to one eventfd and sleeps until another is written to; a thread on the second looks for
// that without ever sleeping, and answers. Prints the median of the rounds in microseconds.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static int question, answer;

static void runOn(int cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
        perror("wake: two CPUs are needed");
        exit(1);
    }
}

static void *answerer(void *unused) {
    (void)unused;
    runOn(1);
    for (;;) {
        uint64_t count;
        if (read(question, &count, sizeof count) != sizeof count) continue;
        count = 1;
        if (write(answer, &count, sizeof count) != sizeof count) exit(1);
    }
}

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int ascending(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **words) {
    size_t rounds = count > 1 ? strtoul(words[1], NULL, 10) : 20000;
    double *took = calloc(rounds ? rounds : 1, sizeof *took);
    pthread_t thread;
    question = eventfd(0, EFD_NONBLOCK);
    answer = eventfd(0, 0);
    if (!rounds || !took || question < 0 || answer < 0) return 1;
    runOn(0);
    if (pthread_create(&thread, NULL, answerer, NULL) != 0) return 1;
    for (size_t round = 0; round < rounds; round++) {
        uint64_t one = 1;
        double begin = microseconds();
        if (write(question, &one, sizeof one) != sizeof one) return 1;
        if (read(answer, &one, sizeof one) != sizeof one) return 1;
        took[round] = microseconds() - begin;
    }
    qsort(took, rounds, sizeof *took, ascending);
    printf("%.1f\n", took[rounds / 2]);
    return 0;
}

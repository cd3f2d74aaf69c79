#ifndef NN_PARALLEL
#define NN_PARALLEL

/* A kernel in parts, which may run at the same time and in any order. */
typedef struct nn_task {
    void (*run)(const struct nn_task *task, int part);
    const void *const *at;           /* what it reads and writes */
    ptrdiff_t count;
    uint64_t seed;
} nn_task;

/* Threads of the caller: parallel_for calls task->run(task, i) for every i of 0..n-1, from any
 * threads, and returns when all of them have returned. */
typedef struct nn_parallel {
    void (*parallel_for)(void *user, const nn_task *task, int n);
    void *user;
} nn_parallel;

#endif


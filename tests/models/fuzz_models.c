/* Random networks (maker.h): generated code, under the sanitizers and run as badly as its interface
 * allows (tests/runner.c), against the interpreter on the graph as it was before any optimisation.
 *
 *     fuzz_models [-n MODELS] [-s SEED] [-b MODELS a build] [-t TARGET] [-k STEPS] [-j JOBS]
 *                 [-r THREADS] [-l] [-p]
 *     fuzz_models [-t TARGET] [-r THREADS] FILE.nn ...
 *
 * Targets take turns. With -r kernels are cut into parts for so many threads, and the parts run in
 * any order; with -l all models are large, not just some. Of what fails the program stays in
 * build/fuzz-models. Seeds are tried in processes of their own, so that a crash is found too. To
 * look closer: -p prints the program of SEED, -n 1 -s SEED -k STEPS tries its beginning, and nnc
 * check shows each tensor. */
#include <getopt.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compare.h"
#include "maker.h"

typedef struct Fuzz {
    int models, build, jobs, steps, threads;
    bool large;
    uint64_t seed;
    const char *target; /* NULL: all of this machine in turn */
    int targets;
    const Target *all[MAX_TARGETS];
} Fuzz;

/* Those of this machine, or the one that was asked for, perhaps under an emulator. Returns why that
 * cannot run, or NULL. */
static const char *find_targets(Fuzz *f, Arena *arena)
{
    const char *reason = NULL;
    for (int i = 0; targets[i]; i++) {
        if (f->target ? strcmp(f->target, targets[i]->name) != 0 : !target_runs_here(targets[i]))
            continue;
        if (f->target) reason = generated_cannot_run(arena, targets[i]);
        f->all[f->targets++] = targets[i];
    }
    return reason;
}

static const char *directory(void)
{
    const char *build = getenv("BUILD");
    return build && *build ? build : "build";
}

/* ---- a build: some models in one program, in a process of its own ---- */

static Trial trial_new(const Fuzz *f, Arena *arena, const Target *target, const char *name)
{
    static const char sanitize[] =
        "-O0 -g1 -Wno-sign-conversion -fsanitize=address,undefined -fno-sanitize-recover=undefined";
    const char *flags = generated_abroad(target) ? "-O0" : sanitize;
    Trial t = {.arena = arena, .generated = generated_new(arena, target, name, flags)};
    t.generated->threads = f->threads;
    return t;
}

/* Ends with the number of models that fail, at most 99, or 100 and more where it broke down. */
static void try_models(const Fuzz *f, uint64_t seed, int count)
{
    Arena *arena = arena_new();
    const Target *target = f->all[seed / (uint64_t)f->build % (uint64_t)f->targets];
    const char *directory_name = arena_printf(arena, "fuzz%llu", (unsigned long long)seed);
    Trial t = trial_new(f, arena, target, directory_name);
    for (int i = 0; i < count; i++) {
        const char *name = arena_printf(arena, "f%llu", (unsigned long long)(seed + (uint64_t)i));
        const char *path = arena_printf(arena, "%s/fuzz-models/%s.nn", directory(), name);
        const char *text = maker_program(arena, name, seed + (uint64_t)i, f->steps, f->large);
        const char *problem = file_write(arena, path, text, strlen(text));
        if (problem) fail_msg("%s", problem);
        trial_add(&t, name, path);
    }
    int failed = trial_end(&t);
    if (!failed)
        for (int i = 0; i < count; i++)
            unlink(arena_printf(arena, "%s/fuzz-models/f%llu.nn", directory(),
                                (unsigned long long)(seed + (uint64_t)i)));
    fflush(stdout);
    _exit(failed > 99 ? 99 : failed);
}

static pid_t start(const Fuzz *f, uint64_t seed, int count)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) try_models(f, seed, count);
    return child;
}

static int status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128; }

/* What broke down is tried model by model. */
static int find_broken(const Fuzz *f, uint64_t seed, int count)
{
    int failed = 0;
    for (int i = 0; i < count; i++) {
        int status = 0;
        waitpid(start(f, seed + (uint64_t)i, 1), &status, 0);
        if (status_of(status) > 99)
            printf("f%llu: breaks down\n", (unsigned long long)(seed + (uint64_t)i));
        failed += status_of(status) != 0;
    }
    return failed;
}

/* ---- all ---- */

typedef struct Job {
    pid_t child;
    uint64_t seed;
    int count;
} Job;

static int finish_one(const Fuzz *f, Job *jobs, int *running)
{
    int status = 0, at = 0;
    const pid_t child = wait(&status);
    while (at < *running && jobs[at].child != child) at++;
    if (at == *running) return 0;
    const Job job = jobs[at];
    jobs[at] = jobs[--*running];
    if (status_of(status) <= 99) return status_of(status);
    if (job.count > 1) return find_broken(f, job.seed, job.count);
    printf("f%llu: breaks down\n", (unsigned long long)job.seed);
    return 1;
}

static int fuzz(const Fuzz *f)
{
    Job jobs[64];
    int running = 0, failed = 0;
    for (int i = 0; i < f->models; i += f->build) {
        const int count = f->models - i < f->build ? f->models - i : f->build;
        if (running == f->jobs) failed += finish_one(f, jobs, &running);
        const uint64_t seed = f->seed + (uint64_t)i;
        jobs[running++] = (Job){start(f, seed, count), seed, count};
    }
    while (running) failed += finish_one(f, jobs, &running);
    printf("%d of %d models failed\n", failed, f->models);
    return failed != 0;
}

/* The programs as they are, on each target. */
static int try_files(const Fuzz *f, Arena *arena, char **paths)
{
    int failed = 0;
    for (int i = 0; i < f->targets; i++) {
        Trial t = trial_new(f, arena, f->all[i], "fuzz-files");
        for (int j = 0; paths[j]; j++) trial_add(&t, paths[j], paths[j]);
        failed += trial_end(&t);
    }
    return failed != 0;
}

int main(int argc, char **argv)
{
    Fuzz f = {.models = 500, .build = 20, .jobs = 2, .steps = 1000, .seed = 1};
    bool print = false;
    int option;
    while ((option = getopt(argc, argv, "n:s:b:t:k:j:r:lp")) != -1) {
        if (option == 'n') f.models = atoi(optarg);
        else if (option == 's') f.seed = strtoull(optarg, NULL, 10);
        else if (option == 'b') f.build = atoi(optarg);
        else if (option == 't') f.target = optarg;
        else if (option == 'k') f.steps = atoi(optarg);
        else if (option == 'j') f.jobs = atoi(optarg);
        else if (option == 'r') f.threads = atoi(optarg);
        else if (option == 'l') f.large = true;
        else if (option == 'p') print = true;
        else return 2;
    }
    Arena *arena = arena_new();
    const char *reason = find_targets(&f, arena);
    if (reason) {
        printf("skipped: %s\n", reason);
        return 0;
    }
    if (f.models < 1 || f.build < 1 || f.jobs < 1 || f.jobs > 64 || !f.targets) {
        fprintf(stderr, "usage: fuzz_models [-n MODELS] [-s SEED] [-b BUILD] [-t TARGET] "
                        "[-k STEPS] [-j JOBS] [-r THREADS] [-l] [-p] [FILES]\n");
        return 2;
    }
    if (optind < argc) return try_files(&f, arena, argv + optind);
    if (print) {
        fputs(maker_program(arena, "f", f.seed, f.steps, f.large), stdout);
        return 0;
    }
    mkdir(directory(), 0777);
    mkdir(arena_printf(arena, "%s/fuzz-models", directory()), 0777);
    arena_free(arena);
    return fuzz(&f);
}

/* bench -t TARGET [-b BATCH] [-o DIR] [-d DATA] MODEL: measures on request (serve.h). BATCH is the
 * batch of training, DIR keeps the C and the shared object, DATA is the directory of the model's
 * data. */
#include <getopt.h>
#include <stdlib.h>

#include "lower/optimizer.h"
#include "nn_float_mode.h"
#include "serve.h"

typedef struct Request {
    const char *path, *target, *directory, *data;
    int64_t batch; /* 0: what the program says */
} Request;

static int measure(const Request *r)
{
    Arena *arena = arena_new();
    Dissection model;
    CompileOptions options = {.targets = {target_find(r->target)}, .target_count = 1};
    options.elaborate.train_batch = r->batch;
    options.emit = (EmitOptions){.command = "make bench-peers", .optimizer = OPTIMIZER_ADAM};
    const char *error = options.targets[0]
                          ? dissect_open(arena, r->path, &options, r->directory, &model)
                          : arena_printf(arena, "unknown target %s", r->target);
    if (error) {
        fprintf(stderr, "bench: %s\n", error);
        arena_free(arena);
        return 1;
    }
    const uint64_t mode = nn_float_mode_fast();
    serve(arena, &model, r->data);
    nn_float_mode_restore(mode);
    dissect_close(&model);
    arena_free(arena);
    return 0;
}

int main(int argc, char **argv)
{
    Request r = {.target = "scalar", .directory = "build/bench"};
    int option;
    while ((option = getopt(argc, argv, "t:b:o:d:")) != -1) {
        if (option == 't') r.target = optarg;
        else if (option == 'b') r.batch = atoi(optarg);
        else if (option == 'o') r.directory = optarg;
        else if (option == 'd') r.data = optarg;
        else return 2;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: bench -t TARGET [-b BATCH] [-o DIR] [-d DATA] MODEL\n");
        return 2;
    }
    r.path = argv[optind];
    return measure(&r);
}

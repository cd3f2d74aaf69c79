/* Generated code run by tests: modules are compiled for one target into one program together with
 * tests/runner.c, which runs it as badly as its interface allows, under an emulator where the
 * target is another architecture.
 *
 *     Generated *g = generated_new(arena, target, "ops", "-O1");
 *     const int model = generated_add(g, module, -1);
 *     generated_build(g);
 *     GeneratedRun *run = generated_queue(g, model, graph, params, states, inputs, count);
 *     generated_flush(g);                          run->outputs as interp_run would give them */
#ifndef NNC_TESTS_GENERATED_H
#define NNC_TESTS_GENERATED_H
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "driver/native.h"
#include "graphs.h"
#include "lower/optimizer.h"
#include "parts.h"
#include "runner.h"

enum { GENERATED_LEAST = 4 }; /* statements in a loop that are worth parts */

#define GENERATED_FLAGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

typedef struct GeneratedModel {
    const Module *module;
    const char *name;
    bool steps;
} GeneratedModel;

typedef struct GeneratedRun {
    RunHead head;
    const Graph *graph;
    float *const *params, *const *states; /* logical */
    float *const *sessions;               /* NULL: zeros */
    const Tensor *inputs;
    AnswerHead answer;
    Tensor *outputs; /* by graph->outputs, of the last call */
    float **trained; /* parameters afterwards, logical */
} GeneratedRun;

typedef struct Generated {
    Arena *arena;
    const Target *target;
    const char *directory, *flags;
    int threads; /* > 0: kernels in parts, which run in any order */
    VEC(GeneratedModel) models;
    VEC(GeneratedRun *) runs; /* since the last flush */
} Generated;

/* ---- where it runs ---- */

typedef struct Abroad {
    const char *target, *compiler, *link, *emulator;
} Abroad;

/* How to build and run for a target of another architecture; NULL for this one's. */
static inline const Abroad *generated_abroad(const Target *target)
{
    static const Abroad neon = {"neon", "aarch64-linux-gnu-gcc", "-static", "qemu-aarch64"};
#ifndef __aarch64__
    if (strcmp(target->name, neon.target) == 0) return &neon;
#endif
    return NULL;
}

static inline bool generated_has_program(Arena *arena, const char *name)
{
    const char *command = arena_printf(arena, "command -v %s > /dev/null 2>&1", name);
    return system(command) == 0;
}

/* NULL, or why code for the target cannot be run here. */
static inline const char *generated_cannot_run(Arena *arena, const Target *target)
{
    const Abroad *abroad = generated_abroad(target);
    const bool widest = target == target_find("native") || target->width == 1;
    if (getenv("NNC_TEST_FLAGS") && (abroad || !widest))
        return arena_printf(arena, "%s: sanitizers look at scalar and the widest alone",
                            target->name);
    if (!abroad)
        return target_runs_here(target)
                 ? NULL
                 : arena_printf(arena, "this processor lacks %s", target->name);
    if (!generated_has_program(arena, abroad->compiler))
        return arena_printf(arena, "%s: there is no %s", target->name, abroad->compiler);
    if (!generated_has_program(arena, abroad->emulator))
        return arena_printf(arena, "%s: there is no %s", target->name, abroad->emulator);
    return NULL;
}

/* Skips the test where code for the target cannot run. */
static inline void generated_or_skip(const Target *target)
{
    Arena *arena = arena_new();
    const char *reason = generated_cannot_run(arena, target);
    if (reason) print_message("[  SKIPPED ] %s\n", reason);
    arena_free(arena);
    if (reason) skip();
}

/* ---- building ---- */

/* Files go to a directory under that of the build, one a name and target, and stay there. */
static inline Generated *generated_new(Arena *arena, const Target *target, const char *name,
                                       const char *optimise)
{
    Generated *g = arena_make(arena, Generated);
    const char *build = getenv("BUILD"), *extra = getenv("NNC_TEST_FLAGS");
    const char *tests = arena_printf(arena, "%s/tests", build ? build : "build");
    const char *above = arena_printf(arena, "%s/generated", tests);
    g->arena = arena;
    g->target = target;
    g->directory = arena_printf(arena, "%s/%s-%s", above, name, target->name);
    g->flags =
        arena_printf(arena, "%s %s", optimise, generated_abroad(target) || !extra ? "" : extra);
    mkdir(tests, 0777);
    mkdir(above, 0777);
    mkdir(g->directory, 0777);
    return g;
}

static inline void generated_write(const Generated *g, const char *name, const Text *text)
{
    const char *path = arena_printf(g->arena, "%s/%s", g->directory, name);
    const char *problem = file_write(g->arena, path, text->at, text->length);
    if (problem) fail_msg("%s", problem);
}

/* What loops touch must be what the plan says, or liveness means nothing. */
static inline void generated_check_arguments(const Lowered *lowered)
{
    for (int i = 0; i < lowered->entries.count; i++)
        for (int j = 0; j < lowered->entries.at[i].calls.count; j++) {
            const KernelCall *call = &lowered->entries.at[i].calls.at[j];
            for (int k = 0; k < call->arguments.count; k++) {
                const Value *v = call->arguments.at[k];
                bool known = false;
                for (int n = 0; n < call->kernel->operands.count; n++)
                    known |= call->kernel->operands.at[n] == v;
                for (int n = 0; n < call->kernel->results.count; n++)
                    known |= call->kernel->results.at[n] == v;
                for (int n = 0; n < call->kernel->scratch.count; n++)
                    known |= call->kernel->scratch.at[n] == v;
                if (!known)
                    fail_msg("%s: %s touches %s, which it does not announce",
                             lowered->plan->module->name, call->kernel->name, v->name);
            }
        }
}

/* Plans, lowers and prints a module whose passes have run; with NAME_step where optimizer is an
 * OptimizerKind. Returns its number. */
static inline int generated_add(Generated *g, const Module *module, int optimizer)
{
    Text header = text_new(g->arena), source = text_new(g->arena), driven = text_new(g->arena);
    const int number = g->models.count;
    const char *name = arena_printf(g->arena, "m%d_%s", number, module->name);
    Plan *plan = plan_module(g->arena, module, g->threads);
    const char *wrong = plan_verify(g->arena, plan);
    if (wrong) fail_msg("%s: %s", module->name, wrong);
    Lowered *lowered = lower_plan(g->arena, plan, g->target);
    generated_check_arguments(lowered);
    if (g->threads) lower_divide(lowered, g->threads, GENERATED_LEAST);
    if (optimizer >= 0) lower_optimizer(lowered->program, (OptimizerKind)optimizer);
    const EmitOptions options = {
        .name = name, .command = "tests", .optimizer = optimizer, .threads = g->threads};
    const Emission e = emission_new(g->arena, plan, &lowered, 1, &options);
    emit_header(&header, &e);
    emit_source(&source, &e);
    if (g->threads) text_add_parallel(&driven, source.at, name);
    generated_write(g, arena_printf(g->arena, "%s.h", e.options.name), &header);
    generated_write(g, arena_printf(g->arena, "%s.c", e.options.name),
                    g->threads ? &driven : &source);
    vec_push(g->arena, g->models,
             ((GeneratedModel){.module = module, .name = e.options.name, .steps = optimizer >= 0}));
    return number;
}

static inline void generated_step_function(Text *out, const char *name)
{
    text_addf(out,
              "static int step_%s(float *params, const float *grads, float *first, float *second,\n"
              "    int64_t step, float rate)\n{\n    %s_step_args a;\n"
              "    a.params = params;\n    a.grads = grads;\n    a.first = first;\n"
              "    a.second = second;\n    a.step = step;\n    a.rate = rate;\n"
              "    a.beta1 = 0.9f;\n    a.beta2 = 0.999f;\n    a.eps = 1e-8f;\n"
              "    a.decay = 0.0f;\n    return %s_step(&a);\n}\n\n",
              name, name, name);
}

/* Parts one after the other, in an order that differs from call to call and so between two runs. */
static const char generated_parallel[] =
    "static void in_any_order(void *user, const nn_task *task, int n)\n{\n"
    "    unsigned *const state = (unsigned *)user;\n"
    "    *state = *state * 1664525u + 1013904223u;\n"
    "    const int first = (int)(*state >> 8) % n, step = *state >> 31 ? 1 : n - 1;\n"
    "    for (int i = 0; i < n; i++) task->run(task, (first + i * step) % n);\n}\n\n"
    "static unsigned order;\n"
    "static const nn_parallel parallel = {in_any_order, &order};\n"
    "const nn_parallel *const test_parallel = &parallel;\n\n";

/* One file that includes all others: the compiler reads its headers once. */
static inline void generated_write_table(Generated *g)
{
    Text all = text_new(g->arena);
    for (int i = 0; i < g->models.count; i++)
        text_addf(&all, "#include \"%s.c\"\n", g->models.at[i].name);
    text_add(&all, "#include \"runner.h\"\n\n");
    if (g->threads) text_add(&all, generated_parallel);
    for (int i = 0; i < g->models.count; i++)
        if (g->models.at[i].steps) generated_step_function(&all, g->models.at[i].name);
    text_add(&all, "const RunModel run_models[] = {\n");
    for (int i = 0; i < g->models.count; i++) {
        const GeneratedModel *m = &g->models.at[i];
        text_addf(&all, "    {&%s_model, %s%s},\n", m->name, m->steps ? "step_" : "",
                  m->steps ? m->name : "0");
    }
    text_add(&all, "};\n");
    generated_write(g, "all.c", &all);
}

static inline void generated_command(const Generated *g, const char *what, const char *command)
{
    const char *log = arena_printf(g->arena, "%s/log", g->directory);
    const char *line = arena_printf(g->arena, "%s > %s 2>&1", command, log);
    if (system(line) == 0) return;
    print_error("%s\n", command);
    if (system(arena_printf(g->arena, "head -n 40 %s >&2", log)) != 0) print_error("(no log)\n");
    fail_msg("%s for %s failed", what, g->target->name);
}

static inline void generated_build(Generated *g)
{
    static const char sources[] = "tests/runner.c runtime/nn_optimizer.c runtime/nn_adam.c "
                                  "runtime/nn_schedule.c runtime/nn_error.c";
    const Abroad *abroad = generated_abroad(g->target);
    const char *cc = getenv("CC");
    generated_write_table(g);
    generated_command(
        g, "compiling",
        arena_printf(g->arena,
                     "%s -std=c11 -D_POSIX_C_SOURCE=200809L %s %s -I%s -Itests -Iruntime "
                     "-o %s/runner %s/all.c %s %s -lm",
                     abroad      ? abroad->compiler
                     : cc && *cc ? cc
                                 : "cc",
                     GENERATED_FLAGS, g->flags, g->directory, g->directory, g->directory, sources,
                     abroad ? abroad->link : ""));
}

/* ---- running ---- */

static inline int generated_entry(const Module *module, const Graph *graph)
{
    for (int i = 0; i < module->entries.count; i++)
        if (module->entries.at[i] == graph) return i;
    fail_msg("%s is no entry of %s", graph->name, module->name);
    return -1;
}

/* params, states and inputs must stay until the flush. */
static inline GeneratedRun *generated_queue(Generated *g, int model, const Graph *graph,
                                            float *const *params, float *const *states,
                                            const Tensor *inputs, int64_t count)
{
    GeneratedRun *run = arena_make(g->arena, GeneratedRun);
    const Module *module = g->models.at[model].module;
    run->head = (RunHead){.kind = RUN_ENTRY, .model = model, .count = (int32_t)count};
    run->head.entry = generated_entry(module, graph);
    run->head.may_omit = emit_has(graph, OUT_LOSS);
    run->graph = graph;
    run->params = params;
    run->states = states;
    run->inputs = inputs;
    vec_push(g->arena, g->runs, run);
    return run;
}

static inline size_t generated_bytes(Type type)
{
    return (size_t)type_elements(type) * (type.dtype == DT_U8 || type.dtype == DT_BOOL ? 1 : 4);
}

static inline void generated_put(FILE *file, const void *data, size_t size)
{
    if (size && fwrite(data, 1, size, file) != size) fail_msg("cannot write a request");
}

static inline void generated_get(FILE *file, void *data, size_t size)
{
    if (size && fread(data, 1, size, file) != size) fail_msg("an answer ends early");
}

/* Each session of the structure begins at a multiple of so many floats. */
enum { SESSION_ROUND = 16 };

static inline size_t generated_session_bytes(Type type)
{
    const size_t round = SESSION_ROUND * sizeof(float);
    return (generated_bytes(type) + round - 1) / round * round;
}

static inline void generated_request(const Generated *g, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("cannot write %s", path);
    const int32_t count = g->runs.count;
    generated_put(file, &count, sizeof count);
    for (int i = 0; i < count; i++) {
        const GeneratedRun *run = g->runs.at[i];
        const Module *m = g->models.at[run->head.model].module;
        generated_put(file, &run->head, sizeof run->head);
        for (int j = 0; j < m->params.count; j++)
            generated_put(file, run->params[j], generated_bytes(m->params.at[j].type));
        for (int j = 0; j < m->states.count; j++)
            generated_put(file, run->states[j], generated_bytes(m->states.at[j].type));
        for (int j = 0; j < m->sessions.count; j++) {
            const size_t bytes = generated_bytes(m->sessions.at[j].type);
            float *padded = arena_array(g->arena, float, bytes / 4 + SESSION_ROUND);
            if (run->sessions) memcpy(padded, run->sessions[j], bytes);
            generated_put(file, padded, generated_session_bytes(m->sessions.at[j].type));
        }
        for (int j = 0; j < run->graph->inputs.count; j++)
            generated_put(file, run->inputs[j].data, generated_bytes(run->inputs[j].type));
    }
    fclose(file);
}

static inline float **generated_tensors(const Generated *g, FILE *file, const ParamList *list)
{
    float **at = arena_array(g->arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        at[i] = arena_array(g->arena, float, type_elements(list->at[i].type) + 1);
        generated_get(file, at[i], generated_bytes(list->at[i].type));
    }
    return at;
}

static inline float **generated_sessions(const Generated *g, FILE *file, const ParamList *list)
{
    float **at = arena_array(g->arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        const size_t bytes = generated_session_bytes(list->at[i].type);
        at[i] = arena_array(g->arena, float, bytes / 4);
        generated_get(file, at[i], bytes);
    }
    return at;
}

/* Buffers of the caller come first, then loss and metrics, then tensors of arrays. */
static inline void generated_answer(const Generated *g, FILE *file, GeneratedRun *run)
{
    const Module *m = g->models.at[run->head.model].module;
    const Graph *graph = run->graph;
    float loss[2], pair[2];
    run->outputs = arena_array(g->arena, Tensor, graph->outputs.count + 1);
    generated_get(file, &run->answer, sizeof run->answer);
    if (run->answer.status != NN_OK) return;
    for (int i = 0; i < graph->outputs.count; i++) {
        run->outputs[i] = tensor_new(g->arena, graph->outputs.at[i].node->type);
        if (emit_is_tensor(graph->outputs.at[i].kind))
            generated_get(file, run->outputs[i].data, generated_bytes(run->outputs[i].type));
    }
    generated_get(file, loss, sizeof loss);
    for (int i = 0; i < graph->outputs.count; i++) {
        const OutputKind kind = graph->outputs.at[i].kind;
        if (kind == OUT_METRIC) generated_get(file, pair, sizeof pair);
        if (kind == OUT_METRIC || kind == OUT_LOSS)
            memcpy(run->outputs[i].data, kind == OUT_LOSS ? loss : pair,
                   generated_bytes(run->outputs[i].type));
    }
    float **grads = generated_tensors(g, file, &m->params);
    float **states = generated_tensors(g, file, &m->states);
    float **sessions = generated_sessions(g, file, &m->sessions);
    run->trained = generated_tensors(g, file, &m->params);
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *o = &graph->outputs.at[i];
        if (o->kind == OUT_GRAD) run->outputs[i].data = grads[o->param];
        if (o->kind == OUT_STATE) run->outputs[i].data = states[o->param];
        if (o->kind == OUT_SESSION) run->outputs[i].data = sessions[o->param];
    }
}

static inline void generated_flush(Generated *g)
{
    const Abroad *abroad = generated_abroad(g->target);
    const char *request = arena_printf(g->arena, "%s/request", g->directory);
    const char *answer = arena_printf(g->arena, "%s/answer", g->directory);
    generated_request(g, request);
    generated_command(g, "running",
                      arena_printf(g->arena, "%s %s/runner %s %s", abroad ? abroad->emulator : "",
                                   g->directory, request, answer));
    FILE *file = fopen(answer, "rb");
    if (!file) fail_msg("there is no %s", answer);
    for (int i = 0; i < g->runs.count; i++) generated_answer(g, file, g->runs.at[i]);
    fclose(file);
    g->runs.count = 0;
}

/* What the faults mean, or NULL if there are none. */
static inline const char *generated_faults(Arena *arena, const GeneratedRun *run)
{
    static const char *const texts[] = {"a buffer was overrun", "other garbage gave other bits",
                                        "padding is not zero",
                                        "an input or a parameter was written",
                                        "other bits where outputs are not wanted"};
    Text out = text_new(arena);
    if (run->answer.status != NN_OK)
        text_addf(&out, "it returns: %s", nn_status_text(run->answer.status));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (run->answer.faults >> i & 1) text_addf(&out, "%s%s", out.length ? "; " : "", texts[i]);
    return out.length ? out.at : NULL;
}
#endif

/* Compiles, builds and loads a model; beside its own functions the library holds one caller for
 * each kernel. */
#include "subject.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "driver/buffers.h"
#include "loop/print.h"
#include "lower/optimizer.h"

/* ---- compiling ---- */

static bool compile(Subject *s, const char *path, int64_t train_batch)
{
    CompileOptions *options = arena_make(s->arena, CompileOptions);
    *options = (CompileOptions){.targets = {s->target}, .target_count = 1};
    options->elaborate.train_batch = train_batch;
    options->emit = (EmitOptions){.command = "make bench", .optimizer = OPTIMIZER_ADAM};
    s->compilation = compile_start(s->arena, path, options);
    if (!compile_or_tell(&s->compilation, STAGE_LOWERED)) return false;
    s->plan = s->compilation.plan;
    s->lowered = s->compilation.lowered[0];
    return true;
}

/* ---- building ---- */

static void print_caller(Text *out, const Emission *e, const EntryPlan *plan,
                         const KernelCall *call, int number)
{
    const PrintNames names = {e->options.name, emit_suffix(e, 0)};
    text_addf(out, "static void call_%s_%d(void *const *v)\n{\n    (void)v;\n    %s%s(", plan->name,
              number, call->function->returns_status ? "(void)" : "",
              function_c_name(e->arena, call->function, &names));
    const char *comma = "";
    for (int i = 0; i < call->arguments.count; i++) {
        int at = 0;
        while (plan->values.at[at] != call->arguments.at[i]) at++;
        text_addf(out, "%sv[%d]", comma, at);
        comma = ", ";
    }
    for (int i = 0; i < call->function->scalars.count; i++) {
        text_addf(out, "%s%lld", comma, (long long)plan->graph->batch);
        comma = ", ";
    }
    text_add(out, ");\n}\n");
}

static void print_callers(Text *out, const Emission *e, const LoweredEntry *entry)
{
    for (int i = 0; i < entry->calls.count; i++)
        if (!entry->calls.at[i].body) print_caller(out, e, entry->plan, &entry->calls.at[i], i);
    text_addf(out,
              "\nextern void (*const calls_%s[])(void *const *);\nvoid (*const calls_%s[])(void "
              "*const *) = {",
              entry->plan->name, entry->plan->name);
    for (int i = 0; i < entry->calls.count; i++)
        if (entry->calls.at[i].body) text_add(out, "0, ");
        else text_addf(out, "call_%s_%d, ", entry->plan->name, i);
    text_add(out, "0};\n\n");
}

static const char *build(Subject *s, const char *directory, const char **library)
{
    Text header = text_new(s->arena), source = text_new(s->arena), callers = text_new(s->arena);
    const Emission *e = compile_emission(&s->compilation);
    s->name = e->options.name;
    emit_header(&header, e);
    emit_source(&source, e);
    text_addf(&callers, "#include \"%s.c\"\n\n", s->name);
    for (int i = 0; i < s->lowered->entries.count; i++)
        print_callers(&callers, e, &s->lowered->entries.at[i]);
    const char *at = arena_printf(s->arena, "%s/%s", directory, s->target->name);
    const char *const make[] = {"mkdir", "-p", at, NULL};
    const char *error = run_command(s->arena, make);
    const char *stem = arena_printf(s->arena, "%s/%s", at, s->name),
               *c = arena_printf(s->arena, "%s_callers.c", stem);
    *library = arena_printf(s->arena, "%s.so", stem);
    if (!error)
        error =
            file_write(s->arena, arena_printf(s->arena, "%s.h", stem), header.at, header.length);
    if (!error)
        error =
            file_write(s->arena, arena_printf(s->arena, "%s.c", stem), source.at, source.length);
    if (!error) error = file_write(s->arena, c, callers.at, callers.length);
    const char *cc = getenv("CC");
    cc = cc && *cc ? cc : "cc";
    const char *const line[] = {
        "sh", "-c",
        arena_printf(s->arena, "%s -std=c11 -O2 -fPIC -shared -o %s %s", cc, *library, c), NULL};
    return error ? error : run_command(s->arena, line);
}

/* ---- memory and data ---- */

/* Whole pages, each allocation 17 lines further into its own than the one before: the same place in
 * all pages would make stores look like the loads that follow. */
static float *zeros(Subject *s, int64_t floats)
{
    const size_t shift = (size_t)(17 * 64 * s->allocations++) % 4096;
    const size_t bytes = ((size_t)floats * 4 + shift + 4096) / 4096 * 4096;
    char *at = aligned_alloc(4096, bytes);
    if (!at) abort();
    memset(at, 0, bytes);
    return (float *)(void *)(at + shift);
}

static void make_call(Subject *s, SubjectEntry *e)
{
    e->call = *call_new(s->arena, s->model, e->entry, s->params, s->states);
    e->call.grads = s->grads;
    call_random_inputs(&e->call, e->entry, 1);
}

/* Where a value of the plan lies in the memory of the call. */
static void *place(const Subject *s, const SubjectEntry *e, const Value *v)
{
    const Graph *graph = e->lowered->plan->graph;
    int number = 0;
    switch (v->place) {
    case AT_PARAM: return s->params + v->offset;
    case AT_STATE: return s->states + v->offset;
    case AT_GRAD: return s->grads + v->offset;
    case AT_LOSS: return e->call.loss;
    case AT_METRIC: return e->call.metrics + v->offset;
    case AT_WORK: return (char *)e->call.workspace + v->offset;
    case AT_INPUT:
        while (graph->inputs.at[number]->param != v->index) number++;
        return (void *)(uintptr_t)e->call.inputs[number];
    case AT_OUTPUT:
        for (int i = 0; i < v->index; i++) number += emit_is_tensor(graph->outputs.at[i].kind);
        return e->call.outputs[number];
    case AT_CONST: return (void *)(uintptr_t)v->node->values;
    default: return NULL;
    }
}

static const char *load(Subject *s, const char *library)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return arena_printf(s->arena, "cannot load %s: %s", library, dlerror());
    s->model = dlsym(handle, arena_printf(s->arena, "%s_model", s->name));
    void *step = dlsym(handle, arena_printf(s->arena, "%s_step", s->name));
    if (!s->model || !step)
        return arena_printf(s->arena, "%s lacks its model or its step", library);
    memcpy(&s->step, &step, sizeof s->step);
    s->params = zeros(s, s->model->param_floats);
    s->grads = zeros(s, s->model->param_floats);
    s->first = zeros(s, s->model->param_floats);
    s->second = zeros(s, s->model->param_floats);
    s->states = zeros(s, s->model->state_floats);
    s->model->init(s->params, 1);
    if (s->model->init_states) s->model->init_states(s->states);
    for (int i = 0; i < s->lowered->entries.count; i++) {
        SubjectEntry e = {.lowered = &s->lowered->entries.at[i], .entry = &s->model->entries[i]};
        e.callers = dlsym(handle, arena_printf(s->arena, "calls_%s", e.lowered->plan->name));
        make_call(s, &e);
        e.values = arena_array(s->arena, void *, e.lowered->plan->values.count + 1);
        for (int j = 0; j < e.lowered->plan->values.count; j++)
            e.values[j] = place(s, &e, e.lowered->plan->values.at[j]);
        vec_push(s->arena, s->entries, e);
    }
    return NULL;
}

const char *subject_open(Arena *arena, const char *path, const char *target, int64_t train_batch,
                         const char *directory, Subject *out)
{
    const char *library = NULL;
    *out = (Subject){.arena = arena, .target = target_find(target)};
    if (!out->target) return arena_printf(arena, "unknown target %s", target);
    if (!compile(out, path, train_batch)) return arena_printf(arena, "cannot compile %s", path);
    const char *error = build(out, directory, &library);
    return error ? error : load(out, library);
}

SubjectEntry *subject_entry(const Subject *s, const char *name)
{
    for (int i = 0; i < s->entries.count; i++)
        if (!strcmp(s->entries.at[i].entry->name, name)) return &s->entries.at[i];
    return NULL;
}

int subject_adam(Subject *s)
{
    /* As adam_args.h of the emitter's templates declares it. */
    const struct {
        float *params;
        const float *grads;
        float *first, *second;
        int64_t step;
        float rate, beta1, beta2, eps, decay;
    } args = {s->params, s->grads, s->first, s->second, ++s->steps,
              1e-3f,     0.9f,     0.999f,   1e-8f,     0.0f};
    return s->step(&args);
}

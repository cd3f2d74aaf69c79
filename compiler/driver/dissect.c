/* Compiles, builds and loads a model; beside its own functions the library holds one caller for
 * each kernel. */
#include "driver/dissect.h"

#include <dlfcn.h>
#include <string.h>

#include "driver/buffers.h"
#include "loop/print.h"

/* ---- the parts ---- */

static void **values_new(Arena *arena, const LoweredEntry *lowered)
{
    return arena_array(arena, void *, lowered->plan->values.count + 1);
}

static void add_parts(Arena *arena, DissectedEntry *e, const LoweredEntry *lowered, int depth,
                      int64_t times)
{
    void **values = values_new(arena, lowered);
    for (int i = 0; i < lowered->calls.count; i++) {
        const KernelCall *call = &lowered->calls.at[i];
        if (call->body)
            add_parts(arena, e, call->body, depth + 1, times * scan_steps(call->kernel));
        else
            vec_push(arena, e->parts,
                     ((Part){.lowered = lowered,
                             .call = call,
                             .depth = depth,
                             .times = times,
                             .values = values}));
    }
}

static bool compile(Dissection *d, const char *path, const CompileOptions *options)
{
    d->compilation = compile_start(d->arena, path, options);
    if (!compile_or_tell(&d->compilation, STAGE_LOWERED)) return false;
    d->plan = d->compilation.plan;
    d->lowered = d->compilation.lowered[0];
    for (int i = 0; i < d->lowered->entries.count; i++) {
        DissectedEntry e = {.lowered = &d->lowered->entries.at[i]};
        add_parts(d->arena, &e, e.lowered, 0, 1);
        vec_push(d->arena, d->entries, e);
    }
    return true;
}

/* ---- building ---- */

static int place_of(const EntryPlan *plan, const Value *value)
{
    int at = 0;
    while (plan->values.at[at] != value) at++;
    return at;
}

static void print_caller(Text *out, const Emission *e, const Part *part, const char *entry,
                         int number)
{
    const PrintNames names = {e->options.name, emit_suffix(e, 0)};
    const Function *f = part->call->function;
    const long long batch = (long long)part->lowered->plan->graph->batch;
    const bool by_samples = part->call->kernel->samples;
    text_addf(out, "static void call_%s_%d(void *const *v)\n{\n    (void)v;\n", entry, number);
    if (by_samples) text_addf(out, "    for (int row = 0; row < %lld; row++)\n    ", batch);
    text_addf(out, "    %s%s(", f->returns_status ? "(void)" : "",
              function_c_name(e->arena, f, &names));
    const char *comma = "";
    for (int i = 0; i < part->call->arguments.count; i++) {
        const Value *v = part->call->arguments.at[i];
        const int64_t step = by_samples ? sample_step(v) : 0;
        text_add(out, comma);
        if (step) text_addf(out, "row * %lld + (%s *)", (long long)step, emit_c_type(v->dtype));
        text_addf(out, "v[%d]", place_of(part->lowered->plan, v));
        comma = ", ";
    }
    for (int i = 0; i < f->scalars.count; i++) {
        text_addf(out, "%s%lld", comma, by_samples ? 1 : batch);
        comma = ", ";
    }
    text_add(out, ");\n}\n");
}

static void print_callers(Text *out, const Emission *e, const DissectedEntry *entry)
{
    const char *name = entry->lowered->plan->name;
    for (int i = 0; i < entry->parts.count; i++) print_caller(out, e, &entry->parts.at[i], name, i);
    text_addf(out,
              "\nextern void (*const calls_%s[])(void *const *);\n"
              "void (*const calls_%s[])(void *const *) = {\n    ",
              name, name);
    for (int i = 0; i < entry->parts.count; i++) text_addf(out, "call_%s_%d, ", name, i);
    text_add(out, "0\n};\n\n");
}

static const char *write_text(Arena *arena, const char *stem, const char *end, const Text *text)
{
    return file_write(arena, arena_printf(arena, "%s%s", stem, end), text->at, text->length);
}

static const char *build(Dissection *d, const char *directory, const char **library)
{
    Text header = text_new(d->arena), source = text_new(d->arena), callers = text_new(d->arena);
    const Emission *e = compile_emission(&d->compilation);
    d->name = e->options.name;
    emit_header(&header, e);
    emit_source(&source, e);
    text_addf(&callers, "#include \"%s.c\"\n\n", d->name);
    for (int i = 0; i < d->entries.count; i++) print_callers(&callers, e, &d->entries.at[i]);
    const char *at = arena_printf(d->arena, "%s/%s", directory, d->target->name);
    const char *stem = arena_printf(d->arena, "%s/%s", at, d->name);
    const char *const make[] = {"mkdir", "-p", at, NULL};
    const char *error = run_command(d->arena, make);
    *library = arena_printf(d->arena, "%s.so", stem);
    if (!error) error = write_text(d->arena, stem, ".h", &header);
    if (!error) error = write_text(d->arena, stem, ".c", &source);
    if (!error) error = write_text(d->arena, stem, "_callers.c", &callers);
    if (error) return error;
    return build_library(d->arena, "-O2", at, *library,
                         arena_printf(d->arena, "%s_callers.c", stem));
}

/* ---- memory and data ---- */

/* Whole pages, each allocation 17 lines further into its own than the one before: the same place in
 * all pages would make stores look like the loads that follow. */
static float *zeros(Dissection *d, int64_t floats)
{
    const size_t shift = (size_t)(17 * 64 * d->allocations++) % 4096;
    char *at = arena_array(d->arena, char, (size_t)floats * 4 + 2 * 4096);
    const size_t past = (uintptr_t)at % 4096;
    return (float *)(void *)(at + (past ? 4096 - past : 0) + shift);
}

static void make_call(Dissection *d, DissectedEntry *e)
{
    e->call = *call_new(d->arena, d->model, e->entry, d->params, d->states);
    e->call.grads = d->grads;
    call_random_inputs(&e->call, d->model, e->entry, 1);
}

/* Where an input or output of the caller lies. */
static void *place_outside(const DissectedEntry *e, const Value *v)
{
    const Graph *graph = e->lowered->plan->graph;
    int number = 0;
    if (v->place == AT_INPUT) {
        while (graph->inputs.at[number]->param != v->index) number++;
        return (void *)(uintptr_t)e->call.inputs[number];
    }
    for (int i = 0; i < v->index; i++) number += emit_is_tensor(graph->outputs.at[i].kind);
    return e->call.outputs[number];
}

static void *place(const Dissection *d, const DissectedEntry *e, const EntryPlan *plan,
                   const Value *v);

/* The workspace of the body of a scan is a value of the plan around it. */
static char *workspace_of(const Dissection *d, const DissectedEntry *e, const EntryPlan *plan)
{
    return plan->outer ? place(d, e, plan->outer, plan->scan->body_work) : e->call.workspace;
}

/* Where a value of a plan lies in the memory of the call; of a scan, at the first place. */
static void *place(const Dissection *d, const DissectedEntry *e, const EntryPlan *plan,
                   const Value *v)
{
    switch (v->place) {
    case AT_PARAM: return d->params + v->offset;
    case AT_STATE: return d->states + v->offset;
    case AT_PREPARED:
        return (float *)(plan->prepares ? e->call.outputs[0] : call_input(&e->call, 0)) + v->offset;
    case AT_SESSION: return e->call.sessions ? (float *)e->call.sessions + v->offset : NULL;
    case AT_GRAD: return d->grads + v->offset;
    case AT_LOSS: return e->call.loss;
    case AT_METRIC: return e->call.metrics + v->offset;
    case AT_WORK: return workspace_of(d, e, plan) + v->offset;
    case AT_INPUT:
    case AT_OUTPUT: return place_outside(e, v);
    case AT_AROUND:
        return (char *)place(d, e, plan->outer, v->around.value)
             + v->around.offset * (v->dtype == DT_U8 ? 1 : 4);
    case AT_CONST: return (void *)(uintptr_t)v->node->values;
    case AT_INDEX: return NULL;
    }
    return NULL;
}

static void bind_parts(Dissection *d, DissectedEntry *e, void (*const *callers)(void *const *))
{
    for (int i = 0; i < e->parts.count; i++) {
        Part *part = &e->parts.at[i];
        const EntryPlan *plan = part->lowered->plan;
        part->run = callers[i];
        for (int j = 0; j < part->call->arguments.count; j++) {
            const Value *v = part->call->arguments.at[j];
            part->values[place_of(plan, v)] = place(d, e, plan, v);
        }
    }
}

static const char *load(Dissection *d, const char *library)
{
    d->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!d->handle) return arena_printf(d->arena, "cannot load %s: %s", library, dlerror());
    d->model = dlsym(d->handle, arena_printf(d->arena, "%s_model", d->name));
    void *step = dlsym(d->handle, arena_printf(d->arena, "%s_step", d->name));
    if (!d->model) return arena_printf(d->arena, "%s lacks its model", library);
    memcpy(&d->step, &step, sizeof d->step);
    d->params = zeros(d, d->model->param_floats);
    d->grads = zeros(d, d->model->param_floats);
    d->first = zeros(d, d->model->param_floats);
    d->second = zeros(d, d->model->param_floats);
    d->states = zeros(d, d->model->state_floats);
    d->model->init(d->params, 1);
    if (d->model->init_states) d->model->init_states(d->states);
    for (int i = 0; i < d->entries.count; i++) {
        DissectedEntry *e = &d->entries.at[i];
        e->entry = &d->model->entries[i];
        make_call(d, e);
        bind_parts(d, e,
                   dlsym(d->handle, arena_printf(d->arena, "calls_%s", e->lowered->plan->name)));
    }
    return NULL;
}

const char *dissect_open(Arena *arena, const char *path, const CompileOptions *options,
                         const char *directory, Dissection *out)
{
    const char *library = NULL;
    *out = (Dissection){.arena = arena, .target = options->targets[0]};
    if (!compile(out, path, options)) return arena_printf(arena, "cannot compile %s", path);
    const char *error = build(out, directory, &library);
    return error ? error : load(out, library);
}

void dissect_close(Dissection *d)
{
    if (d->handle) dlclose(d->handle);
    d->handle = NULL;
}

DissectedEntry *dissect_entry(const Dissection *d, const char *name)
{
    for (int i = 0; i < d->entries.count; i++)
        if (!strcmp(d->entries.at[i].entry->name, name)) return &d->entries.at[i];
    return NULL;
}

int dissect_adam(Dissection *d)
{
    /* As adam_args.h of the emitter's templates declares it. */
    const struct {
        float *params;
        const float *grads;
        float *first, *second;
        int64_t step;
        float rate, beta1, beta2, eps, decay;
    } args = {d->params, d->grads, d->first, d->second, ++d->steps,
              1e-3f,     0.9f,     0.999f,   1e-8f,     0.0f};
    return d->step(&args);
}

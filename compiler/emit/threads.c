/* Threads: who runs the parts of kernels. Nothing of it is in a file for one thread. */
#include <string.h>

#include "emit/emit.h"

/* Whether kernels of the entry are in parts. */
static bool calls_parts(const LoweredEntry *entry)
{
    for (int i = 0; i < entry->calls.count; i++) {
        const KernelCall *call = &entry->calls.at[i];
        if (call->body ? calls_parts(call->body) : call->function->parts.count > 0) return true;
    }
    return false;
}

void emit_threads_local(Text *out, const Emission *e, const LoweredEntry *entry)
{
    if (!e->options.threads) return;
    const bool args = emit_takes_args(entry->plan->graph);
    if (calls_parts(entry)) {
        if (args) text_add(out, "    const nn_parallel *const parallel = args->parallel;\n");
    } else if (!args) {
        text_add(out, "    (void)parallel;\n");
    }
}

void emit_threads(Text *out, const Emission *e, const char *body)
{
    const char *name = e->options.name;
    const int n = e->options.threads;
    if (!n || !strstr(body, arena_printf(e->arena, "%s_divide(", name))) return;
    text_addf(
        out,
        "/* The parts of a kernel: on the threads of the caller, else on those of OpenMP where\n"
        " * the file is built with it, else one after another: the same to the bit. */\n"
        "static void %s_divide(const nn_parallel *parallel, const nn_task *task)\n{\n"
        "    if (parallel) {\n"
        "        parallel->parallel_for(parallel->user, task, %d);\n"
        "        return;\n"
        "    }\n"
        "#ifdef _OPENMP\n"
        "#pragma omp parallel for num_threads(%d) schedule(static, 1)\n"
        "#endif\n"
        "    for (int part = 0; part < %d; part++) task->run(task, part);\n"
        "}\n\n",
        name, n, n, n);
}

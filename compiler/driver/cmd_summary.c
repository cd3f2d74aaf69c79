/* nnc summary: the layers of a model, and the sizes of what each entry needs. */
#include <string.h>

#include "driver/commands.h"
#include "driver/model_options.h"

typedef struct Layer { const char *path; Type out; double flops; int64_t parameters; } Layer;
typedef VEC(Layer) Layers;

static Layer *layer_at(Arena *arena, Layers *layers, const char *path) {
    for (int i = 0; i < layers->count; i++)
        if (!strcmp(layers->at[i].path, path)) return &layers->at[i];
    vec_push(arena, *layers, ((Layer){.path = path}));
    return &layers->at[layers->count - 1];
}

/* "h.0.attn" owns "h.0.attn.weight", not "h.0.attn.c_proj.weight". */
static bool owns(const char *layer, const char *param) {
    const size_t n = strlen(layer);
    return !strncmp(layer, param, n) && param[n] == '.' && !strchr(param + n + 1, '.');
}

static Layers find_layers(Arena *arena, const Module *module, const Graph *graph) {
    Layers layers = {0};
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        const OpRow *row = op_row(node->op);
        if (row->kind == KIND_LEAF || !node->layer || !*node->layer) continue;
        Layer *layer = layer_at(arena, &layers, node->layer);
        layer->out = node->type;
        layer->flops += row->flops(node);
    }
    for (int i = 0; i < layers.count; i++)
        for (int j = 0; j < module->params.count; j++)
            if (owns(layers.at[i].path, module->params.at[j].name))
                layers.at[i].parameters += type_elements(module->params.at[j].type);
    return layers;
}

/* 101770 as "101,770". */
static const char *grouped(Arena *arena, int64_t n) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)n);
    Text out = text_new(arena);
    const size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) text_add(&out, ",");
        text_addn(&out, digits + i, 1);
    }
    return out.at;
}

static double total_flops(const Graph *graph) {
    double sum = 0;
    for (int i = 0; i < graph->nodes.count; i++) sum += op_row(graph->nodes.at[i]->op)->flops(graph->nodes.at[i]);
    return sum;
}

static void print_layers(Arena *arena, const Module *module, const Graph *graph) {
    const Layers layers = find_layers(arena, module, graph);
    int64_t parameters = 0;
    for (int i = 0; i < module->params.count; i++) parameters += type_elements(module->params.at[i].type);
    printf("%s, one call of %s\n\n  %-28s %-28s %14s %14s\n", module->name, graph->name, "layer", "output", "parameters", "FLOPs");
    for (int i = 0; i < layers.count; i++)
        printf("  %-28s %-28s %14s %14s\n", layers.at[i].path, type_text(arena, layers.at[i].out),
               grouped(arena, layers.at[i].parameters), grouped(arena, (int64_t)layers.at[i].flops));
    printf("  %-28s %-28s %14s %14s\n\n", "total", "", grouped(arena, parameters), grouped(arena, (int64_t)total_flops(graph)));
}

static void print_sizes(Arena *arena, const Compilation *c) {
    printf("  parameters as stored: %s bytes", grouped(arena, 4 * c->plan->param_floats));
    if (c->plan->state_floats) printf(", states %s bytes", grouped(arena, 4 * c->plan->state_floats));
    printf("\n\n  %-12s %8s %12s %18s %10s\n", "entry", "batch", "kernels", "workspace bytes", "MFLOP");
    for (int i = 0; i < c->plan->entries.count; i++) {
        const EntryPlan *entry = c->plan->entries.at[i];
        printf("  %-12s %8lld %12d %18s %10.3f\n", entry->name, (long long)entry->graph->batch, entry->kernels.count,
               grouped(arena, entry->workspace_bytes), total_flops(entry->graph) / 1e6);
    }
}

static void print_code_size(Arena *arena, const Compilation *c, const CompileOptions *options) {
    const Emission e = compile_emission(c, options);
    Text source = text_new(arena);
    emit_source(&source, &e);
    printf("\n  C source: %s bytes for", grouped(arena, (int64_t)source.length));
    for (int i = 0; i < c->target_count; i++) printf(" %s", c->lowered[i]->program->target->name);
    printf("\n");
}

static int run(Arena *arena, int argc, char **argv) {
    ModelOptions model = {0};
    CompileOptions options = {0};
    Compilation c;
    WordList words = {0};
    const CliOption table[] = {MODEL_OPTIONS(model), {0}};
    const int status = cli_parse(arena, command_find("summary"), table, argc, argv, &words);
    if (status != CLI_OK) return status == CLI_HELP ? CLI_OK : status;
    if (words.count != 1) {
        fprintf(stderr, "nnc: error: summary takes one .nn file; see nnc summary --help\n");
        return CLI_USAGE;
    }
    if (!model_options(arena, &model, &options)) return CLI_USAGE;
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    const bool compiled = compile_lower(&c, arena, words.at[0], &options);
    diags_print(c.diags, stderr);
    if (!compiled) return CLI_ERROR;
    print_layers(arena, c.module, c.module->entries.at[0]);
    print_sizes(arena, &c);
    print_code_size(arena, &c, &options);
    return CLI_OK;
}

int cmd_summary(int argc, char **argv) {
    Arena *arena = arena_new();
    const int status = run(arena, argc, argv);
    arena_free(arena);
    return status;
}

/* nnc summary: the layers of a model, and the sizes of what each entry needs. */
#include <string.h>

#include "driver/commands.h"
#include "driver/model_options.h"
#include "driver/table.h"

/* ---- layers ---- */

typedef struct Layer {
    const char *path;
    Type out;
    double flops;
    int64_t parameters;
} Layer;
typedef VEC(Layer) Layers;

static Layer *layer_at(Arena *arena, Layers *layers, const char *path)
{
    for (int i = 0; i < layers->count; i++)
        if (!strcmp(layers->at[i].path, path)) return &layers->at[i];
    vec_push(arena, *layers, ((Layer){.path = path}));
    return &layers->at[layers->count - 1];
}

/* "h.0.attn" owns "h.0.attn.weight", not "h.0.attn.c_proj.weight". */
static bool owns(const char *layer, const char *param)
{
    const size_t n = strlen(layer);
    if (!n) return !strchr(param, '.');
    return !strncmp(layer, param, n) && param[n] == '.' && !strchr(param + n + 1, '.');
}

/* In the order of their first operation; "" is what the model itself computes. */
static Layers find_layers(Arena *arena, const Module *module, const Graph *graph)
{
    Layers layers = {0};
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        const OpRow *row = op_row(node->op);
        if (row->kind == KIND_LEAF) continue;
        Layer *layer = layer_at(arena, &layers, node->layer ? node->layer : "");
        layer->out = node->type;
        layer->flops += row->flops(node);
    }
    for (int j = 0; j < module->params.count; j++)
        for (int i = 0; i < layers.count; i++)
            if (owns(layers.at[i].path, module->params.at[j].name))
                layers.at[i].parameters += type_elements(module->params.at[j].type);
    return layers;
}

static int64_t count_parameters(const Module *module)
{
    int64_t sum = 0;
    for (int i = 0; i < module->params.count; i++)
        sum += type_elements(module->params.at[i].type);
    return sum;
}

static double total_flops(const Graph *graph)
{
    double sum = 0;
    for (int i = 0; i < graph->nodes.count; i++)
        sum += op_row(graph->nodes.at[i]->op)->flops(graph->nodes.at[i]);
    return sum;
}

static void add_layer(Arena *arena, Table *table, const Layer *l, const char *name)
{
    table_add(table, name, *l->path ? type_text(arena, l->out) : "",
              with_commas(arena, l->parameters), with_commas(arena, (int64_t)l->flops));
}

static void print_layers(Arena *arena, const Module *module, const Graph *graph)
{
    const Layers layers = find_layers(arena, module, graph);
    Table table = table_new(arena, "<<>>", "layer|output|parameters|FLOPs");
    table_rule(&table);
    for (int i = 0; i < layers.count; i++)
        if (*layers.at[i].path) add_layer(arena, &table, &layers.at[i], layers.at[i].path);
    for (int i = 0; i < layers.count; i++)
        if (!*layers.at[i].path) add_layer(arena, &table, &layers.at[i], "(the model itself)");
    table_rule(&table);
    table_add(&table, "total", "", with_commas(arena, count_parameters(module)),
              with_commas(arena, (int64_t)total_flops(graph)));
    printf("%s, one call of %s at batch %lld\n\n", module->name, graph->name,
           (long long)graph->batch);
    table_print(&table, stdout);
}

/* ---- entries ---- */

/* Bytes of C that the entry would take alone. */
static int64_t source_bytes(Arena *arena, const char *path, const CompileOptions *options,
                            const EntryPlan *entry)
{
    CompileOptions alone = *options;
    alone.prepare = entry->form != NULL;
    alone.entries = &entry->name;
    alone.entry_count = 1;
    Compilation c = compile_start(arena, path, &alone);
    if (!compile_to(&c, STAGE_LOWERED)) return 0;
    const Emission *e = compile_emission(&c);
    Text source = text_new(arena);
    emit_source(&source, e);
    return (int64_t)source.length;
}

static void print_entries(Arena *arena, const Compilation *c)
{
    Table table = table_new(arena, "<>>>>>>",
                            "entry|batch|kernels|MFLOP|workspace bytes|at the least|C bytes");
    table_rule(&table);
    for (int i = 0; i < c->plan->entries.count; i++) {
        const EntryPlan *entry = c->plan->entries.at[i];
        table_add(&table, entry->name, with_commas(arena, entry->graph->batch),
                  with_commas(arena, entry->kernels.count),
                  arena_printf(arena, "%.3f", total_flops(entry->graph) / 1e6),
                  with_commas(arena, entry->workspace_bytes),
                  with_commas(arena, entry->workspace_lower_bound),
                  entry->prepares
                      ? "with the next"
                      : with_commas(arena, source_bytes(arena, c->path, c->options, entry)));
    }
    printf("\n");
    table_print(&table, stdout);
}

static void print_sizes(Arena *arena, Compilation *c)
{
    const Emission *e = compile_emission(c);
    Text source = text_new(arena);
    emit_source(&source, e);
    printf("\n  parameters as stored   %s bytes\n", with_commas(arena, 4 * c->plan->param_floats));
    if (c->plan->state_floats)
        printf("  states as stored       %s bytes\n",
               with_commas(arena, 4 * c->plan->state_floats));
    printf("  C of all entries       %s bytes for", with_commas(arena, (int64_t)source.length));
    for (int i = 0; i < c->target_count; i++)
        printf("%s %s", i ? "," : "", c->lowered[i]->program->target->name);
    printf("\n");
}

int cmd_summary(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    ModelOptions model = {0};
    CompileOptions options = {0};
    WordList words = {0};
    int status;
    const CliOption table[] = {MODEL_OPTIONS(model), ENTRY_OPTIONS(model), {0}};
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    if ((status = model_options(arena, &model, &options))) return status;
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    Compilation c = compile_start(arena, words.at[0], &options);
    if (!compile_or_tell(&c, STAGE_TRANSFORMED)) return CLI_ERROR;
    print_layers(arena, c.module, c.module->entries.at[0]);
    if (!compile_to(&c, STAGE_LOWERED)) {
        diags_print(c.diags, stderr);
        return CLI_ERROR;
    }
    print_entries(arena, &c);
    print_sizes(arena, &c);
    return CLI_OK;
}

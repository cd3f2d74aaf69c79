/* A libFuzzer target for the whole compiler, from the program to the text of the C: `make fuzz`.
 * Inputs are changed token by token, so that most still parse. What must hold: elaboration comes
 * back within its limits, every complaint can be printed, a module comes out exactly if nothing was
 * wrong, and it keeps every invariant, before and after the passes; the plan verifies, and every
 * target gets its loops and its text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ast/parse.h"
#include "elaborate/elaborate.h"
#include "emit/emit.h"
#include "lower/optimizer.h"
#include "passes/pass.h"
#include "target/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

enum { MOST_VERIFIED = 2000, MOST_COMPILED = 400 }; /* operations: what is quick enough */

/* ---- one program ---- */

/* The length of the program chooses target, optimiser and threads. */
static const char *compile_fault(Arena *arena, Module *module, size_t choice)
{
    int count = 0;
    while (targets[count]) count++;
    if (lower_unsupported(module)) return NULL;
    Plan *plan = plan_module(arena, module, 0);
    const char *fault = plan_verify(arena, plan);
    if (fault) return fault;
    Lowered *lowered = lower_plan(arena, plan, targets[choice % (size_t)count]);
    EmitOptions options = {.name = emit_identifier(arena, module->name), .optimizer = -1};
    if (choice % 3 == 0) options.optimizer = OPTIMIZER_ADAM;
    if (choice % 5 == 0) options.threads = 2;
    if (options.threads) lower_divide(lowered, options.threads, 100);
    if (options.optimizer >= 0)
        lower_optimizer(lowered->program, (OptimizerKind)options.optimizer);
    const Emission e = emission_new(arena, plan, &lowered, 1, &options);
    Text out = text_new(arena);
    emit_header(&out, &e);
    emit_source(&out, &e);
    return NULL;
}

static const char *elaborate_fault(Arena *arena, const Source *source, FILE *out)
{
    Diags *diags = diags_new(arena);
    AstFile *file = ast_parse(arena, source, diags);
    if (diags_errors(diags)) return NULL;
    Module *module = elaborate(arena, file, NULL, diags);
    diags_print(diags, out);
    if ((module != NULL) != (diags_errors(diags) == 0))
        return "a module comes out exactly if nothing was wrong";
    if (!module) return NULL;
    int nodes = 0;
    for (int i = 0; i < module->entries.count; i++) nodes += module->entries.at[i]->nodes.count;
    if (nodes > MOST_VERIFIED) return module_verify(arena, module);
    const char *fault = passes_run(module, &(PassOptions){.verify = true});
    return fault || nodes > MOST_COMPILED ? fault : compile_fault(arena, module, source->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *nowhere = fopen("/dev/null", "w");
    if (!nowhere) return 0;
    Arena *arena = arena_new();
    Source source = {"any.nn", arena_strndup(arena, (const char *)data, size), size};
    const char *fault = elaborate_fault(arena, &source, nowhere);
    if (fault) fprintf(stderr, "%s\n", fault);
    fclose(nowhere);
    if (fault) abort();
    arena_free(arena);
    return 0;
}

/* ---- changes of tokens ---- */

typedef struct Random { uint32_t state; } Random;

static uint32_t below(Random *random, uint32_t limit)
{
    random->state =
        random->state * UINT32_C(1664525) + UINT32_C(1013904223); /* Numerical Recipes, LCG */
    return limit ? (random->state >> 8) % limit : 0;
}

static const char *const words[] = {
    "0", "1", "2", "3", "7", "-1", "100000", "3000000000", "9223372036854775807", "0.5", "1e300",
    "batch", "training", "none", "true", "x", "y", "[batch, 2]", "[2, -1]", "[]", "1 / 3",
    "\"a{1}\"", "x.shape[1]", "x.T", "-x", "x @ x.T", "x[:, 0]", "x[1:]", "mean(x)",
    "sum(x, axis = 1)", "|> dense(3) as d", "|> layer_norm", "|> relu", "as n[0]",
    "scan s in x along 1 { carry c = 0; c = c + sum(s); yield s; }", "reshape(x, [batch, -1])",
    "permute(x, [1, 0])", "concat([x, x], axis = 1)", "if true then 1 else x", "state s: f32[2];",
    "session q: f32[batch, 2];", "for i in 0..3 { x = x * 2; }", "if training { x = x + 1; }",
    "layer l = dense(3);", "l(x)", "d.weight", "cross_entropy(x, y)", "output z = x;",
    "metric m = mean(x);", "param w: f32[3] = ones;", "arange(3)", "%", "**", "-3", "64",
    "x |> conv2d(4, 3, padding = same)", "stride = 2", "padding = [[0, 2], [-1, 1]]",
    "dilation = 3", "groups = 2", "max_pool2d(x, 2, ceil = true)", "upsample_bilinear2d(x, 1.5)",
    "adaptive_avg_pool2d(x, [3, 2])", "pad(x, [[0, 0], [1, 2]], mode = reflect)", "cumsum(x)",
    "top_k(x, 2)[0]", "take(x, argmax(x, axis = 1))", "x |> lstm(3) as r", "x |> gru(0) as g",
    "multi_head_attention(x, 2)", "expand(unsqueeze(x, 0), [3, -1, -1])", "variance(x, axis = 0)",
    "x[:, 0:0]", "0..0", "batch = 0", "put(x, x[:, 0:1], 1, 1)", "softmax(x, axis = 0)",
    "flip(x, 1)", "window_sum(x, [1], 5)", "conv_transpose2d(x, 2, 3, stride = 0)", "rand_like(x)",
};

/* Up to two tokens go, and a word of the list or a piece of the program comes in their place. */
static size_t change_token(Arena *arena, const AstFile *file, const Source *source, Random *random,
                           uint8_t *out, size_t room)
{
    int count = file->tokens.count;
    Span at = file->tokens.at[below(random, (uint32_t)count)].span;
    size_t begin = (size_t)at.begin, end = below(random, 4) ? (size_t)at.end : begin;
    const char *piece = words[below(random, sizeof words / sizeof *words)];
    if (below(random, 2)) {
        int first = (int)below(random, (uint32_t)count), last = first + (int)below(random, 12);
        Span from = file->tokens.at[first].span,
             to = file->tokens.at[last < count ? last : count - 1].span;
        piece = arena_strndup(arena, source->text + from.begin, (size_t)(to.end - from.begin));
    }
    size_t length = below(random, 5) ? strlen(piece) : 0;
    if (source->length - (end - begin) + length + 2 > room) return 0;
    memcpy(out, source->text, begin);
    memcpy(out + begin, " ", 1);
    memcpy(out + begin + 1, piece, length);
    memcpy(out + begin + 1 + length, " ", 1);
    memcpy(out + begin + length + 2, source->text + end, source->length - end);
    return source->length - (end - begin) + length + 2;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
    Arena *arena = arena_new();
    Random random = {seed};
    Source source = {"any.nn", arena_strndup(arena, (const char *)data, size), size};
    const AstFile *file = ast_parse(arena, &source, diags_new(arena));
    size_t changed = 0;
    if (file->tokens.count > 0 && below(&random, 20))
        changed = change_token(arena, file, &source, &random, data, room);
    if (!changed) changed = LLVMFuzzerMutate(data, size, room);
    arena_free(arena);
    return changed;
}

/* Names and types as generated code spells them. */
#include <ctype.h>
#include <string.h>

#include "emit/emit.h"

char *emit_upper(Arena *arena, const char *name) {
    char *upper = arena_strdup(arena, name);
    for (char *c = upper; *c; c++) *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return upper;
}

static bool is_keyword(const char *name) {
    static const char *const words[] = {
        "auto", "break", "case", "char", "class", "const", "continue", "default", "delete", "do", "double", "else", "enum",
        "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
        "namespace", "new", "operator", "private", "protected", "public", "register", "restrict", "return", "short", "signed",
        "sizeof", "static", "struct", "switch", "template", "this", "throw", "true", "try", "typedef", "typename", "union",
        "unsigned", "using", "virtual", "void", "volatile", "while",
        /* names that every entry function uses itself */
        "params", "states", "grads", "loss", "metrics", "workspace", "count", "seed", "args", "work", "status",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i], name)) return true;
    return false;
}

const char *emit_identifier(Arena *arena, const char *name) {
    char *id = arena_strdup(arena, name);
    for (char *c = id; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    return is_keyword(id) ? arena_printf(arena, "%s_", id) : id;
}

const char *emit_suffix(const Emission *e, int target) {
    return e->target_count == 1 ? "" : arena_printf(e->arena, "_%s", e->lowered[target]->program->target->name);
}

void emit_shape(Text *out, Type type) {
    for (int i = 0; i < type.rank; i++) text_addf(out, "[%lld]", (long long)type.dim[i]);
    if (!type.rank) text_add(out, "[1]");
}

bool emit_has(const Graph *graph, OutputKind kind) {
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == kind) return true;
    return false;
}

bool emit_has_loss(const Graph *graph) { return emit_has(graph, OUT_LOSS) || emit_has(graph, OUT_GRAD); }

const char *emit_c_type(DType dtype) {
    switch (dtype) {
    case DT_I32: return "int32_t";
    case DT_U8: return "uint8_t";
    default: return "float";
    }
}

bool emit_is_tensor(OutputKind kind) { return kind == OUT_OUTPUT || kind == OUT_INPUT_GRAD; }

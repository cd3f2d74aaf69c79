/* Names as C and C++ take them. */
#include "base/cname.h"

#include <stdbool.h>
#include <string.h>

static const char *const keywords[] = {
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break",
    "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class", "compl", "concept",
    "const", "const_cast", "consteval", "constexpr", "constinit", "continue", "co_await",
    "co_return", "co_yield", "decltype", "default", "delete", "do", "double", "dynamic_cast",
    "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto",
    "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq",
    "nullptr", "operator", "or", "or_eq", "private", "protected", "public", "register",
    "reinterpret_cast", "requires", "restrict", "return", "short", "signed", "sizeof", "static",
    "static_assert", "static_cast", "struct", "switch", "template", "this", "thread_local",
    "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "union", "unsigned",
    "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
    "linux", "unix", "i386", "NULL", "memcpy", "memset", "main",
    "size_t", "ptrdiff_t", "uint8_t", "int32_t", "int64_t", "uint32_t", "uint64_t",
    "nn_io", "nn_tensor", "nn_call", "nn_entry", "nn_model", "nn_task", "nn_parallel",
    "nn_status_text",
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

char *c_identifier(Arena *arena, const char *name)
{
    char *id = arena_strdup(arena, name);
    for (char *c = id; *c; c++)
        if (!is_letter_or_digit(*c)) *c = '_';
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (!strcmp(id, keywords[i])) return arena_printf(arena, "%s_", id);
    const bool reserved = !*id || is_digit(*id) || *id == '_' || !strncmp(id, "NN_", 3);
    return reserved ? arena_printf(arena, "n%s", id) : id;
}

/* Threads for generated code under test: the uniform calls, which pass none, pass test_parallel. */
#ifndef NNC_TESTS_PARTS_H
#define NNC_TESTS_PARTS_H
#include <string.h>

#include "base/text.h"

/* A source with these calls changed; whoever links or includes it defines test_parallel. */
static inline void text_add_parallel(Text *out, const char *source, const char *name)
{
    static const char *const from[] = {"args.parallel = NULL;", "call->workspace, NULL"};
    static const char *const to[] = {"args.parallel = test_parallel;",
                                     "call->workspace, test_parallel"};
    Text header = text_new(out->arena);
    text_addf(&header, "#include \"%s.h\"\n", name);
    const char *include = strstr(source, header.at) + header.length;
    text_addn(out, source, (size_t)(include - source));
    text_add(out, "extern const nn_parallel *const test_parallel;\n");
    for (const char *at = include; *at;) {
        int which = -1;
        for (int i = 0; i < 2; i++)
            if (!strncmp(at, from[i], strlen(from[i]))) which = i;
        if (which < 0) {
            text_addn(out, at++, 1);
        } else {
            text_add(out, to[which]);
            at += strlen(from[which]);
        }
    }
}
#endif

/* Files of the project that are compiled into nnc: the standard library and text shared by
 * generated files. */
#ifndef NNC_BASE_EMBEDDED_H
#define NNC_BASE_EMBEDDED_H
#include <stddef.h>
typedef struct EmbeddedFile {
    const char *name;
    const char *data;
    size_t length;
} EmbeddedFile;
extern const EmbeddedFile embedded_files[];          /* ends with a NULL name */
const EmbeddedFile *embedded_find(const char *name); /* NULL if there is none */
#endif

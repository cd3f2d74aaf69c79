/* A libFuzzer target for scanner, parser, messages and formatter: `make fuzz`. */
#include <stdint.h>
#include <stdlib.h>

#include "parse_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *nowhere = fopen("/dev/null", "w");
    if (!nowhere) return 0;
    const char *fault = parse_fault((const char *)data, size, nowhere);
    fclose(nowhere);
    if (fault) {
        fprintf(stderr, "%s\n", fault);
        abort();
    }
    return 0;
}

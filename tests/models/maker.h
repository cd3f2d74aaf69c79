/* Random legal networks, as text of the language. A network is a chain of steps, each of which
 * takes values that are there and makes another; the same seed gives the same text, and fewer steps
 * give its beginning. Families of steps stand in steps_*.c, one table each. */
#ifndef NNC_MODELS_MAKER_H
#define NNC_MODELS_MAKER_H
#include "base/text.h"
#include "ir/type.h"

enum { NO_BATCH = -1, MOST_IN_ROW = 1500 };

/* A value that steps may use; the batch axis, if it has one, has extent 0 here. */
typedef struct Made {
    const char *name;
    int rank, batch; /* batch: which axis, or NO_BATCH */
    int64_t dim[MAX_RANK];
} Made;

typedef struct Maker {
    Arena *arena;
    Text out;
    uint64_t state; /* of the random numbers */
    const char *indent;
    bool in_scan; /* in the body of a scan: nothing that owns parameters */
    bool has_loss;
    int names;
    VEC(Made) vars;
} Maker;

/* False: no value is of a kind that the step could take. */
typedef struct Step {
    const char *name;
    bool (*make)(Maker *m);
    int weight;
} Step;
extern const Step steps_maps[], steps_views[], steps_reductions[], steps_layers[], steps_windows[],
    steps_sequences[]; /* each ends with a NULL name */

/* A whole program with model `name`: the network, its outputs, loss and metrics. One in so many
 * seeds begins with layers of large sizes, or all. */
enum { LARGE_ONE_IN = 16 };
const char *maker_program(Arena *arena, const char *name, uint64_t seed, int steps, bool large);
/* Inputs, and layers at sizes where kernels change their form. Returns the batch that they want. */
int64_t maker_large(Maker *m);

/* Outputs and, if it has a loss, that with targets and metrics, from values as they are; the last
 * is used for sure. */
void maker_finish(Maker *m);
/* A step that is legal here. */
void maker_step(Maker *m);

/* ---- choices ---- */

int64_t maker_below(Maker *m, int64_t count); /* 0 .. count - 1 */
bool maker_chance(Maker *m, int percent);
int64_t maker_extent(Maker *m);                      /* of an axis: small, mostly odd */
const char *maker_word(Maker *m, const char *words); /* one of those parted by ';' */
Made maker_var(Maker *m);                            /* any value, rather a late one */
/* A value with the batch as its first axis, and at least so many axes. False: there is none. */
bool maker_rows(Maker *m, int least_rank, Made *out);
/* An axis that is not the batch; -1 if there is none. */
int maker_axis(Maker *m, const Made *v);

/* ---- text ---- */

const char *maker_name(Maker *m, const char *letter); /* a new one: "v7" */
/* Appends "NAME = expression;" and makes it a value of that shape. */
Made maker_add(Maker *m, Made shape, const char *format, ...) __attribute__((format(printf, 3, 4)));
void maker_line(Maker *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A parameter, and its name. */
const char *maker_param(Maker *m, int rank, const int64_t *dim, double bound);
const char *maker_shape(Maker *m, const Made *v); /* "[batch, 3, 4]" */
const char *maker_list(Maker *m, int count, const int64_t *numbers);

/* ---- shapes ---- */

int64_t made_row(const Made *v); /* elements without the batch axis */
bool made_same(const Made *a, const Made *b);
Made made_of(int rank, int batch, const int64_t *dim); /* without a name */
Made made_drop(Made v, int axis);
Made made_insert(Made v, int axis, int64_t extent);
/* v in another shape of so many axes, the batch first; v has the batch first. */
Made maker_reshaped(Maker *m, Made v, int rank);
/* u so that it broadcasts to `want`, as an expression; both have the batch first, or neither. */
const char *maker_fitted(Maker *m, const Made *u, const Made *want);
#endif

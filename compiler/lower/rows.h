/* What the parts of the template for rows share: the shape of its loops, and which member is what
 * in them. */
#ifndef NNC_LOWER_ROWS_H
#define NNC_LOWER_ROWS_H
#include "lower/reduction.h"

/* What costs many operations an element and serves several phases is kept in a local row instead of
 * computed again. */
typedef struct Row {
    unsigned phases;           /* bit set: the phases that need the member */
    Buffer *values;            /* kept from the first of them on; NULL: computed again */
    const Reduction *shortcut; /* values come from the row that this reduction keeps */
} Row;

/* Where lanes run across rows, some neighbouring vectors of rows go side by side through the
 * phases' loops: a loop over memory then takes whole lines and their neighbours, not a vector here
 * and there. A loop inside takes them (rows_columns.c) but where threads are to divide the loops:
 * their sums must be scalars. */
enum { MAX_SIDES = 8, SIDES_FLOATS = 64 };
typedef struct Side {
    Bindings bound;
    Reduction *reductions; /* in the row */
    Reduction **running;   /* those of the current phase */
} Side;

typedef struct Rows {
    Lower *l;
    unsigned row; /* bit set of the row's axes */
    int *level;   /* by place of a member: the phase in which a full value is ready */
    int phases;
    Var **total; /* by place: register of a scalar accumulator */
    Row *rows;   /* by place: a member's values along the row, where they are kept */
    bool many;   /* a loop runs over rows */
    Side side[MAX_SIDES];
    int sides, current;
    LoopExpr *first; /* lane index of the first side, or of the first column */
    int count;       /* of the reductions of a side */

    /* Where a row need be computed up to a diagonal only (rows_band.c): */
    Band band;     /* in axes of the domain; row < 0: it must be computed whole */
    int64_t whole; /* entries of a row that may lie beyond it; what follows is always computed */
    LoopExpr *end; /* of those the first that is beyond it; NULL: none is */

    /* Where a loop over columns stands inside (rows_columns.c): */
    int64_t columns;     /* lanes that it takes; 0: it does not */
    LoopExpr *column;    /* where it is; NULL: between two of them */
    int mark;            /* what was bound before it began */
    Buffer **held;       /* by place: values of all columns, for the phases behind */
    const Value **given; /* by place: the same in a result */
    bool *stored;        /* by place: results that are */
} Rows;

static inline const Member *member_of(const Rows *r, const Node *node)
{
    return &r->l->entry->member[node->id];
}

static inline int place_of(const Rows *r, const Node *node) { return member_of(r, node)->place; }

static inline int level_of(const Rows *r, const Node *node) { return r->level[place_of(r, node)]; }

static inline unsigned axes_of(const Rows *r, const Node *node)
{
    unsigned axes = 0;
    if (op_row(node->op)->kind != KIND_REDUCE) return 0;
    for (int i = 0; i < node->attr[0].count; i++) {
        const int64_t a = node->attr[0].ints[i];
        if (node->inputs[0]->type.dim[a] != 1) axes |= 1u << member_of(r, node)->label[a];
    }
    return axes;
}

/* A reduction over axes of extent 1 counts as a map. */
static inline bool reduces(const Rows *r, const Node *node) { return axes_of(r, node) != 0; }

/* The axes of the domain along which a value of this type and these labels varies. */
static inline unsigned varies(Type type, const int *label)
{
    unsigned axes = 0;
    for (int i = 0; i < type.rank; i++)
        if (type.dim[i] != 1 && label[i] >= 0) axes |= 1u << label[i];
    return axes;
}

static inline bool in_row(const Rows *r, const Node *node)
{
    return reduces(r, node) && axes_of(r, node) == r->row;
}

static inline bool accumulates(const Rows *r, const Node *node)
{
    return reduces(r, node) && !in_row(r, node);
}

static inline const Value *result_of(const Rows *r, const Node *node)
{
    for (int i = 0; i < r->l->k->results.count; i++)
        if (r->l->k->results.at[i]->node == node) return r->l->k->results.at[i];
    return NULL;
}

static inline bool is_scalar(const Node *node) { return type_elements(node->type) == 1; }

static inline bool input_in_row(const Rows *r, const Node *node)
{
    return varies(node->inputs[0]->type, member_of(r, node)->label) & r->row;
}

static inline bool input_has_lanes(const Rows *r, const Node *node)
{
    const unsigned axes = varies(node->inputs[0]->type, member_of(r, node)->label);
    return r->l->lane_axis >= 0 && r->l->target->width > 1 && (axes >> r->l->lane_axis & 1);
}

/* How many loops run over the given axes. */
static inline int loops_over(const Rows *r, unsigned axes)
{
    int n = 0;
    for (int axis = 0; axis < r->l->k->domain.rank; axis++)
        n += (axes >> axis & 1) && axis != r->l->lane_axis;
    return n;
}

static inline bool sums_up(const Rows *r, const Node *node)
{
    return accumulates(r, node) && !is_scalar(node);
}

/* ---- rows_shape.c ---- */
void rows_choose_lanes(Rows *r);
void rows_choose_row(Rows *r);
void rows_find_levels(Rows *r);
int rows_inner_axis(const Rows *r);
int rows_sides(const Rows *r);
/* How many lanes a loop inside takes; 0: none stands there. A single vector of them goes without it
 * unless kernels of many shapes are to be alike. */
int64_t rows_columns(const Rows *r);

/* ---- rows.c ---- */
/* After its phases a row stores what has one value a row, and adds to accumulators. */
void rows_finish(Rows *r);
bool rows_phase_has_work(const Rows *r, int p, int running);
void rows_hoist(Rows *r, int p);
void rows_element(Rows *r, int p, Reduction *const *running, int running_count, int part);
int rows_find_running(Reduction *reductions, int count, int p, Reduction **running);
/* Stores what has one value a row and is ready in phase p. */
void rows_store_ready(Rows *r, int p);

/* How many accumulators each reduction of a phase gets. */
int rows_parts(const Rows *r, Reduction *const *running, int count);

/* ---- rows_band.c ---- */
void rows_find_band(Rows *r);
/* In front of a row: where its loops end. */
void rows_begin_band(Rows *r);
/* Whether phase p stores rows that end there, */
bool rows_end_in(const Rows *r, int p);
/* zeros in place of an element of them that lies beyond, */
void rows_beyond(Rows *r, int p);
/* and behind its loops, where they run one by one, in all of them. */
void rows_finish_band(Rows *r, int p);

/* ---- rows_columns.c ---- */
void rows_run_columns(Rows *r, int p);
void rows_finish_columns(Rows *r);

/* ---- rows_keep.c ---- */
void rows_choose_kept(Rows *r);
void rows_find_shortcuts(Rows *r, Reduction *s);
/* In front of an element of phase p: kept values are computed and put into their rows, or read from
 * them. */
void rows_keep(Rows *r, int p);
#endif

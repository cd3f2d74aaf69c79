/* Kernels: the graph of an entry cut into fused regions, with a place in memory for every value
 * that crosses from one to another. This is target-independent; lower/ turns each kernel into a
 * loop function for one target.
 *
 *   fuse.c      nodes -> kernels           (which nodes share a loop nest), with
 *   inline.c, epilogue.c, merge.c          what readers compute, what products take in, what joins
 *   depend.c, order.c                      which kernels wait for which, and when they run
 *   window.c    channels last, operands of windows, with
 *   winograd.c  windows in Winograd's form
 *   moments.c   mean and variance of channels, where windows make them
 *   layout.c    parameters -> stored order (one for all entries), values -> strides
 *   panel.c     operands that products turn, or move together, panel by panel
 *   strassen.c  products in seven parts
 *   place.c     nodes -> values            (the caller's memory, the workspace, tables)
 *   operand.c   how kernels read values, with copies where strides do not do
 *   memory.c    values -> offsets in the one workspace of the entry
 *   put.c       what is replaced in part
 *   join.c      what is joined, written where it will stand
 *   onto.c      rows added where the rest of a sum stands
 *   scan.c      the body of a scan as a plan inside the plan, with
 *   carry.c     carries that are changed in place
 *   track.c     carries that live where they are saved
 *   samples.c   kernels that run one after another for each sample
 *   prepare.c   what runs before the inputs come as a plan of its own
 *   plan.c      runs them in order
 *   verify.c, print.c, draw.c              plans checked and shown
 */
#ifndef NNC_KERNEL_KERNEL_H
#define NNC_KERNEL_KERNEL_H
#include "base/names.h"
#include "ops/band.h"
#include "ops/op.h"

/* Where a value lives. */
typedef enum Place {
    AT_INPUT,   /* caller's input or target; index: module->decls */
    AT_PARAM,   /* params + offset floats; index: module->params */
    AT_STATE,   /* states + offset floats; index: module->states */
    AT_PREPARED, /* the prepared form + offset floats: see EntryPlan.prepares */
    AT_SESSION, /* the caller's session + offset floats; index: module->sessions */
    AT_OUTPUT,  /* caller's buffer of outputs.at[index] of the graph, an OUT_OUTPUT or
                 * OUT_INPUT_GRAD; where the caller may pass NULL, offset is a slot in the
                 * workspace in bytes, else -1 */
    AT_GRAD,    /* grads + offset floats; index: module->params */
    AT_LOSS,    /* the caller's float(s) for the loss */
    AT_METRIC,  /* metrics + offset floats */
    AT_CONST,   /* a table of the generated file: the node's values */
    AT_INDEX,   /* not memory: the element's value is its own address, as i32 (iota) */
    AT_AROUND,  /* in a scan's body: memory of the plan around it, see Around */
    AT_WORK /* workspace + offset bytes; in a scan's body: of its own workspace, a value of the plan
               around it */
} Place;

/* What a value of a scan's body stands for at a place of the sequences: element 0 is element offset
 * + place * step of a value of the plan around. */
typedef struct Around {
    const struct Value *value;
    int64_t offset, step;
} Around;

/* Entries of zeros before and after each axis of a value, so that windows may read them as padding.
 * Who writes the value writes them. */
typedef struct Halo {
    int64_t before[MAX_RANK], after[MAX_RANK];
} Halo;

/* A tensor in memory. Logical element (i0, i1, ...) is element  origin + sum(i * stride)  from its
 * start. */
typedef struct Value {
    const Node *node; /* whose result it holds */
    const char *name; /* a unique C identifier in the entry: "hidden", "d_logits" */
    Place place;
    int index;
    int64_t offset; /* AT_WORK: bytes; AT_PARAM, AT_STATE, AT_PREPARED, AT_SESSION, AT_GRAD,
                       AT_METRIC: floats */
    DType dtype;
    int64_t origin;
    int64_t stride[MAX_RANK];
    int64_t elements; /* occupied, padding and halo included */
    const Halo *halo; /* or NULL; only AT_WORK */
    Around around;    /* AT_AROUND */
    const struct Value *over;  /* of a result: it takes the place of this operand, element by
                                  element, and is the same memory; or NULL */
    const struct Value *whole; /* AT_WORK: it is a part of this value and has no memory of its own;
                                  or NULL */
    int64_t within;            /* where it begins there, in elements */
    bool one_sample;  /* it holds one sample at a time (samples.c) */
    bool scratch;     /* of no shape: memory that a kernel alone uses */
    int pieces;       /* of scratch: of threads or groups of rows, `each` elements apart; else 0 */
    bool own;         /* every thread has a piece */
    int64_t each;
    int first, last;  /* steps of the entry between which it is live (AT_WORK) */
} Value;

typedef VEC(Value *) Values;

/* An operand as a kernel addresses it: element = offset + sum(i * stride) over the axes of the node
 * that is read. */
typedef struct View {
    const Value *value;
    int64_t offset;
    int64_t stride[MAX_RANK];
} View;

typedef enum KernelKind {
    KERNEL_ROWS,     /* maps and reductions over one domain (lower/rows.c) */
    KERNEL_CONTRACT, /* a contraction and its epilogue of maps (lower/contract.c) */
    KERNEL_WINDOW,   /* a convolution or pooling and its epilogue of maps (lower/window.c) */
    KERNEL_TRANSFORM, /* the weights of a window in Winograd's form (lower/window_winograd.c) */
    KERNEL_RANDOM,   /* random numbers */
    KERNEL_COPY,     /* another layout of the same tensor (lower/copy.c) */
    KERNEL_GATHER,   /* rows by index */
    KERNEL_SCATTER,
    KERNEL_JOIN, /* concat, pad */
    KERNEL_PUT,  /* replaces a part of its result, which holds the first input already (put.c) */
    KERNEL_SCAN, /* runs the kernels of a plan of its own once a step (scan.c) */
    KERNEL_CHECK /* verifies indices; its function returns a status */
} KernelKind;

/* Kernels of an entry that run one after another for each sample of the batch (samples.c). */
typedef struct Samples {
    const struct Kernel *first, *last;
} Samples;

typedef struct Kernel {
    KernelKind kind;
    const char *name;            /* "fc1_relu", "d_hidden" : from the source's names */
    Node *anchor;                /* the contraction, gather, ...; NULL for KERNEL_ROWS */
    VEC(Node *) nodes;           /* computed here, in topological order; views are not members */
    VEC(const Node *) reads;     /* what members read of elsewhere, themselves or through inlined
                                  * maps, each once; kept while kernels are chosen */
    Values results;              /* what it writes; the node of each is a member */
    VEC(const Value *) operands; /* what it reads, each once; see operand.c */
    bool winograd;               /* KERNEL_WINDOW: in Winograd's form */
    const Value *transformed;    /* KERNEL_WINDOW: what a KERNEL_TRANSFORM made of the weights */
    const Value *moments;   /* KERNEL_WINDOW: scratch for the mean and the squares about it, of each
                               row of the batch and channel (lower/window_moments.c); or NULL */
    const Node *onto;            /* KERNEL_SCATTER: what its result holds before it, seen as it; or
                                    NULL (onto.c) */
    Values scratch;              /* memory that no other kernel uses while this one runs */
    Values copies;               /* of what it reads, in an order that suits its lanes; read in
                                  * place of the original */
    Type domain;       /* the axes that all members share (dtype unused) */
    unsigned row_axes; /* bit set: axes over which a reduction is consumed inside */
    bool forward;      /* belongs to the forward part */
    bool early;        /* belongs to the prepared form */
    int lane_axis; /* KERNEL_CONTRACT: axis of the domain that runs along the vector lanes; -1: the
                    * sum does; KERNEL_WINDOW: -1: none */
    View contracted[2];     /* KERNEL_CONTRACT, KERNEL_WINDOW: the operands as the layout wants them
                               read */
    const Value *panel;     /* KERNEL_CONTRACT: scratch for panels of the operand along the lanes;
                               or NULL (panel.c) */
    struct Strassen *strassen; /* KERNEL_CONTRACT: in seven products of quarters; or NULL */
    struct EntryPlan *body; /* KERNEL_SCAN */
    const Value *body_work; /* KERNEL_SCAN: the workspace of its body; NULL: it needs none */
    const Samples *samples; /* that it belongs to; NULL: it runs for all at once */
    double flops, bytes;    /* of one call with count == batch */
    int step;               /* position in the entry */
    int level;              /* above those of all that it reads; while kernels are chosen */
    int search;             /* the last that came by; see depend.c */
} Kernel;

typedef VEC(const Node *) Nodes;

/* What fuse.c found of a node. */
typedef struct Member {
    Kernel *kernel;      /* that computes it; NULL: a leaf, a view, or inlined */
    int place;           /* among the kernel's nodes */
    int label[MAX_RANK]; /* for each of its axes the axis of the kernel's domain (-1: none; an axis
                          * of extent 1 may keep the label of the reduction that made it) */
    bool after_loops;    /* scalar arithmetic on accumulators */
    bool inlined;        /* so cheap that every reader computes it itself */
} Member;

typedef struct EntryPlan {
    Arena *arena;
    const struct Plan *plan;
    struct EntryPlan *outer; /* of a scan's body: the plan around it; else NULL */
    Kernel *scan;            /* of a scan's body: its kernel in outer */
    const Graph *graph;
    const char *name;
    Bands bands;           /* of its graph */
    VEC(Kernel *) kernels; /* in order of execution; checks first */
    Member *member;        /* by node id */
    bool *forward;         /* by node id: belongs to the forward part (passes/pass.h) */
    bool *early;           /* by node id: belongs to the prepared form (passes/pass.h) */
    Nodes *readers;        /* by node id: who reads it, themselves or through what has no kernel */
    Nodes *epilogue;       /* by id of a contraction or window: what its kernel should take in */
    Nodes *takers;         /* by node id: contractions and windows whose kernel should take it in */
    int searches;          /* among kernels, so far */
    bool *channels_last;   /* by node id: stored with axis 1 contiguous */
    Halo **halo;           /* by node id: what windows read around it; or NULL */
    Value **planes_of;     /* by node id: a copy of it in its halo, as windows read it; or NULL */
    Value **value_of;      /* by node id: where the node's tensor is stored, or NULL */
    Value **dense_of; /* by node id: a row-major copy of it, for reshapes that strides cannot do; or
                         NULL */
    Nodes *reshapes;  /* by node id: of it, themselves or through views */
    Values values;
    Names names; /* of the values */
    Value *panel;            /* scratch that products share (panel.c); NULL: none yet */
    const char *form;        /* of an entry that makes or reads a prepared form its name,
                                "prepared"; else NULL */
    bool prepares;           /* makes it */
    int64_t prepared_floats; /* of it */
    int64_t workspace_bytes;       /* multiple of 64 */
    int64_t workspace_lower_bound; /* largest sum of values live at one step */
} EntryPlan;

/* How a parameter (or state, or session) is stored: strides of its logical axes, in floats. */
typedef struct ParamLayout {
    int64_t offset, floats;
    int64_t stride[MAX_RANK];
    bool padded;
} ParamLayout;

typedef struct Plan {
    Arena *arena;
    const Module *module;
    int threads; /* that run the parts of kernels; 0: kernels have no parts */
    ParamLayout *params, *states, *sessions; /* sessions in logical order */
    int64_t param_floats, state_floats, session_floats;
    VEC(EntryPlan *) entries;
} Plan;

/* threads: that run the parts of kernels, 0: there are no parts. */
Plan *plan_module(Arena *arena, const Module *module, int threads);

/* NULL, or what is wrong: overlaps among live values (found again, independently of memory.c),
 * values written twice or read before they are written, kernels out of order. */
const char *plan_verify(Arena *arena, const Plan *plan);

void plan_print_kernels(Text *out, const Plan *plan); /* --emit=kernels */
void plan_draw_memory(Text *out, const Plan *plan);   /* --emit=memory: SVG (draw.c) */

/* ---- views (view.c) ---- */
/* Views and checked indices have no storage and no arithmetic of their own: consumers look through
 * them. */
bool view_is_free(const Node *node);
const Node *view_root(const Node *node); /* the first node that is not free */
/* For each axis of `node` the axis of its root that it runs along, or -1 for an axis that the root
 * lacks or has with extent 1. False if the views between them do more than permute, broadcast, and
 * add or remove axes of extent 1. */
bool view_labels(const Node *node, int axis_of[MAX_RANK]);
/* The strides of `node` in the memory of `value`, which holds some node behind it. NULL, or the
 * reshape that cannot be had by strides alone and needs a copy. */
const Node *view_strides(const Node *node, const Value *value, View *view);

/* ---- fusion (fuse.c, inline.c, epilogue.c, merge.c) ---- */
void fuse_entry(EntryPlan *entry);        /* kernels and members */
void inline_cheap_maps(EntryPlan *entry); /* before the walk: sets Member.inlined */
void choose_epilogues(EntryPlan *entry);  /* then: sets EntryPlan.epilogue and takers */
void merge_kernels(EntryPlan *entry);     /* after the walk */
/* The nodes that must be computed or stored before `input` can be read: its root, or through an
 * inlined root its inputs. */
typedef struct NodeList {
    const Node *at[16];
    int count;
} NodeList;
void inline_sources(const EntryPlan *entry, const Node *input, NodeList *sources);
/* The labels that `in`, seen through views and inlined maps, gives to the axes of its reader where
 * it leads to members of k; false if the shared domain cannot say. */
bool kernel_labels(const EntryPlan *entry, const Kernel *k, const Node *in, int label[MAX_RANK]);
/* May `node`, itself a member of k or about to be, read `input` where that leads to members of k?
 * Sets *row to the row axes that this fixes, *after if it must run after the loops. */
bool kernel_may_read(const EntryPlan *entry, const Kernel *k, const Node *node, const Node *input,
                     unsigned *row, bool *after);
/* Whether no sum of `members` would take in an element more than once in the loops of k with that
 * row. */
bool kernel_counts_once(const EntryPlan *entry, const Kernel *k, const Kernel *members,
                        unsigned row);
/* Whether a product, window or the like stands between the members of k and a later node. */
bool kernel_is_left_behind(const EntryPlan *entry, const Kernel *k, const Node *node);

/* ---- dependence (depend.c, order.c) ---- */
Kernel *kernel_of(const EntryPlan *entry, const Node *node); /* that computes it, or NULL */
void find_readers(EntryPlan *entry); /* sets EntryPlan.readers; requires Member.inlined */
void kernel_note_read(const EntryPlan *entry, Kernel *k, const Node *root);
/* Of a member of k: kernels that read it already come to stand above. */
void kernel_precedes_readers(const EntryPlan *entry, const Kernel *k, const Node *node);
bool kernel_needs(EntryPlan *entry, Kernel *from,
                  const Kernel *on); /* `on` must have run (or is it) */
void order_kernels(EntryPlan *entry);

/* Whether lanes may run along an axis of the domain: everything in memory has stride 0 or 1 along
 * it, operands of the anchor aside (lanes.c). */
bool kernel_lanes_fit(const EntryPlan *entry, const Kernel *k, int axis);
/* Whether two axes of the domain can be walked as one, the outer one's index times the extent of
 * the inner one and the inner one's: all that the kernel reads and writes lies so in memory, or
 * does not vary along either. Only for KERNEL_CONTRACT. */
bool kernel_axes_merge(const EntryPlan *entry, const Kernel *k, int outer, int inner);
/* Whether lanes may run along an axis if some of what is read were stored otherwise: those nodes,
 * and which of their axes must be contiguous. */
enum { MAX_LANE_COPIES = 4 };
typedef struct LaneCopies {
    struct {
        const Node *node;
        int axis;
    } at[MAX_LANE_COPIES];
    int count;
} LaneCopies;
bool kernel_lanes_fit_copies(const EntryPlan *entry, const Kernel *k, int axis, LaneCopies *copies);

/* ---- panels (panel.c) ---- */
/* The most steps of the sum, and columns, that a panel has on any target. */
enum { PANEL_STEPS = 1024, PANEL_COLUMNS = 128 };
/* Whether a product can and should turn its operand, whose sum is contiguous, panel by panel, so
 * that lanes run along this axis of it: as far as shapes tell, and as far as the kernel does. */
bool panel_pays(const Node *product, int operand, int axis);
bool panel_fits(const EntryPlan *entry, Kernel *k, const View view[2], int operand, int axis);
/* Whether it should move panels of an operand together, though this axis of it is contiguous. */
bool panel_gathers(const EntryPlan *entry, Kernel *k, const View view[2], int operand, int axis);
void panel_plan(EntryPlan *entry, Kernel *k, int operand, int axis);

/* Whether all rows of a product, the axes of its result but the lanes', are one axis for all that
 * the kernel reads and writes. */
bool kernel_rows_are_one(const EntryPlan *entry, const Kernel *k);

/* ---- products of quarters (strassen.c) ---- */
enum { STRASSEN_LANES = 16 }; /* that a target's vectors have at least */
/* A product of rows x sum and sum x columns, cut in halves along all three. */
typedef struct Strassen {
    int wide; /* the operand along the lanes */
    int64_t rows, columns, sum;
    int64_t tall_stride, sum_stride; /* of the other operand; one of them is 1 */
    const Value *sums;               /* scratch: four sums of its quarters, `plane` elements apart,
                                        in rows of `ld` along the stride of 1 */
    int64_t ld, plane;
    bool kept;                       /* an earlier kernel has left them there */
    const Value *panel;              /* scratch: those of the operand along the lanes, of as many
                                        columns as a tile has */
    bool only_t2;                    /* the panel has the second of them alone; from it and the
                                        operand large tiles make the others as they load */
    bool exact;                      /* rows and columns of zeros make zeros of the result: it is a
                                        gradient */
    const Value *lit;                /* scratch: sums of absolute values of what a gradient has as
                                        rows: its own, or the steps of the sum of the product whose
                                        sums it finds; or NULL */
    const Value *lit_columns;        /* scratch: those of the columns of a gradient, or NULL */
} Strassen;
/* Sets Kernel.strassen where it pays; the layout is chosen. */
void strassen_plan(EntryPlan *entry, Kernel *k);

/* ---- parts (put.c) ---- */
/* Whether the output, what a session becomes, is the session with a part replaced and nobody else
 * reads it: it is replaced in place. */
bool put_in_place(const EntryPlan *entry, const Output *output);
void put_ensure_whole(EntryPlan *entry,
                      Kernel *k); /* copies the first input to the result if it is not there */

/* ---- prepared forms (prepare.c) ---- */
/* Divides an entry whose kernels are in order: what it computes of parameters and states alone is
 * moved to a plan "prepare", which writes what the rest reads of it. NULL where that is nothing.
 * Requires kernels that know their operands; plans the memory of both. */
EntryPlan *prepare_split(EntryPlan *entry);

/* ---- sums in place (onto.c) ---- */
/* Scatters that add to what their sum holds already; before the kernels are put in order. */
void onto_find(EntryPlan *entry);
void onto_place(EntryPlan *entry); /* once outputs have their places */

/* ---- sample by sample (samples.c) ---- */
/* Sets Kernel.samples and Value.one_sample where it pays; kernels are in order and know their
 * operands. */
void samples_find(EntryPlan *entry);
/* Elements from one sample of the batch to the next; 0: all are at one place. */
int64_t sample_step(const Value *v);
/* The shape of what is stored: of one sample, or of all. */
Type sample_shape(const Value *v);

/* ---- joins (join.c) ---- */
/* Joins whose inputs can be written where they will stand are no kernels any more. */
void join_in_place(EntryPlan *entry);

/* ---- scans (scan.c) ---- */
void scan_place_input(EntryPlan *body, const Node *input); /* the value of an input of the body */
int64_t scan_steps(const Kernel *k);                       /* of a KERNEL_SCAN */
/* Carries of a body whose kernels are in order and know their operands (carry.c). */
void carries_in_place(EntryPlan *body);
/* The value of the plan around along whose steps the carry lives, one a step: before each step its
 * element of the step, after it the next; NULL: it is one place (track.c). */
Value *track_of(const EntryPlan *body, int carry);
/* The strides of a carry of that rank there: a step of chunks begins with its own first. */
void track_strides(const Value *saved, int rank, int64_t *stride);
/* The first of them in an entry, where the carry starts; its final value becomes the last. */
Value *track_start(EntryPlan *outer, const Kernel *k, int carry, Value *saved);
/* Where an output of the body goes: NULL if it is there already or nobody outside reads it. */
Value *scan_output(EntryPlan *body, int index);
void scan_plan(EntryPlan *entry, Kernel *k); /* makes k->body */
/* What a body captures does not change from step to step: a copy with the given axis of `in`, a
 * view of a capture, contiguous can be made once, in front of the scan. The hoisted copy has the
 * capture as its node. */
bool scan_may_hoist(const EntryPlan *body, const Node *in, int axis);
Value *scan_hoist(EntryPlan *body, const Node *in, int axis);

/* ---- parts of the plan (place.c, operand.c, layout.c, memory.c, plan.c) ---- */
/* Values of leaves, of what crosses from kernel to kernel, and of outputs; those of `copied` no
 * kernel can write in place: they are copies of their nodes at the end. */
void place_values(EntryPlan *entry, Values *copied);
/* If `node` is its root, axis for axis, the strides of the root where the node has those of `as`.
 */
bool plan_root_strides(const Node *node, const Value *as, int64_t *stride);
EntryPlan *plan_graph(Plan *plan, const Graph *graph, EntryPlan *outer, Kernel *scan);
enum { LANE_PAD = 16 }; /* rows are padded to this many elements: the widest vector of any target */
void layout_params(Plan *plan); /* one stored order for all entries */
/* order[0] outermost; NULL: as it is. Rows are padded to whole vectors, and by one more where they
 * would lie a multiple of `apart` bytes apart and so share cache sets; 0: no padding. The optimiser
 * moves padding of parameters too, so they get less. */
enum { PARAM_APART = 2048, WORK_APART = 512 };
void layout_dense(Type type, const int *order, int apart, Value *value);
/* The same with rows of as many of the innermost axes. */
void layout_padded(Type type, const int *order, int inner, int apart, Value *value);
void layout_contraction(EntryPlan *entry,
                        Kernel *k); /* lane axis and operands, with copies where they pay */
/* Scratch in pieces lies behind everything else, each thread's always at the same place, so that it
 * stays in the thread's cache. */
void memory_plan(EntryPlan *entry);
bool memory_has_slot(const EntryPlan *entry, const Value *v); /* in the workspace, at v->offset */
int64_t memory_bytes(const Value *v);                         /* of its slot */
int64_t memory_live_bytes(const EntryPlan *entry,
                          int step); /* of the slots that are live at a step */

/* ---- windows (window.c) ---- */
struct Window;
void mark_channels_last(EntryPlan *entry); /* EntryPlan.channels_last, halo */
void layout_channels_last(Type type, const Halo *halo, Value *value); /* halo: or NULL */
void layout_weight(Type type, int last,
                   Value *value); /* [taps ..., other channels, channels of axis `last`] */
bool window_is_winograd(const EntryPlan *entry, const Node *node);
/* Tiles transformed at a time: of some whole pictures, or rows of tiles of one picture. */
enum { WINOGRAD_TILE = 4 };
int64_t winograd_extent(const struct Window *window, int axis); /* of what is cut into tiles */
int64_t winograd_tiles(const struct Window *window, int axis);  /* the last may not be whole */
typedef struct WinogradBlock {
    int64_t pictures, high, wide, tiles;
} WinogradBlock;
WinogradBlock winograd_block(const EntryPlan *entry, const struct Window *window);
void layout_window(EntryPlan *entry,
                   Kernel *k); /* lane axis and operands, with copies where they pay */
int window_weight_lanes(const struct Window *window); /* the axis of the weights along the lanes */
/* Whether every entry of the result is computed once, from what it meets, so that an epilogue may
 * follow. */
bool window_gathers(const EntryPlan *entry, const Node *node);
/* Whether the kernel of a window adds up, for each channel, what its epilogue computes: node is a
 * sum over all axes but 1 that no node reads (a bias's gradient). */
bool window_takes_sum(const EntryPlan *entry, const Kernel *k, const Node *node);
/* Moves reductions of kernels of rows to the windows that make what they reduce, while it is near:
 * the variance of channels, and the sum beside it (moments.c). */
void moments_move(EntryPlan *entry);

bool kernel_writes(const Kernel *k, const Value *value); /* k: or NULL */
void plan_find_operands(EntryPlan *entry, Kernel *k);    /* sets Kernel.operands */
/* How a member of `k` gets an input: from memory through *view (true), or computed in k, or inline
 * as a fill or count (false). */
bool plan_operand(const EntryPlan *entry, const Kernel *k, const Node *input, View *view);
/* Makes sure that plan_operand can answer for this input: adds a copy before k where strides alone
 * do not do. */
void plan_ensure_view(EntryPlan *entry, Kernel *k, const Node *input);
/* Puts a constant into memory before k if that is how k reads this input of its node. */
void plan_ensure_stored(EntryPlan *entry, Kernel *k, const Node *node, int input);
Value *plan_value(EntryPlan *entry, const Node *node, Place place, int index, const char *name);
/* In front of `before`; NULL: at the end. */
void plan_insert(EntryPlan *entry, const Kernel *before, Kernel *k);
Kernel *plan_copy(EntryPlan *entry, Kernel *before, const Node *node,
                  Value *to); /* `to` holds node in another layout */
#endif

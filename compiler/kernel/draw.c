/* --emit=memory: the workspace of each entry as a picture (SVG). Time runs to the right, one column
 * a kernel; bytes run up. A rectangle is a buffer: as wide as it is live, as high as it is large,
 * where the plan put it. A line over them follows what is live at each step: where it stays below
 * the top of the rectangles, the plan has holes. */
#include <string.h>

#include "kernel/kernel.h"

enum {
    LEFT = 84, RIGHT = 28, HEAD = 62,                    /* pixels around a plot */
    LOW = 240, HIGH = 680,           /* a plot: by its kernels */
    NARROW = 13, WIDE = 72,          /* of a column */
    FULL = 1000,                     /* of a plot, until its columns are narrow */
    SMALL = 10,                      /* size of names */
    LONGEST = 44                     /* letters of a kernel's name */
};

static const double letter = 0.58;   /* width of an average letter of size 1 */

typedef struct Picture {
    Text *out;
    const EntryPlan *entry;
    int backward;                    /* first step of the backward part */
    int64_t bytes;                   /* at the top of the plot */
    double left, top, height;        /* of the plot */
    double column;                   /* pixels a step */
} Picture;

static double x_of(const Picture *p, int step) { return p->left + p->column * step; }

static double y_of(const Picture *p, int64_t bytes)
{
    return p->top + p->height - p->height * (double)bytes / (double)p->bytes;
}

/* ---- text ---- */

/* Names are identifiers: nothing in them needs escaping. */
static double text_width(const char *text) { return letter * SMALL * (double)strlen(text); }

/* 1500000 as "1.5 MB"; exact for what stands along the axis. */
static void add_size(Text *out, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double x = (double)bytes;
    int unit = 0;
    for (; x >= 1000 && unit < 4; unit++) x /= 1000;
    text_addf(out, "%.4g %s", x, units[unit]);
}

static void add_bytes(Text *out, int64_t bytes)
{
    text_add_grouped(out, bytes);
    text_add(out, " bytes");
}

/* ---- what a buffer is for ---- */

static bool of_forward(const EntryPlan *entry, const Kernel *k)
{
    if (k->kind == KERNEL_CHECK || !k->results.count) return true;
    return entry->forward[k->results.at[0]->node->id];
}

/* The first step of the backward part; the number of steps where there is none. */
static int first_backward(const EntryPlan *entry)
{
    int step = 0;
    while (step < entry->kernels.count && of_forward(entry, entry->kernels.at[step])) step++;
    return step;
}

static const char *class_of(const Picture *p, const Value *v)
{
    if (!p->entry->forward[v->node->id] || v->first >= p->backward) return "back";
    return v->last >= p->backward ? "kept" : "fore";
}

/* ---- the plot ---- */

/* The least 1, 2 or 5 times a power of ten that divides the height into at most six parts. */
static int64_t tick(int64_t bytes)
{
    static const int factor[] = {1, 2, 5};
    for (int64_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++)
            if (power * factor[i] * 6 >= bytes) return power * factor[i];
}

static void draw_grid(const Picture *p)
{
    const double right = x_of(p, p->entry->kernels.count);
    const int64_t step = tick(p->bytes);
    for (int64_t bytes = 0; bytes <= p->bytes; bytes += step) {
        const double y = y_of(p, bytes);
        text_addf(p->out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", p->left - 4, y, right);
        text_addf(p->out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">", p->left - 8, y + 3.5);
        add_size(p->out, bytes);
        text_add(p->out, "</text>\n");
    }
}

typedef struct Box { double x, y, width, height; } Box;

static Box box_of(const Picture *p, const Value *v)
{
    Box b = {x_of(p, v->first), y_of(p, v->offset + memory_bytes(v)), 0, 0};
    b.width = x_of(p, v->last + 1) - b.x;
    b.height = y_of(p, v->offset) - b.y;
    return b;
}

static void draw_buffer(const Picture *p, const Value *v)
{
    const Box b = box_of(p, v);
    text_addf(p->out, "<g class=\"%s\"><title>%s %s\n", class_of(p, v), v->name,
              type_text(p->entry->arena, v->node->type));
    add_bytes(p->out, memory_bytes(v));
    text_add(p->out, " at ");
    text_add_grouped(p->out, v->offset);
    text_addf(p->out, ", steps %d to %d</title>", v->first + 1, v->last + 1);
    text_addf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/></g>\n", b.x,
              b.y, b.width, b.height);
}

/* The name of a buffer in its rectangle, lying or standing, where it has room. */
static void draw_name(const Picture *p, const Value *v)
{
    const Box b = box_of(p, v);
    const double length = text_width(v->name) + 4;
    const double x = b.x + b.width / 2, y = b.y + b.height / 2;
    const bool lies = b.width >= length && b.height >= SMALL + 2;
    if (!lies && (b.height < length || b.width < SMALL + 2)) return;
    text_addf(p->out, "<text class=\"in %s\" ", class_of(p, v));
    if (lies) text_addf(p->out, "x=\"%.1f\" y=\"%.1f\">", x, y + 3.5);
    else text_addf(p->out, "transform=\"translate(%.1f %.1f) rotate(-90)\">", x + 3.5, y);
    text_addf(p->out, "%s</text>\n", v->name);
}

/* Under each column the kernel's name, from top to bottom. */
static void draw_kernels(const Picture *p)
{
    for (int i = 0; i < p->entry->kernels.count; i++) {
        const Kernel *k = p->entry->kernels.at[i];
        const double x = x_of(p, i) + p->column / 2;
        text_addf(p->out, "<text class=\"kernel%s\" ", i < p->backward ? "" : " late");
        text_addf(p->out, "transform=\"translate(%.1f %.1f) rotate(-90)\">", x + 3.5,
                  p->top + p->height + 8);
        text_addf(p->out, "<title>%d %s\n", i + 1, k->name);
        add_bytes(p->out, memory_live_bytes(p->entry, i));
        text_addf(p->out, " live</title>%.*s</text>\n", LONGEST, k->name);
    }
}

static void draw_live(const Picture *p, const char *class)
{
    text_addf(p->out, "<path class=\"%s\" d=\"M%.1f %.1f", class, p->left, y_of(p, 0));
    for (int i = 0; i < p->entry->kernels.count; i++)
        text_addf(p->out, "V%.1fH%.1f", y_of(p, memory_live_bytes(p->entry, i)), x_of(p, i + 1));
    text_addf(p->out, "V%.1f\"/>\n", y_of(p, 0));
}

static void draw_level(const Picture *p, int64_t bytes, const char *class)
{
    text_addf(p->out, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n", class, p->left,
              y_of(p, bytes), x_of(p, p->entry->kernels.count));
}

/* ---- a picture ---- */

static double longest_name(const EntryPlan *entry)
{
    double longest = 0;
    for (int i = 0; i < entry->kernels.count; i++) {
        const double n = text_width(entry->kernels.at[i]->name);
        if (n > longest) longest = n;
    }
    return longest < LONGEST * letter * SMALL ? longest : LONGEST * letter * SMALL;
}

static double column_width(const EntryPlan *entry)
{
    const double even = entry->kernels.count ? (double)FULL / entry->kernels.count : WIDE;
    return even < NARROW ? NARROW : even > WIDE ? WIDE : even;
}

static double plot_height(const EntryPlan *entry)
{
    const int height = LOW + 4 * entry->kernels.count;
    return height < HIGH ? height : HIGH;
}

static void draw_head(const Picture *p)
{
    const EntryPlan *entry = p->entry;
    text_addf(p->out, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">", p->left, p->top - 38);
    text_addf(p->out, "%s at batch %lld", entry->name, (long long)entry->graph->batch);
    text_addf(p->out, "</text>\n<text class=\"what\" x=\"%.1f\" y=\"%.1f\">%d kernel%s, ", p->left,
              p->top - 18, entry->kernels.count, entry->kernels.count == 1 ? "" : "s");
    if (entry->workspace_bytes) {
        text_add(p->out, "workspace ");
        add_bytes(p->out, entry->workspace_bytes);
        text_add(p->out, "; at the least ");
        text_add_grouped(p->out, entry->workspace_lower_bound);
    } else {
        text_add(p->out, "no workspace");
    }
    text_add(p->out, "</text>\n");
}

static void draw_buffers(const Picture *p, void (*draw)(const Picture *p, const Value *v))
{
    for (int i = 0; i < p->entry->values.count; i++)
        if (memory_has_slot(p->entry, p->entry->values.at[i])) draw(p, p->entry->values.at[i]);
}

/* Returns its height. */
static double draw_entry(const Picture *p)
{
    const EntryPlan *entry = p->entry;
    draw_head(p);
    if (!entry->workspace_bytes) return HEAD;
    draw_grid(p);
    draw_buffers(p, draw_buffer);
    draw_level(p, entry->workspace_lower_bound, "least");
    draw_live(p, "halo");
    draw_live(p, "live");
    draw_buffers(p, draw_name);
    draw_kernels(p);
    return HEAD + p->height + 16 + longest_name(entry) + 24;
}

/* ---- the file ---- */

static const char *const style =
    "<style>\n"
    "text { font-family: Helvetica, Arial, 'DejaVu Sans', sans-serif; fill: #24303c }\n"
    ".title { font-size: 17px; font-weight: bold }\n"
    ".what { font-size: 12px; fill: #55626f }\n"
    ".tick { font-size: 10px; fill: #55626f; text-anchor: end }\n"
    ".kernel { font-size: 10px; fill: #2f5d8c; text-anchor: end }\n"
    ".late { fill: #3c7a3c }\n"
    ".in { font-size: 10px; text-anchor: middle; pointer-events: none }\n"
    ".in { paint-order: stroke; stroke-width: 3 }\n"
    ".in.fore { stroke: #a9cbea } .in.kept { stroke: #f3cf7a } .in.back { stroke: #a8d6a5 }\n"
    ".grid { stroke: #e3e7eb; stroke-width: 1; fill: none }\n"
    "rect { stroke: #ffffff; stroke-width: 0.7 }\n"
    ".fore rect { fill: #a9cbea } .kept rect { fill: #f3cf7a } .back rect { fill: #a8d6a5 }\n"
    "g:hover rect { stroke: #24303c; stroke-width: 1.5 }\n"
    ".live { stroke: #24303c; stroke-width: 1.2; fill: none }\n"
    ".halo { stroke: #ffffff; stroke-width: 3; stroke-opacity: 0.7; fill: none }\n"
    ".least { stroke: #b23b3b; stroke-width: 1.2; stroke-dasharray: 6 4; fill: none }\n"
    "</style>\n";

static double legend_text(Text *out, double x, double y, const char *text)
{
    text_addf(out, "<text class=\"what\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x, y, text);
    return x + 24 + 1.1 * text_width(text);
}

static void draw_legend(Text *out, double x, double y)
{
    static const char *const boxes[][2] = {
        {"fore", "forward"}, {"kept", "kept for the backward part"}, {"back", "backward"},
    };
    static const char *const lines[][2] = {
        {"live", "live at each step"}, {"least", "no plan of these steps needs less"},
    };
    for (int i = 0; i < 3; i++) {
        text_addf(out, "<g class=\"%s\"><rect x=\"%.1f\" y=\"%.1f\" ", boxes[i][0], x, y - 10);
        text_add(out, "width=\"14\" height=\"12\"/></g>");
        x = legend_text(out, x + 20, y, boxes[i][1]);
    }
    for (int i = 0; i < 2; i++) {
        text_addf(out, "<path class=\"%s\" d=\"M%.1f %.1fh18\"/>", lines[i][0], x, y - 4);
        x = legend_text(out, x + 24, y, lines[i][1]);
    }
}

typedef struct Sheet { Text *out; double width, height; } Sheet;

static void add_entry(Sheet *sheet, const EntryPlan *entry)
{
    const Picture p = {
        .out = sheet->out,
        .entry = entry,
        .backward = first_backward(entry),
        .bytes = entry->workspace_bytes,
        .left = LEFT,
        .top = sheet->height + HEAD,
        .height = plot_height(entry),
        .column = column_width(entry),
    };
    const double right = x_of(&p, entry->kernels.count) + RIGHT;
    sheet->height += draw_entry(&p);
    if (right > sheet->width) sheet->width = right;
}

void plan_draw_memory(Text *out, const Plan *plan)
{
    Text pictures = text_new(plan->arena);
    Sheet sheet = {&pictures, FULL, 44};
    draw_legend(&pictures, LEFT, 28);
    for (int i = 0; i < plan->entries.count; i++) add_entry(&sheet, plan->entries.at[i]);
    text_add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" ");
    text_addf(out, "viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\">\n", sheet.width,
              sheet.height, sheet.width, sheet.height);
    text_addf(out, "<title>Memory of %s</title>\n%s", plan->module->name, style);
    text_add(out, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    text_addn(out, pictures.at, pictures.length);
    text_add(out, "</svg>\n");
}

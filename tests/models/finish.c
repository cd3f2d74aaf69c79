/* The end of a program: outputs, and where it has a loss, targets, losses and metrics of all kinds.
 */
#include "maker.h"

/* A target of the value's shape. */
static const char *float_target(Maker *m, const Made *v, const char *dtype)
{
    const char *name = maker_name(m, "t");
    maker_line(m, "target %s: %s%s;", name, dtype, maker_shape(m, v));
    return name;
}

static const char *by_element(Maker *m, const Made *v)
{
    static const char kinds[] = "mean_squared_error;mean_absolute_error;huber;hinge;"
                                "binary_cross_entropy;soft_cross_entropy;mean_squared_error";
    const char *target = float_target(m, v, "f32");
    const char *kind = maker_word(m, kinds);
    const char *named = arena_printf(m->arena, "%s(%s, %s", kind, v->name, target);
    if (maker_chance(m, 30))
        maker_line(m, "metric root_mean_squared_error(%s, %s);", v->name, target);
    if (maker_chance(m, 30)) maker_line(m, "metric ba = binary_accuracy(%s, %s);", v->name, target);
    switch (maker_below(m, 3)) {
    case 0: return arena_printf(m->arena, "0.05 * %s, reduction = sum)", named);
    case 1: return arena_printf(m->arena, "mean(%s, reduction = none) * 1.5)", named);
    default: return arena_printf(m->arena, "%s)", named);
    }
}

static const char *class_options(Maker *m, int64_t classes)
{
    Text out = text_new(m->arena);
    if (maker_chance(m, 25)) text_add(&out, ", label_smoothing = 0.1");
    if (maker_chance(m, 25)) text_add(&out, ", ignore_index = 1");
    if (classes < 6 && maker_chance(m, 40)) {
        text_add(&out, ", weight = [");
        for (int64_t i = 0; i < classes; i++)
            text_addf(&out, "%s%g", i ? ", " : "", 0.5 + 0.25 * (double)i);
        text_add(&out, "]");
    }
    return out.at;
}

static const char *by_class(Maker *m, const Made *v, int axis)
{
    const Made labels = made_drop(*v, axis);
    const char *label = float_target(m, &labels, "i32");
    if (maker_chance(m, 40))
        maker_line(m, "metric accuracy(%s, %s, axis = %d);", v->name, label, axis);
    if (v->rank == 2 && maker_chance(m, 30))
        maker_line(m, "metric cm = confusion_matrix(%s, %s)[0, 0];", v->name, label);
    if (maker_chance(m, 20))
        maker_line(m, "metric tk = top_k_accuracy(%s, %s, 2, axis = %d);", v->name, label, axis);
    if (maker_chance(m, 15))
        return arena_printf(m->arena, "nll(log_softmax(%s, axis = %d), %s, axis = %d)", v->name,
                            axis, label, axis);
    return arena_printf(m->arena, "cross_entropy(%s, %s, axis = %d%s%s)", v->name, label, axis,
                        class_options(m, v->dim[axis]), maker_word(m, ";;, reduction = mean"));
}

static const char *by_alignment(Maker *m, const Made *v)
{
    const Made text = {.rank = 2, .dim = {0, (v->dim[1] - 1) / 2}};
    const char *label = float_target(m, &text, "i32");
    if (maker_chance(m, 30)) maker_line(m, "metric edit_distance(%s, %s);", v->name, label);
    if (maker_chance(m, 30)) maker_line(m, "output letters = ctc_greedy(%s);", v->name);
    return arena_printf(m->arena, "0.3 * ctc(%s, %s)", v->name, label);
}

static const char *make_loss(Maker *m, const Made *v)
{
    const int axis = v->rank > 1 ? maker_axis(m, v) : -1;
    if (maker_chance(m, 8)) return arena_printf(m->arena, "0.01 * sum(%s)", v->name);
    if (v->batch == NO_BATCH || v->rank == 0)
        return arena_printf(m->arena, "mean(squared(%s - 0.3))", v->name);
    if (v->rank == 3 && v->batch == 0 && v->dim[1] > 2 && v->dim[1] < 14 && v->dim[2] > 4
        && maker_chance(m, 50))
        return by_alignment(m, v);
    if (axis >= 0 && v->batch == 0 && v->dim[axis] > 1 && maker_chance(m, 45))
        return by_class(m, v, axis);
    return v->batch == 0 ? by_element(m, v)
                         : arena_printf(m->arena, "mean(squared(%s - 0.2))", v->name);
}

static void make_outputs(Maker *m, const Made *last)
{
    Made rows;
    if (!maker_rows(m, 1, &rows)) rows = *last;
    maker_line(m, "output y = %s;", last->batch == 0 ? last->name : rows.name);
    if (maker_chance(m, 25) && rows.batch == 0) maker_line(m, "output z = %s;", rows.name);
}

void maker_finish(Maker *m)
{
    const Made last = m->vars.at[m->vars.count - 1], other = maker_var(m);
    if (m->has_loss) {
        const char *main_loss = make_loss(m, &last);
        maker_line(m, "loss %s%s;", main_loss,
                   maker_chance(m, 40)
                       ? arena_printf(m->arena, " + 0.1 * mean(squared(%s))", other.name)
                       : "");
    }
    make_outputs(m, &last);
}

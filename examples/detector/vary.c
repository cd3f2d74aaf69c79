/* Pictures and their boxes, varied. */
#include "vary.h"

#include <math.h>

#include "cells.h"
#include "nn_random.h"

/* The next number in [low, high). */
static float draw(uint64_t picture, uint64_t *place, float low, float high)
{
    const uint64_t bits = nn_random(1, NN_STREAM_USER + picture, (*place)++);
    return low + (high - low) * (float)(bits >> 40) / (1 << 24);
}

/* The middle of the picture shows a place near the middle, at `zoom`. */
static Axis axis_of(int mirrored, float zoom, float moved)
{
    const float scale = mirrored ? -1 / zoom : 1 / zoom, middle = SIDE / 2.0f;
    return (Axis){scale, middle + moved - scale * middle};
}

Variation variation_of(uint64_t picture, uint64_t number)
{
    Variation v = {{1, 0}, {1, 0}, {1, 1, 1}};
    uint64_t place = number * 8;
    if (number == 0) return v;
    const float zoom = draw(picture, &place, 0.85f, 1.2f),
                lamp = draw(picture, &place, 0.85f, 1.15f);
    v.x = axis_of(number & 1, zoom, draw(picture, &place, -12, 12));
    v.y = axis_of(number >> 1 & 1, zoom, draw(picture, &place, -12, 12));
    for (int c = 0; c < 3; c++) v.light[c] = lamp * draw(picture, &place, 0.95f, 1.05f);
    return v;
}

/* ---- pixels ---- */

static int within(int i) { return i < 0 ? 0 : i >= SIDE ? SIDE - 1 : i; }

/* Which two pixels of the original pixel i lies between, and how far from the first. */
static float between(const Axis *a, int i, int *first, int *second)
{
    const float at = a->scale * ((float)i + 0.5f) + a->shift - 0.5f, whole = floorf(at);
    *first = within((int)whole);
    *second = within((int)whole + 1);
    return at - whole;
}

void vary_picture(const Variation *v, const unsigned char *pixels, unsigned char *planes)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int left, right, upper, lower;
            const float fx = between(&v->x, x, &left, &right);
            const float fy = between(&v->y, y, &upper, &lower);
            for (int c = 0; c < 3; c++) {
                const float a = pixels[(upper * SIDE + left) * 3 + c];
                const float b = pixels[(upper * SIDE + right) * 3 + c];
                const float d = pixels[(lower * SIDE + left) * 3 + c];
                const float e = pixels[(lower * SIDE + right) * 3 + c];
                const float above = a + fx * (b - a), below = d + fx * (e - d);
                const float value = v->light[c] * (above + fy * (below - above));
                planes[(c * SIDE + y) * SIDE + x] = (unsigned char)fminf(value + 0.5f, 255);
            }
        }
}

/* ---- boxes ---- */

/* Both edges along an axis; returns how much of the length is left within the picture. */
static float vary_edges(const Axis *a, float low, float high, float *out_low, float *out_high)
{
    const float p = (low - a->shift) / a->scale, q = (high - a->shift) / a->scale;
    const float from = fminf(p, q), to = fmaxf(p, q);
    *out_low = fmaxf(from, 0);
    *out_high = fminf(to, SIDE);
    return (*out_high - *out_low) / (to - from);
}

int vary_box(const Variation *v, const nn_box *box, nn_box *out)
{
    *out = *box;
    const float across = vary_edges(&v->x, box->x1, box->x2, &out->x1, &out->x2);
    const float down = vary_edges(&v->y, box->y1, box->y2, &out->y1, &out->y2);
    return across > 0 && down > 0 && across * down >= 0.5f;
}

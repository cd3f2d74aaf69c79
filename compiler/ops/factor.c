/* Common factors: a * b + a * c is a * (b + c), whatever the products are nested in. That is never
 * more work, and it parts a gradient from the slope that it meets: where a value is used more than
 * once, as in x * f(x), the gradients of the uses are added up, and only as a factor of their sum
 * is the slope a value of its own, which depends on no gradient. */
#include "ops/build.h"
#include "ops/rewrite.h"

enum { MAX_FACTORS = 12 };

typedef struct Product { int count; Node *factor[MAX_FACTORS]; } Product;

/* A product of too many counts as one factor. */
static bool collect(Product *p, Node *node)
{
    if (node->op == OP_mul)
        return collect(p, node->inputs[0]) && collect(p, node->inputs[1]);
    if (p->count == MAX_FACTORS) return false;
    p->factor[p->count++] = node;
    return true;
}

static Product product_of(Node *node)
{
    Product p = {.count = 0};
    if (!collect(&p, node)) p = (Product){.count = 1, .factor = {node}};
    return p;
}

static void take_out(Product *p, int at)
{
    p->count--;
    for (int i = at; i < p->count; i++) p->factor[i] = p->factor[i + 1];
}

/* Constants are no common factors: they stay with what they scale. */
static void take_common(Product *a, Product *b, Product *common)
{
    for (int i = 0; i < a->count;) {
        int j = 0;
        while (j < b->count && b->factor[j] != a->factor[i]) j++;
        if (j == b->count || a->factor[i]->op == OP_fill) {
            i++;
            continue;
        }
        common->factor[common->count++] = a->factor[i];
        take_out(a, i);
        take_out(b, j);
    }
}

static Node *map_of_two(const Rewriter *r, Op op, Node *a, Node *b)
{
    return r->settle(r->context, build_map(r->graph, op, 2, (Node *[]){a, b}));
}

static Node *multiply(const Rewriter *r, const Product *p, Type type)
{
    if (p->count == 0) return r->settle(r->context, build_fill(r->graph, type, 1.0));
    Node *product = p->factor[0];
    for (int i = 1; i < p->count; i++) product = map_of_two(r, OP_mul, product, p->factor[i]);
    return product;
}

/* The youngest factor comes last. That is a gradient if one of them is: gradients are made behind
 * all that they are gradients of. */
static Node *multiply_by(const Rewriter *r, Product *common, Node *sum)
{
    int youngest = 0;
    for (int i = 1; i < common->count; i++)
        if (common->factor[i]->id > common->factor[youngest]->id) youngest = i;
    Node *last = common->factor[youngest];
    take_out(common, youngest);
    if (common->count > 0) sum = map_of_two(r, OP_mul, multiply(r, common, sum->type), sum);
    return map_of_two(r, OP_mul, last, sum);
}

/* a + a * b would only become one operation more. */
static bool pays(const Product *common, const Product *a, const Product *b)
{
    const int rest = a->count < b->count ? a->count : b->count;
    return common->count > 0 && (rest > 0 || common->count > 1);
}

Node *rewrite_common_factor(const Rewriter *r, const Node *node)
{
    if ((node->op != OP_add && node->op != OP_sub) || node->type.dtype != DT_F32) return NULL;
    Product a = product_of(node->inputs[0]), b = product_of(node->inputs[1]);
    Product common = {.count = 0};
    take_common(&a, &b, &common);
    if (!pays(&common, &a, &b)) return NULL;
    Node *sum = map_of_two(r, node->op, multiply(r, &a, node->type), multiply(r, &b, node->type));
    return multiply_by(r, &common, sum);
}

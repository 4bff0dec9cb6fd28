#include "packing.h"
#include "winograd.h"

enum { MAX_TAPS = 7 };

// G of one dimension, [product][tap], a row for each product of weights of its own.
typedef struct {
    size_t products;
    double rows[LV_MAX_PRODUCTS][MAX_TAPS];
} weight_transform;

static weight_transform weight_transform_of(lv_tiling tiling) {
    weight_transform g = {0};
    const lv_dimension d = lv_dimension_of(tiling);
    if (d.pairs == 0) {
        g.products = 1;
        g.rows[0][0] = 1.0;
        return g;
    }
    const float *points = lv_points(tiling);
    const size_t taps = 2 * d.pairs + d.zero + 2 - d.outputs, step = d.stride;
    size_t row = 0;
    // A row is the powers of its point over the derivative of M there.
    if (d.zero) {
        double derivative = 1.0;
        for (size_t q = 0; q < d.pairs; q++) derivative *= -(double)points[q] * (double)points[q];
        g.rows[row++][0] = 1.0 / derivative;
    }
    for (size_t i = 0; i < d.pairs; i++, row += 2) {
        const double p = (double)points[i];
        double derivative = d.zero ? 2.0 * p * p : 2.0 * p;
        for (size_t q = 0; q < d.pairs; q++) {
            if (q != i) derivative *= p * p - (double)points[q] * (double)points[q];
        }
        const double opposite = d.zero ? derivative : -derivative;  // at -p
        double power = 1.0;
        for (size_t j = 0; j < taps; j++, power *= p) {
            g.rows[row][j * step] = power / derivative;
            g.rows[row + 1][j * step] = (j % 2 == 0 ? power : -power) / opposite;
        }
    }
    g.rows[row++][(taps - 1) * step] = 1.0;
    if (d.stride == 2) g.rows[row++][1] = 1.0;
    g.products = row;
    return g;
}

size_t lv_winograd_weight_count(const lv_packing *p) {
    return lv_tiling_shape_of(p->row_tiling, p->column_tiling).weights;
}

// The outputs of a group side by side: [tap][output] to [row product][column tap][output] to [class][output].
LV_INLINE void pack_group(const lv_packing *p, size_t group, float *packed) {
    const weight_transform r = weight_transform_of(p->row_tiling), c = weight_transform_of(p->column_tiling);
    const size_t row = lv_row(p, group), first = group * LV_GROUP, taps = p->row_taps * p->column_taps;
    const size_t there = p->outputs - first < row ? p->outputs - first : row;
    double scale[LV_GROUP] = {0};
    for (size_t o = 0; o < there; o++) scale[o] = p->output_scale ? p->output_scale[first + o] : 1.0;
    for (size_t i = 0; i < p->inputs; i++) {
        double g[MAX_TAPS * MAX_TAPS][LV_GROUP] = {{0}};
        for (size_t o = 0; o < there; o++) {
            const float *from = p->weights + ((first + o) * p->inputs + i) * taps;
            for (size_t t = 0; t < taps; t++) g[t][o] = (double)from[t];
        }
        for (size_t y = 0; y < r.products; y++) {
            double half[MAX_TAPS][LV_GROUP];
            for (size_t x = 0; x < p->column_taps; x++) {
                double sum[LV_GROUP] = {0};
                for (size_t t = 0; t < p->row_taps; t++) {
                    const double *tap = g[t * p->column_taps + x];
                    for (size_t o = 0; o < LV_GROUP; o++) sum[o] += r.rows[y][t] * tap[o];
                }
                for (size_t o = 0; o < LV_GROUP; o++) half[x][o] = sum[o] * scale[o];
            }
            for (size_t x = 0; x < c.products; x++) {
                double sum[LV_GROUP] = {0};
                for (size_t t = 0; t < p->column_taps; t++) {
                    for (size_t o = 0; o < LV_GROUP; o++) sum[o] += half[t][o] * c.rows[x][t];
                }
                float *to = packed + ((y * c.products + x) * p->inputs + i) * row;
                for (size_t o = 0; o < row; o++) to[o] = (float)sum[o];
            }
        }
    }
}

// Additions and products of doubles in the order above: the instruction set changes no bit.
static void pack_portable(const lv_packing *p, size_t group, float *packed) { pack_group(p, group, packed); }
#if LV_X86
LV_TARGET_AVX2 static void pack_avx2(const lv_packing *p, size_t group, float *packed) { pack_group(p, group, packed); }
LV_TARGET_AVX512 static void pack_avx512(const lv_packing *p, size_t group, float *packed) {
    pack_group(p, group, packed);
}
#endif

void lv_pack_winograd_group(const lv_packing *p, size_t group, float *packed) {
#if LV_X86
    if (p->set == LV_AVX512) return pack_avx512(p, group, packed);
    if (p->set == LV_AVX2) return pack_avx2(p, group, packed);
#endif
    pack_portable(p, group, packed);
}

#include "packing.h"
#include "winograd.h"

enum { MAX_TAPS = 7 };

// G of one dimension: for each point the powers of it over the derivative of M there. Those of -p are those of +p but
// for signs, so sums over even and odd powers serve both.
typedef struct {
    size_t products, taps;  // taps of the kernel
    size_t pairs, powers, step;
    bool zero;
    double at_zero;
    double rows[LV_MAX_PAIRS][MAX_TAPS];  // of +p, by power
} weight_transform;

static weight_transform weight_transform_of(lv_tiling tiling) {
    const lv_dimension d = lv_dimension_of(tiling);
    weight_transform g = {.products = 1, .taps = 1, .pairs = d.pairs, .step = d.stride, .zero = d.zero, .at_zero = 1.0};
    if (d.pairs == 0) return g;
    const float *points = lv_points(tiling);
    g.powers = 2 * d.pairs + d.zero + 2 - d.outputs;
    g.taps = (g.powers - 1) * d.stride + 1;
    g.products = 2 * d.pairs + d.zero + 1 + (d.stride == 2);
    double derivative_at_zero = 1.0;
    for (size_t i = 0; i < d.pairs; i++) {
        const double p = (double)points[i];
        derivative_at_zero *= -p * p;
        double derivative = d.zero ? 2.0 * p * p : 2.0 * p;
        for (size_t q = 0; q < d.pairs; q++) {
            if (q != i) derivative *= p * p - (double)points[q] * (double)points[q];
        }
        double power = 1.0;
        for (size_t j = 0; j < g.powers; j++, power *= p) g.rows[i][j] = power / derivative;
    }
    g.at_zero = 1.0 / derivative_at_zero;
    return g;
}

typedef double lv_outputs[LV_GROUP];

// u = G g for all outputs of a group; `from` and `to` are steps of so many outputs apart.
LV_INLINE void transform_weights(const weight_transform *g, const lv_outputs *from, size_t from_step, lv_outputs *to) {
    if (g->pairs == 0) {
        for (size_t o = 0; o < LV_GROUP; o++) to[0][o] = from[0][o];
        return;
    }
    if (g->zero) {
        for (size_t o = 0; o < LV_GROUP; o++) (*to)[o] = g->at_zero * from[0][o];
        to++;
    }
    for (size_t i = 0; i < g->pairs; i++, to += 2) {
        lv_outputs even, odd;
        for (size_t o = 0; o < LV_GROUP; o++) even[o] = g->rows[i][0] * from[0][o];
        for (size_t o = 0; o < LV_GROUP; o++) odd[o] = g->rows[i][1] * from[g->step * from_step][o];
        for (size_t j = 2; j < g->powers; j++) {
            double *sum = j % 2 == 0 ? even : odd;
            const double *tap = from[j * g->step * from_step];
            for (size_t o = 0; o < LV_GROUP; o++) sum[o] += g->rows[i][j] * tap[o];
        }
        // The derivative at -p is that at p where 0 is a point, otherwise the opposite.
        const double sign = g->zero ? 1.0 : -1.0;
        for (size_t o = 0; o < LV_GROUP; o++) to[0][o] = even[o] + odd[o];
        for (size_t o = 0; o < LV_GROUP; o++) to[1][o] = sign * (even[o] - odd[o]);
    }
    for (size_t o = 0; o < LV_GROUP; o++) to[0][o] = from[(g->taps - 1) * from_step][o];
    if (g->step == 2) {
        for (size_t o = 0; o < LV_GROUP; o++) to[1][o] = from[from_step][o];
    }
}

size_t lv_winograd_weight_count(const lv_packing *p) {
    return lv_tiling_shape_of(p->row_tiling, p->column_tiling).weights;
}

// The outputs of a group side by side: columns first, then rows.
LV_INLINE void pack_group(const lv_packing *p, size_t group, float *packed) {
    const weight_transform r = weight_transform_of(p->row_tiling), c = weight_transform_of(p->column_tiling);
    const size_t row = lv_row(p, group), taps = r.taps * c.taps;
    lv_outputs g[MAX_TAPS * MAX_TAPS], half[MAX_TAPS * LV_MAX_PRODUCTS], whole[LV_MAX_PRODUCTS];
    double scales[LV_GROUP];
    lv_output_scales(p, group, scales);
    // So many inputs at a time that their taps are whole registers.
    float turned[MAX_TAPS * MAX_TAPS * LV_LANES][LV_GROUP];
    for (size_t i = 0; i < p->inputs; i++) {
        if (i % LV_LANES == 0) {
            const size_t values = (p->inputs - i < LV_LANES ? p->inputs - i : LV_LANES) * taps;
            for (size_t v = 0; v < values; v += LV_LANES) {
                lv_gather(p, group, i * taps + v, values - v < LV_LANES ? values - v : LV_LANES, turned + v);
            }
        }
        for (size_t t = 0; t < taps; t++) {
            const float *tap = turned[i % LV_LANES * taps + t];
            for (size_t o = 0; o < LV_GROUP; o++) g[t][o] = (double)tap[o] * scales[o];
        }
        for (size_t y = 0; y < r.taps; y++) transform_weights(&c, g + y * c.taps, 1, half + y * c.products);
        for (size_t x = 0; x < c.products; x++) {
            transform_weights(&r, half + x, c.products, whole);
            for (size_t y = 0; y < r.products; y++) {
                float *to = packed + ((y * c.products + x) * p->inputs + i) * row;
                for (size_t o = 0; o < row; o++) to[o] = (float)whole[y][o];
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

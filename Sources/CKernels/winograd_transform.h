// One-dimensional transforms of Toom-Cook convolution (Winograd 1980; Lavin and Gray 2016, arXiv:1509.09308).
//
// A tile of m outputs of a kernel with r taps is n = m + r - 1 products: y = A^T ((G g) . (B^T d)). The products are
// values of polynomials at n - 1 points and at infinity. The points are pairs +p, -p, and 0 where n is even, so that
// rows of B^T and columns of A^T come as sums and differences of an even and an odd half. With M(x) the product of
// (x - point) and E_i the product of (x^2 - q^2) over the pairs q other than p_i:
//   row of B^T for +p_i, -p_i   coefficients of M(x) / (x -+ p_i)
//   row for 0, infinity         coefficients of M(x) / x, M(x)
//   column of A^T for a         1, a, a^2 ...; for infinity 0 ... 0 1
// Points are multiples of 1/8 so chosen that all coefficients are exact in float32; which points decides the error:
// those below gave the least of those tried, measured with random inputs against float64 (docs/performance.md).
//
// A kernel of stride 2 is the sum of two kernels of stride 1: its even taps on even pixels, as a tile of 2 taps, and
// its odd tap on odd pixels, which needs no transform.
#pragma once

#include "kernel_sets.h"

// What one dimension of a tile does.
typedef struct {
    size_t outputs;   // m
    size_t products;  // n, of both parts where the stride is 2
    size_t pairs;     // of points; 0: no transform, one output is one product
    bool zero;        // whether 0 is a point
    size_t stride;
} lv_dimension;

LV_INLINE lv_dimension lv_dimension_of(lv_tiling tiling) {
    switch (tiling) {
    case LV_NO_TILING: return (lv_dimension){1, 1, 0, false, 1};
    case LV_4_OF_3: return (lv_dimension){4, 6, 2, true, 1};
    case LV_5_OF_3: return (lv_dimension){5, 7, 3, false, 1};
    case LV_4_OF_7: return (lv_dimension){4, 10, 4, true, 1};
    case LV_4_OF_3_STRIDE_2: return (lv_dimension){4, 9, 2, false, 2};
    case LV_5_OF_3_STRIDE_2: return (lv_dimension){5, 11, 2, true, 2};
    }
    return (lv_dimension){1, 1, 0, false, 1};
}

/// The positive points.
LV_INLINE const float *lv_points(lv_tiling tiling) {
    static const float points[][4] = {
        [LV_4_OF_3] = {0.75f, 1.5f},
        [LV_5_OF_3] = {0.375f, 0.75f, 1.5f},
        [LV_4_OF_7] = {1.125f, 0.375f, 2.0f, 0.75f},
        [LV_4_OF_3_STRIDE_2] = {0.5f, 1.5f},
        [LV_5_OF_3_STRIDE_2] = {0.75f, 1.5f},
    };
    return points[tiling];
}

enum { LV_MAX_PRODUCTS = 11, LV_MAX_PAIRS = 4 };

// Coefficients of the product of (x - p^2) over the first `pairs` points but `left_out`, lowest first; the highest
// is 1.
LV_INLINE void lv_pair_polynomial(const float *points, size_t pairs, size_t left_out, float *coefficients) {
    size_t degree = 0;
    coefficients[0] = 1.0f;
    for (size_t i = 0; i < pairs; i++) {
        if (i == left_out) continue;
        const float square = points[i] * points[i];
        coefficients[degree + 1] = coefficients[degree];
        for (size_t j = degree; j > 0; j--) coefficients[j] = coefficients[j - 1] - square * coefficients[j];
        coefficients[0] *= -square;
        degree++;
    }
}

/// A tiling's coefficients, all exact in float32.
typedef struct {
    float all[LV_MAX_PAIRS + 1];              // E
    float same[LV_MAX_PAIRS][LV_MAX_PAIRS];   // E_i
    float other[LV_MAX_PAIRS][LV_MAX_PAIRS];  // p_i E_i
    float powers[LV_MAX_PAIRS][8];            // p_i^k
} lv_coefficients;

LV_INLINE void lv_set_coefficients(lv_coefficients *c, lv_tiling tiling) {
    const size_t pairs = lv_dimension_of(tiling).pairs;
    if (pairs == 0) return;
    const float *points = lv_points(tiling);
    lv_pair_polynomial(points, pairs, pairs, c->all);
    for (size_t i = 0; i < pairs; i++) {
        lv_pair_polynomial(points, pairs, i, c->same[i]);
        for (size_t j = 0; j < pairs; j++) c->other[i][j] = points[i] * c->same[i][j];
        c->powers[i][0] = 1.0f;
        for (size_t k = 1; k < 8; k++) c->powers[i][k] = points[i] * c->powers[i][k - 1];
    }
}

// v = B^T x. `x_step` and `v_step` in vectors.
LV_INLINE void lv_transform_input(const lv_tiling tiling, const lv_coefficients *c, const lv_vector16 *x,
                                  const size_t x_step, lv_vector16 *v, const size_t v_step) {
    const lv_dimension d = lv_dimension_of(tiling);
    const size_t pairs = d.pairs, zero = d.zero, s = x_step * d.stride;
    if (pairs == 0) {
        v[0] = x[0];
        return;
    }
    if (zero) {
        lv_vector16 sum = x[2 * pairs * s];
        _Pragma("unroll") for (size_t j = pairs; j-- > 0;) {
            sum = __builtin_elementwise_fma((lv_vector16)c->all[j], x[2 * j * s], sum);
        }
        v[0] = sum;
    }
    _Pragma("unroll") for (size_t i = 0; i < pairs; i++) {
        lv_vector16 same = x[(2 * pairs - 1 + zero) * s];
        lv_vector16 other = (lv_vector16)c->other[i][pairs - 1] * x[(2 * pairs - 2 + zero) * s];
        _Pragma("unroll") for (size_t j = pairs - 1; j-- > 0;) {
            same = __builtin_elementwise_fma((lv_vector16)c->same[i][j], x[(2 * j + 1 + zero) * s], same);
            other = __builtin_elementwise_fma((lv_vector16)c->other[i][j], x[(2 * j + zero) * s], other);
        }
        v[(zero + 2 * i) * v_step] = same + other;
        v[(zero + 2 * i + 1) * v_step] = same - other;
    }
    lv_vector16 sum = x[(2 * pairs + zero) * s];
    _Pragma("unroll") for (size_t j = pairs; j-- > 0;) {
        sum = __builtin_elementwise_fma((lv_vector16)c->all[j], x[(2 * j + zero) * s], sum);
    }
    v[(zero + 2 * pairs) * v_step] = sum;
    if (d.stride == 2) {
        _Pragma("unroll") for (size_t k = 0; k < d.outputs; k++) {
            v[(zero + 2 * pairs + 1 + k) * v_step] = x[(2 * k + 1) * x_step];
        }
    }
}

// y = A^T x.
LV_INLINE void lv_transform_output(const lv_tiling tiling, const lv_coefficients *c, const lv_vector16 *x,
                                   const size_t x_step, lv_vector16 *y, const size_t y_step) {
    const lv_dimension d = lv_dimension_of(tiling);
    const size_t pairs = d.pairs, zero = d.zero;
    if (pairs == 0) {
        y[0] = x[0];
        return;
    }
    lv_vector16 sums[LV_MAX_PAIRS], differences[LV_MAX_PAIRS];
    _Pragma("unroll") for (size_t i = 0; i < pairs; i++) {
        const lv_vector16 plus = x[(zero + 2 * i) * x_step], minus = x[(zero + 2 * i + 1) * x_step];
        sums[i] = plus + minus;
        differences[i] = plus - minus;
    }
    _Pragma("unroll") for (size_t k = 0; k < d.outputs; k++) {
        const lv_vector16 *terms = k % 2 == 0 ? sums : differences;
        lv_vector16 sum;
        if (k == 0) {
            sum = terms[0];
            _Pragma("unroll") for (size_t i = 1; i < pairs; i++) sum += terms[i];
            if (zero) sum += x[0];
        } else {
            sum = (lv_vector16)c->powers[0][k] * terms[0];
            _Pragma("unroll") for (size_t i = 1; i < pairs; i++) {
                sum = __builtin_elementwise_fma((lv_vector16)c->powers[i][k], terms[i], sum);
            }
        }
        if (k == d.outputs - 1) sum += x[(zero + 2 * pairs) * x_step];
        if (d.stride == 2) sum += x[(zero + 2 * pairs + 1 + k) * x_step];
        y[k * y_step] = sum;
    }
}

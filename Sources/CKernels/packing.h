// What the packings share.
#pragma once

#include "kernel_sets.h"

enum {
    LV_PREFETCH_FLOATS = 128,  // how far ahead of the values being packed the file is fetched: 512 bytes
};

LV_INLINE size_t lv_rounded_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

/// Outputs in the row of weights of a convolution's group.
LV_INLINE size_t lv_row(const lv_packing *p, size_t group) {
    const size_t row = lv_rounded_up(p->outputs - group * LV_GROUP, LV_LANES);
    return row < LV_GROUP ? row : LV_GROUP;
}

size_t lv_winograd_weight_count(const lv_packing *packing);
void lv_pack_winograd_group(const lv_packing *packing, size_t group, float *packed);

enum { LV_SIDE = 8 };  // rows and columns that are turned round at once: sixteen registers hold both

// From registers of rows to registers of columns: exchanges ever larger squares beside the diagonal.
#define LV_EXCHANGE(rows, distance, upper, lower)                                  \
    for (size_t i = 0; i < LV_SIDE; i++) {                                         \
        if (i & (distance)) continue;                                              \
        const lv_vector8 a = (rows)[i], b = (rows)[i + (distance)];                \
        (rows)[i] = __builtin_shufflevector(a, b, LV_UNPACKED upper);              \
        (rows)[i + (distance)] = __builtin_shufflevector(a, b, LV_UNPACKED lower); \
    }
#define LV_UNPACKED(...) __VA_ARGS__

LV_INLINE void lv_transpose(lv_vector8 rows[LV_SIDE]) {
    LV_EXCHANGE(rows, 1, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))
    LV_EXCHANGE(rows, 2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15))
    LV_EXCHANGE(rows, 4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15))
}

/// Up to 16 weights of every output of a convolution's group side by side: those from `first` on of each output's, which
/// are inputs x taps. Outputs that are not there have zeros.
LV_INLINE void lv_gather(const lv_packing *p, size_t group, size_t first, size_t count, float (*turned)[LV_GROUP]) {
    const size_t stride = p->inputs * p->row_taps * p->column_taps, first_output = group * LV_GROUP;
    for (size_t part = 0; part < LV_GROUP; part += LV_SIDE) {
        const size_t output = first_output + part;
        const size_t there = output < p->outputs ? p->outputs - output : 0;
        size_t i = 0;
        for (; there >= LV_SIDE && i + LV_SIDE <= count; i += LV_SIDE) {
            const float *from = p->weights + output * stride + first + i;
            lv_vector8 rows[LV_SIDE];
            for (size_t o = 0; o < LV_SIDE; o++) {
                rows[o] = *(const lv_vector8 *)(from + o * stride);
                // The outputs' rows are more streams than the hardware follows.
                if (i == 0) __builtin_prefetch(from + o * stride + LV_PREFETCH_FLOATS);
            }
            lv_transpose(rows);
            for (size_t v = 0; v < LV_SIDE; v++) *(lv_vector8 *)(turned[i + v] + part) = rows[v];
        }
        for (; i < count; i++) {
            for (size_t o = 0; o < LV_SIDE; o++) {
                turned[i][part + o] = o < there ? p->weights[(output + o) * stride + first + i] : 0.0f;
            }
        }
    }
}

/// The factors of a group's outputs, 1 where there are none.
LV_INLINE void lv_output_scales(const lv_packing *p, size_t group, double scales[LV_GROUP]) {
    for (size_t o = 0; o < LV_GROUP; o++) {
        const size_t output = group * LV_GROUP + o;
        scales[o] = p->output_scale && output < p->outputs ? p->output_scale[output] : 1.0;
    }
}
/// Quads of channels of all input blocks: four bytes of weights each, as a float has.
size_t lv_packed_quads(const lv_packing *packing);
void lv_pack_quantised_group(const lv_packing *packing, size_t group, int8_t *packed);

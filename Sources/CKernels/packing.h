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

/// Quads of channels of all input blocks: four bytes of weights each, as a float has.
size_t lv_packed_quads(const lv_packing *packing);
void lv_pack_quantised_group(const lv_packing *packing, size_t group, int8_t *packed);

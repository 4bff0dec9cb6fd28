#include <math.h>
#include <string.h>

#include "kernel_sets.h"

enum { LINEAR_GROUP = 64 };

static size_t rounded_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

size_t lv_packed_convolution_count(const lv_weights *w) {
    return rounded_up(w->outputs, LV_LANES) * w->inputs * w->taps;
}

static float packed_weight(const lv_weights *w, size_t output, size_t input, size_t tap) {
    if (output >= w->outputs) return 0.0f;
    double value = (double)w->weights[(output * w->inputs + input) * w->taps + tap];
    if (w->output_scale) value *= w->output_scale[output];
    if (w->input_scale) value *= w->input_scale[input];
    return (float)value;
}

bool lv_pack_convolution(const lv_weights *w, float *packed) {
    const float *start = packed;
    for (size_t group = 0; group < w->outputs; group += LV_GROUP) {
        size_t row = rounded_up(w->outputs - group, LV_LANES);
        if (row > LV_GROUP) row = LV_GROUP;
        for (size_t b = 0, first = 0; b < w->blocks; first += w->block_channels[b], b++) {
            for (size_t tap = 0; tap < w->taps; tap++) {
                for (size_t c = 0; c < w->block_channels[b]; c++, packed += row) {
                    for (size_t o = 0; o < row; o++) packed[o] = packed_weight(w, group + o, first + c, tap);
                }
            }
        }
    }
    return lv_all_finite(start, lv_packed_convolution_count(w));
}

size_t lv_packed_linear_count(size_t outputs, size_t inputs) { return rounded_up(outputs, LINEAR_GROUP) * inputs; }

bool lv_pack_linear(const lv_weights *w, float *packed) {
    const float *start = packed;
    for (size_t group = 0; group < w->outputs; group += LINEAR_GROUP) {
        for (size_t i = 0; i < w->inputs; i++, packed += LINEAR_GROUP) {
            for (size_t o = 0; o < LINEAR_GROUP; o++) packed[o] = packed_weight(w, group + o, i, 0);
        }
    }
    return lv_all_finite(start, lv_packed_linear_count(w->outputs, w->inputs));
}

bool lv_all_finite(const float *values, size_t count) {
    // All exponent bits set means infinity or NaN. As integers, so that the loop vectorises.
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        bad |= (bits & 0x7F800000u) == 0x7F800000u;
    }
    return bad == 0;
}

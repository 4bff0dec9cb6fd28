#include "packing.h"

#include <string.h>

enum { LINEAR_GROUP = 64 };

static size_t group_width(const lv_packing *p) { return p->form == LV_PACK_LINEAR ? LINEAR_GROUP : LV_GROUP; }

static size_t group_count(const lv_packing *p) { return (p->outputs + group_width(p) - 1) / group_width(p); }

static size_t taps(const lv_packing *p) { return p->row_taps * p->column_taps; }

// Packed floats for each output.
static size_t output_floats(const lv_packing *p) {
    switch (p->form) {
    case LV_PACK_CONVOLUTION:
    case LV_PACK_LINEAR: return p->inputs * taps(p);
    case LV_PACK_WINOGRAD: return p->inputs * lv_winograd_weight_count(p);
    case LV_PACK_QUANTISED: return lv_packed_quads(p) * taps(p);
    }
    return 0;
}

size_t lv_packing_count(const lv_packing *p) {
    return lv_rounded_up(p->outputs, p->form == LV_PACK_LINEAR ? LINEAR_GROUP : LV_LANES) * output_floats(p);
}

size_t lv_packing_items(const lv_packing_work *work) {
    size_t items = 0;
    for (size_t i = 0; i < work->count; i++) items += group_count(&work->packings[i]);
    return items;
}

// A block's taps of a group, turned round, scaled as they are written.
LV_INLINE void pack_convolution(const lv_packing *p, size_t group, float *packed) {
    const size_t row = lv_row(p, group), tap_count = taps(p);
    double scales[LV_GROUP];
    lv_output_scales(p, group, scales);
    float turned[LV_LANES][LV_GROUP];
    for (size_t b = 0, first = 0; b < p->blocks; first += p->block_channels[b], b++) {
        const size_t channels = p->block_channels[b], values = channels * tap_count;
        size_t channel = 0, tap = 0;
        for (size_t begin = 0; begin < values; begin += LV_LANES) {
            const size_t count = values - begin < LV_LANES ? values - begin : LV_LANES;
            lv_gather(p, group, first * tap_count + begin, count, turned);
            for (size_t i = 0; i < count; i++) {
                float *to = packed + (tap * channels + channel) * row;
                for (size_t o = 0; o < LV_LANES; o++) to[o] = (float)((double)turned[i][o] * scales[o]);
                for (size_t o = LV_LANES; o < row; o++) to[o] = (float)((double)turned[i][o] * scales[o]);
                if (++tap == tap_count) {
                    tap = 0;
                    channel++;
                }
            }
        }
        packed += values * row;
    }
}

// Additions and products of doubles in a fixed order: the instruction set changes no bit.
static void pack_portable(const lv_packing *p, size_t group, float *packed) { pack_convolution(p, group, packed); }
#if LV_X86
LV_TARGET_AVX2 static void pack_avx2(const lv_packing *p, size_t group, float *packed) {
    pack_convolution(p, group, packed);
}
LV_TARGET_AVX512 static void pack_avx512(const lv_packing *p, size_t group, float *packed) {
    pack_convolution(p, group, packed);
}
#endif

static void pack_convolution_group(const lv_packing *p, size_t group, float *packed) {
#if LV_X86
    if (p->set == LV_AVX512) return pack_avx512(p, group, packed);
    if (p->set == LV_AVX2) return pack_avx2(p, group, packed);
#endif
    pack_portable(p, group, packed);
}

LV_INLINE void pack_linear(const lv_packing *p, size_t group, float *packed) {
    for (size_t o = 0; o < LINEAR_GROUP; o++) {
        const size_t output = group * LINEAR_GROUP + o;
        for (size_t i = 0; i < p->inputs; i++) {
            double value = 0.0;
            if (output < p->outputs) {
                value = (double)p->weights[output * p->inputs + i];
                if (p->output_scale) value *= p->output_scale[output];
                if (p->input_scale) value *= p->input_scale[i];
            }
            packed[i * LINEAR_GROUP + o] = (float)value;
        }
    }
}

void lv_packing_run(const void *argument, size_t item, size_t worker) {
    const lv_packing_work *work = argument;
    (void)worker;
    size_t i = 0;
    for (; item >= group_count(&work->packings[i]); i++) item -= group_count(&work->packings[i]);
    const lv_packing *p = &work->packings[i];
    float *packed = p->packed + item * group_width(p) * output_floats(p);
    if (p->form == LV_PACK_QUANTISED) {
        lv_pack_quantised_group(p, item, (int8_t *)packed);
        return;
    }
    size_t row = LINEAR_GROUP;
    if (p->form == LV_PACK_LINEAR) {
        pack_linear(p, item, packed);
    } else {
        row = lv_row(p, item);
        if (p->form == LV_PACK_CONVOLUTION) pack_convolution_group(p, item, packed);
        else lv_pack_winograd_group(p, item, packed);
    }
    if (!lv_all_finite(packed, row * output_floats(p))) __atomic_store_n(&work->damaged[i], true, __ATOMIC_RELAXED);
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

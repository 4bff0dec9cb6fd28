#include "kernel_sets.h"

enum { VECTORS = 4, GROUP = VECTORS * LV_LANES };

size_t lv_linear_items(const lv_linear *k) { return k->batch * ((k->outputs + GROUP - 1) / GROUP); }

// 64 outputs at a time: one chain each, over the inputs in order.
LV_INLINE void lv_linear_run_body(const lv_linear *k, size_t item) {
    size_t image = item % k->batch, first = item / k->batch * GROUP;
    const float *x = k->input + image * k->inputs, *weights = k->weights + first * k->inputs;
    lv_vector16 acc[VECTORS];
    for (size_t v = 0; v < VECTORS; v++) acc[v] = *(const lv_vector16 *)(k->bias + first + v * LV_LANES);
    for (size_t i = 0; i < k->inputs; i++, weights += GROUP) {
        const lv_vector16 value = x[i];
        for (size_t v = 0; v < VECTORS; v++) {
            acc[v] = __builtin_elementwise_fma(value, *(const lv_vector16 *)(weights + v * LV_LANES), acc[v]);
        }
    }
    float *y = k->output + image * k->outputs + first;
    size_t count = k->outputs - first < GROUP ? k->outputs - first : GROUP;
    for (size_t o = 0; o < count; o++) {
        float sum = acc[o / LV_LANES][o % LV_LANES];
        y[o] = k->relu ? (sum > 0.0f ? sum : 0.0f) : sum + 0.0f;
    }
}

LV_DISPATCHED_ITEM(lv_linear_run, lv_linear)

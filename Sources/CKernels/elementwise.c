#include "kernel_sets.h"

static double magnitude(double x) { return x < 0.0 ? -x : x; }

static float sigmoid(float x) {
    const double e = lv_exp_nonpositive(-magnitude(x));
    return (float)(x >= 0.0f ? 1.0 / (1.0 + e) : e / (1.0 + e));
}

static float hyperbolic_tangent(float x) {
    const double a = magnitude(x);
    // Where 1 - e would cancel, the first terms of the series: the next is below 2^-52 of them.
    if (a < 0x1p-13) return (float)((double)x - (double)x * (double)x * (double)x / 3.0);
    const double e = lv_exp_nonpositive(-2.0 * a), t = (1.0 - e) / (1.0 + e);
    return (float)(x < 0.0f ? -t : t);
}

static float elu(float x, float alpha) {
    if (x > 0.0f) return x;
    const double d = x;
    // Likewise.
    const double less = d > -0x1p-20 ? d + d * d / 2.0 : lv_exp_nonpositive(d) - 1.0;
    return (float)((double)alpha * less);
}

// log(1 + t) for 0 <= t <= 1 is 2 atanh(t / (2 + t)), whose Taylor sum keeps small t exact.
static float softplus(float x) {
    const double t = lv_exp_nonpositive(-magnitude(x)), z = t / (2.0 + t), square = z * z;
    double sum = 1.0 / 35;
    for (int i = 33; i >= 1; i -= 2) sum = sum * square + 1.0 / i;
    return (float)((x > 0.0f ? (double)x : 0.0) + 2.0 * z * sum);
}

LV_INLINE float bounded(float x, float lower, float upper) { return x < lower ? lower : x > upper ? upper : x; }

#define EACH(value) \
    for (size_t i = 0; i < count; i++) { \
        const float x = input[i]; \
        output[i] = (value) + 0.0f; \
    } \
    break

LV_INLINE void lv_elementwise_run_body(const lv_elementwise *k, size_t item) {
    const size_t image = item / k->blocks, block = item % k->blocks, count = k->block_floats;
    const float *input = k->input + image * k->input_image_stride + block * count;
    float *output = k->output + image * k->output_image_stride + block * count;
    const float alpha = k->alpha, beta = k->beta;
    // A vector has its own parameter for each element, a block one for each of 16 lanes.
    const size_t period = k->block_channels ? LV_LANES : count;
    const float *a = k->a ? k->a + block * period : NULL, *b = k->b ? k->b + block * period : NULL;
    switch (k->function) {
    case LV_SCALE_SHIFT: EACH(__builtin_fmaf(x, a[i % period], b[i % period]));
    case LV_PRELU: EACH(x > 0.0f ? x : a[i % period] * x);
    case LV_CLIP: EACH(bounded(x, alpha, beta));
    case LV_LEAKY_RELU: EACH(x > 0.0f ? x : alpha * x);
    case LV_HARD_SIGMOID: EACH(bounded(__builtin_fmaf(alpha, x, beta), 0.0f, 1.0f));
    case LV_SIGMOID: EACH(sigmoid(x));
    case LV_TANH: EACH(hyperbolic_tangent(x));
    case LV_ELU: EACH(elu(x, alpha));
    case LV_SOFTPLUS: EACH(softplus(x));
    }
    if (!k->block_channels || k->block_channels[block] == LV_LANES) return;
    for (size_t q = 0; q < count; q += LV_LANES) {
        for (size_t lane = k->block_channels[block]; lane < LV_LANES; lane++) output[q + lane] = 0.0f;
    }
}

LV_DISPATCHED_ITEM(lv_elementwise_run, lv_elementwise)

LV_INLINE float combined(const lv_binary *k, float x, float y) {
    const float value = k->operation == LV_ADD ? x + y : x * y;
    return k->relu ? (value > 0.0f ? value : 0.0f) : value + 0.0f;
}

LV_INLINE void lv_binary_run_body(const lv_binary *k, size_t item) {
    const size_t image = item / k->blocks, block = item % k->blocks, count = k->block_floats;
    const float *input = k->input + image * k->input_image_stride + block * count;
    const float *other = k->other + image * k->other_image_stride;
    float *output = k->output + image * k->output_image_stride + block * count;
    if (!k->other_offsets) {
        other += block * count;
        for (size_t i = 0; i < count; i++) output[i] = combined(k, input[i], other[i]);
        return;
    }
    for (size_t lane = 0; lane < LV_LANES; lane++) {
        const float *channel = other + k->other_offsets[block * LV_LANES + lane];
        const bool used = lane < k->block_channels[block];
        for (size_t q = 0; q < count; q += LV_LANES) {
            output[q + lane] = used ? combined(k, input[q + lane], channel[q]) : 0.0f;
        }
    }
}

LV_DISPATCHED_ITEM(lv_binary_run, lv_binary)

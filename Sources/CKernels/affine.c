#include "kernel_sets.h"

LV_INLINE void lv_affine_run_body(const lv_affine *k, size_t item) {
    size_t image = item / k->blocks, block = item % k->blocks;
    const float *input = k->input + image * k->input_image_stride + block * k->pixels * LV_LANES;
    float *output = k->output + image * k->output_image_stride + block * k->pixels * LV_LANES;
    const lv_vector16 scale = *(const lv_vector16 *)(k->scale + block * LV_LANES);
    const lv_vector16 shift = *(const lv_vector16 *)(k->shift + block * LV_LANES), zero = 0.0f;
    for (size_t q = 0; q < k->pixels; q++) {
        lv_vector16 x = *(const lv_vector16 *)(input + q * LV_LANES);
        x = __builtin_elementwise_fma(x, scale, shift);
        *(lv_vector16 *)(output + q * LV_LANES) = k->relu ? (x > zero ? x : zero) : x + zero;
    }
}

LV_DISPATCHED_ITEM(lv_affine_run, lv_affine)

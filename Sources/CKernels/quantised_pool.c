#include "pooling_window.h"
#include "quantised_tile.h"

// Starts at the first pixel inside the picture; padding never wins.
LV_INLINE void maximum(const lv_bytes16 *input, size_t width, lv_window rows, lv_window columns, lv_bytes16 *result) {
    lv_bytes16 best = input[rows.first * width + columns.first];
    for (size_t y = rows.first; y < rows.end; y++) {
        for (size_t x = columns.first; x < columns.end; x++) {
            best = __builtin_elementwise_max(best, input[y * width + x]);
        }
    }
    *result = best;
}

typedef uint16_t lv_sums16 __attribute__((ext_vector_type(16), aligned(2)));

LV_INLINE void total(const lv_bytes16 *input, size_t width, lv_window rows, lv_window columns, lv_integers16 *result) {
    const size_t height_here = rows.end - rows.first, width_here = columns.end - columns.first;
    lv_sums16 sum = 0;
    if (height_here == 3 && width_here == 3) {
        // The common window, unrolled.
        const lv_bytes16 *x = input + rows.first * width + columns.first;
        for (size_t y = 0; y < 3; y++, x += width) {
            sum += __builtin_convertvector(x[0], lv_sums16) + __builtin_convertvector(x[1], lv_sums16) +
                   __builtin_convertvector(x[2], lv_sums16);
        }
        *result = __builtin_convertvector(sum, lv_integers16);
        return;
    }
    lv_integers16 all = 0;
    size_t added = 0;
    for (size_t y = rows.first; y < rows.end; y++) {
        for (size_t x = columns.first; x < columns.end; x++) {
            sum += __builtin_convertvector(input[y * width + x], lv_sums16);
            // 257 bytes fit 16 bits.
            if (++added < 257) continue;
            all += __builtin_convertvector(sum, lv_integers16);
            sum = 0;
            added = 0;
        }
    }
    *result = all + __builtin_convertvector(sum, lv_integers16);
}

LV_INLINE void lv_quantised_pool_run_body(const lv_quantised_pooling *k, size_t item) {
    const size_t image = item / k->blocks, block = item % k->blocks;
    const lv_bytes16 *input = (const lv_bytes16 *)(k->input + image * k->input_image_stride) +
                              block * k->input_height * k->input_width;
    lv_bytes16 *output = (lv_bytes16 *)(k->output + image * k->output_image_stride) +
                         block * k->output_height * k->output_width;
    const bool averages = k->operation != LV_MAX_POOL;
    const size_t area = k->kernel_height * k->kernel_width;
    lv_vector16 scale = 0.0f, whole = 0.0f, output_zero = 0.0f;
    lv_integers16 input_zero = 0;
    if (averages) {
        scale = *(const lv_vector16 *)(k->scale + block * LV_LANES);
        whole = scale / (lv_vector16)(float)area;
        output_zero = *(const lv_vector16 *)(k->output_zero + block * LV_LANES);
        input_zero = *(const lv_integers16 *)(k->input_zero + block * LV_LANES);
    }
    for (size_t oy = 0; oy < k->output_height; oy++) {
        const lv_window rows =
            lv_window_at(oy, k->stride_height, k->kernel_height, k->padding_height, k->input_height);
        for (size_t ox = 0; ox < k->output_width; ox++) {
            const lv_window columns =
                lv_window_at(ox, k->stride_width, k->kernel_width, k->padding_width, k->input_width);
            if (!averages) {
                maximum(input, k->input_width, rows, columns, output++);
                continue;
            }
            const size_t inside = (rows.end - rows.first) * (columns.end - columns.first);
            lv_integers16 sum;
            total(input, k->input_width, rows, columns, &sum);
            sum -= input_zero * (int32_t)inside;
            const bool divided = inside < area && k->operation == LV_AVERAGE_POOL;
            const lv_vector16 factor = divided ? scale / (lv_vector16)(float)inside : whole;
            const lv_vector16 value =
                __builtin_elementwise_fma(__builtin_convertvector(sum, lv_vector16), factor, output_zero);
            lv_quantise(&value, (uint8_t *)output++);
        }
    }
}

LV_DISPATCHED_ITEM(lv_quantised_pool_run, lv_quantised_pooling)

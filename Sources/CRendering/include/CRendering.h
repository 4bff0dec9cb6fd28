// The inner loops of rendering a radiograph (runs of border pixels, range, level, resampling) and of cutting views from it.
//
// Every function gives the same bits for every instruction set. Rendering is of integers but for lv_level's fitted line,
// whose results are used only after they were all compared with the table's; views have one rounding an operation.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The instruction sets that have kernels of their own.
typedef enum lv_rendering_set {
    LV_RENDERING_PORTABLE = 0,
    LV_RENDERING_AVX2,
    /// AVX-512 with VNNI.
    LV_RENDERING_AVX512,
} lv_rendering_set;

/// Whether this processor and operating system have the set.
bool lv_rendering_set_supported(lv_rendering_set set);
/// The fastest set this processor has.
lv_rendering_set lv_rendering_set_best(void);

// MARK: Trim and range

/// How many of the first, or of the last, of `count` values equal `value`.
size_t lv_leading_run(const uint16_t *values, size_t count, uint16_t value);
size_t lv_trailing_run(const uint16_t *values, size_t count, uint16_t value);

/// Smallest and largest of the `width` x `height` (both at least 1) values whose rows are `stride` values apart.
void lv_range_unsigned(const uint16_t *values, size_t width, size_t height, size_t stride, uint16_t *low,
                       uint16_t *high);
void lv_range_signed(const int16_t *values, size_t width, size_t height, size_t stride, int16_t *low, int16_t *high);

// MARK: Level

/// How samples of 16 bits become levels of 8.
typedef struct lv_levels {
    /// 2^16 levels by a sample's bit pattern.
    const uint8_t *table;
    bool is_signed;
    /// Whether floor(line_high x d + (line_low x d + bias)) + 128 in float32, d being the distance of a sample from
    /// `zero`, gives the table's level of every sample that can occur: set by lv_levels_fit.
    bool is_linear;
    /// Whether levels fall as samples rise.
    bool falls;
    int32_t zero;
    float line_high, line_low, bias;
} lv_levels;

/// Looks for a line that equals the table for each of the samples `low` ... `high`.
void lv_levels_fit(lv_levels *levels, int32_t low, int32_t high, lv_rendering_set set);

/// The levels of `width` x `height` samples whose rows are `stride` apart, without gaps.
void lv_level(const lv_levels *levels, const uint16_t *samples, size_t width, size_t height, size_t stride,
              uint8_t *pixels, lv_rendering_set set);

// MARK: Resampling

/// The sinc windowed by its own main lobe over three lobes a side, at each of `x`; 0 outside of -3 ..< 3.
void lv_lanczos(const double *x, size_t count, double *weights, lv_rendering_set set);

/// The weights of one axis, in 22 fractional bits: output i is the sum of weights[i x stride + j] x input
/// starts[i] + j over j < counts[i].
typedef struct lv_axis {
    size_t input, output;
    const int32_t *starts;
    const int32_t *counts;
    const int32_t *weights;
    size_t stride;
} lv_axis;

/// Filters a picture of across->input x down->input pixels to across->output x down->output: rows first, to 8 bits,
/// then columns, each rounded half up and clamped. False where there is no memory.
bool lv_resample(const uint8_t *pixels, const lv_axis *across, const lv_axis *down, uint8_t *output,
                 lv_rendering_set set);

// MARK: Views

/// Levels of 8 bits as values from 0 to 1.
void lv_unit(const uint8_t *levels, size_t count, float *values, lv_rendering_set set);

/// (grey - mean) / deviation of each; `output` may be `grey`.
void lv_normalise(const float *grey, size_t count, float mean, float deviation, float *output, lv_rendering_set set);

/// Which inputs along an axis each output averages: starts[i] ... ends[i] - 1, at least one.
typedef struct lv_windows {
    size_t count;
    const int32_t *starts;
    const int32_t *ends;
} lv_windows;

/// Averages a plane of `width` columns, none of its values negative, to across->count x down->count: the sum of a window,
/// row by row, divided by its rows and then by its columns.
void lv_average(const float *plane, size_t width, const lv_windows *across, const lv_windows *down, float *output,
                lv_rendering_set set);

/// Between which inputs along an axis each output falls; `fraction` is the share of the second.
typedef struct lv_taps {
    size_t count;
    const int32_t *first;
    const int32_t *second;
    const float *fraction;
} lv_taps;

/// Samples a plane of `width` columns bilinearly at across->count x down->count points: the products of its four values
/// with products of shares, added from the upper left one to the lower right one.
void lv_sample(const float *plane, size_t width, const lv_taps *across, const lv_taps *down, float *output,
               lv_rendering_set set);

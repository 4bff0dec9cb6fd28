// Kernels of the quantised plan: activations of 8 bits without sign, weights of 8 bits with, sums of 32.
//
// Equal bits. A sum of products of integers is the same in any order, and none overflows: the caller ensures that
// 2 x 255 x 127 x (products of a sum) stays below 2^31. A sum becomes a byte by one chain of float32 operations:
//   convolution   float(sum), rounded to nearest even; fma(that, scale, shift); to 0 ... 255, which is also the ReLU of a
//                 result whose zero point is 0; to the nearest
//                 integer, halves to the even one
//   average pool  likewise, its scale being divided by the number of pixels first
//   input         likewise, of fma(value, scale, shift)
//   dequantised   (byte - zero) x scale in float32; a mean in double precision: (sum - pixels x zero) x scale / pixels
// Items run with the default floating-point environment, as those of CKernels.h.
//
// Layout. A feature map is NCHW16c of bytes: per image, blocks of 16 channels, each a plane of height x width pixels of
// 16 bytes. A block may hold fewer than 16 channels; the bytes beyond may be anything. Four neighbouring channels, a
// quad, are multiplied at once; weights of channels beyond a block's are zero. The network's input of up to 4 channels
// may have pixels of one quad.
#pragma once

#include "CKernels.h"

enum {
    LV_QUAD = 4,             // channels multiplied at once
    LV_STEPS_QUANTISED = 4,  // distances between input pixels that the tiles are compiled for
};

typedef struct {
    lv_kernel_set set;
    lv_convolution_mode mode;  // LV_PADDED and LV_ROWS only where padding is zero
    size_t pixel_bytes;        // 16; or 4, one block of one quad
    size_t batch;
    size_t input_height, input_width, output_height, output_width;
    size_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
    const uint8_t *block_channels;  // per input block
    size_t blocks;
    size_t output_blocks;
    const uint8_t *input;
    size_t input_image_stride;  // bytes, as all strides here
    const uint8_t *padding;     // blocks x 16: what lies outside the picture
    uint8_t *output;
    size_t output_image_stride;
    const int8_t *weights;      // LV_PACK_QUANTISED
    const int32_t *start;       // output_blocks x 16: minus the zero points' part in each sum
    const float *scale, *shift; // output_blocks x 16
    // Items: group chunks x pixel chunks x images, images fastest.
    size_t pixel_chunks, group_chunks;
    size_t prefetch_groups;  // how many groups on the one is that this worker will probably take next
    uint8_t *scratch;        // of all workers together
} lv_quantised_convolution;

/// Output pixels that a tile of `set` spans at most on this CPU.
size_t lv_quantised_tile_pixels(lv_kernel_set set);
/// Bytes of scratch: the input with its padding, or the pixels of each tap.
size_t lv_quantised_convolution_scratch(const lv_quantised_convolution *kernel);
/// Copies the input to the scratch where the mode needs it. Items: batch x blocks, or none.
size_t lv_quantised_gather_items(const lv_quantised_convolution *kernel);
void lv_quantised_gather_run(const void *kernel, size_t item, size_t worker);
/// Afterwards.
size_t lv_quantised_convolution_items(const lv_quantised_convolution *kernel);
void lv_quantised_convolution_run(const void *kernel, size_t item, size_t worker);

typedef struct {
    lv_kernel_set set;
    lv_pool_operation operation;
    size_t batch, blocks;
    size_t input_height, input_width, output_height, output_width;
    size_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
    const uint8_t *input;
    size_t input_image_stride;
    uint8_t *output;
    size_t output_image_stride;
    // blocks x 16, of averages: input scale / output scale, and the two zero points.
    const float *scale;
    const int32_t *input_zero;
    const float *output_zero;
} lv_quantised_pooling;

/// A maximum's output has its input's scale. Items: batch x blocks.
void lv_quantised_pool_run(const void *kernel, size_t item, size_t worker);

/// The network's input: NCHW of floats to bytes.
typedef struct {
    lv_kernel_set set;
    size_t pixel_bytes;  // of the output: 16 or 4
    size_t batch, channels, pixels, chunks;
    const float *scale, *shift;  // by channel
    const float *input;
    size_t input_image_stride;  // floats
    uint8_t *output;
    size_t output_image_stride;
} lv_quantised_input;

/// Items: batch x chunks of pixels.
void lv_quantised_input_run(const void *kernel, size_t item, size_t worker);

/// A feature map to a vector of floats, by channel: all its pixels, or their maximum, then means of all channels.
typedef struct {
    lv_kernel_set set;
    bool pooled;
    size_t batch, blocks, pixels, channels;
    const uint8_t *block_channels;
    const float *scale;   // blocks x 16
    const int32_t *zero;  // blocks x 16
    const uint8_t *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;  // floats
} lv_dequantised;

/// Items: batch.
void lv_dequantised_run(const void *kernel, size_t item, size_t worker);

// Calibration, on float32 values ---------------------------------------------------------------------------------------

/// Widens `*lowest` ... `*highest` to the values.
void lv_extremes(const float *values, size_t count, float *lowest, float *highest);
/// Counts each value in the bin of its magnitude x scale, which must be below the number of bins.
void lv_count_magnitudes(const float *values, size_t count, float scale, uint64_t *positive, uint64_t *negative,
                         uint64_t *zeros);
/// Makes of each value what its byte stands for.
void lv_store_and_load(float *values, size_t count, float scale, float zero);
/// Negative values become 0.
void lv_rectify(float *values, size_t count);
/// The sum of a[i] - b[i], in double precision.
double lv_difference(const float *a, const float *b, size_t count);
/// Adds `change` to each value.
void lv_shift(float *values, size_t count, float change);

// Kernels of the inference engine, and the threads that run them.
//
// Equal bits. Every kernel exists once in source and is compiled for three instruction sets; each output element is
// computed by one chain of operations whose order the source fixes, and lanes never mix. So the result does not depend
// on the instruction set, on how the work is split over threads, or on the batch:
//   convolution, linear  acc = bias; acc = fma(x, w, acc) by input block, kernel row, kernel column, channel in block;
//                        ReLU as acc > 0 ? acc : 0, otherwise acc + 0 (see below)
//   pooling              additions and comparisons by kernel row, then kernel column (global: by pixel), one division
//   softmax              double precision, additions by class, with an exp made of IEEE operations only
// A tap that falls on padding is skipped or read as zero, whichever suits the blocking. fma(0, w, acc) is acc, except
// that it may turn -0 into +0; the sign of a zero can't reach a later non-zero result, and the last step (ReLU, or
// adding +0) leaves no -0 behind, so the two are the same bits. This holds for finite weights and inputs, which the
// caller ensures. Every item runs with the default floating-point environment (round to nearest, denormals kept),
// whatever the calling thread has set.
//
// Layout. A feature map is NCHW16c: per image, blocks of 16 channels, each a plane of height x width pixels of 16
// floats. A block may hold fewer than 16 channels; the lanes beyond are zero. Planar input is NCHW.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LV_LANES = 16,      // channels in a block
    LV_GROUP = 32,      // output channels computed together by a convolution
    LV_MAX_TAPS = 256,  // kernel rows x kernel columns
};

typedef enum { LV_PORTABLE = 0, LV_AVX2 = 1, LV_AVX512 = 2 } lv_kernel_set;

/// Whether this CPU and operating system can run `set`.
bool lv_kernel_set_supported(lv_kernel_set set);

// Threads -------------------------------------------------------------------------------------------------------------

/// One item of a kernel's work. `kernel` is the kernel's argument structure, `worker` is below the pool's thread count.
typedef void (*lv_item)(const void *kernel, size_t item, size_t worker);

typedef struct lv_pool lv_pool;

/// A pool in which `threads` threads work, the caller of `lv_pool_run` being one of them. On failure returns NULL and
/// stores an errno value in `*error`.
lv_pool *lv_pool_create(size_t threads, int *error);
void lv_pool_destroy(lv_pool *pool);

/// Runs items 0 ..< count, in any order, and returns when all are done. One caller at a time. `count` is below 2^24.
void lv_pool_run(lv_pool *pool, lv_item run, const void *kernel, size_t count);

// Packing (at load) ---------------------------------------------------------------------------------------------------

typedef struct {
    const float *weights;           // outputs x inputs x taps, as PyTorch stores them
    const double *output_scale;     // per output, or NULL
    const double *input_scale;      // per input, or NULL
    size_t outputs, inputs, taps;
    const uint8_t *block_channels;  // channels in each input block
    size_t blocks;
} lv_weights;

/// Floats that `lv_pack_convolution` writes.
size_t lv_packed_convolution_count(const lv_weights *weights);
/// [group of 32 outputs, the last 16 wide where that suffices][block][tap][channel][output]; scaled in double
/// precision and
/// rounded once. Returns false where a packed weight is not finite.
bool lv_pack_convolution(const lv_weights *weights, float *packed);
/// Floats that `lv_pack_linear` writes.
size_t lv_packed_linear_count(size_t outputs, size_t inputs);
/// [group of 64 outputs][input][output], `taps` being 1. Returns false where a packed weight is not finite.
bool lv_pack_linear(const lv_weights *weights, float *packed);

/// Whether every one of `count` values is finite.
bool lv_all_finite(const float *values, size_t count);

// Kernels -------------------------------------------------------------------------------------------------------------

/// How a convolution finds its input pixels.
typedef enum {
    LV_FLAT,     // 1x1, stride 1, no padding: output pixel q reads input pixel q, rows run together
    LV_ROWS,     // no horizontal padding, horizontal stride 1 or 2: tiles within a row, input read in place
    LV_PADDED,   // horizontal padding: as LV_ROWS, from a copy of the needed rows with zeros at both ends
    LV_PATCHES,  // anything else, and small planes: each tap's pixels are gathered first, rows run together
} lv_convolution_mode;

typedef struct {
    lv_kernel_set set;
    lv_convolution_mode mode;
    bool planar;  // the input is NCHW (modes LV_FLAT and LV_ROWS)
    bool relu;
    size_t batch;
    size_t input_height, input_width, output_height, output_width;
    size_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
    const uint8_t *block_channels;  // per input block; planar: one block of all channels
    size_t blocks;
    size_t output_blocks;
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
    const float *weights;  // from lv_pack_convolution
    const float *bias;     // output_blocks x 16
    // Items: group chunks x pixel chunks x images, images fastest. Bits do not depend on the two counts.
    size_t pixel_chunks, group_chunks;
    float *scratch;  // per worker, scratch_stride floats apart
    size_t scratch_stride;
} lv_convolution;

/// Output pixels that a tile of `set` spans at most.
size_t lv_convolution_tile_pixels(lv_kernel_set set);
/// Floats of scratch that one worker needs.
size_t lv_convolution_scratch(const lv_convolution *kernel);
size_t lv_convolution_items(const lv_convolution *kernel);
void lv_convolution_run(const void *kernel, size_t item, size_t worker);

typedef enum {
    LV_MAX_POOL,
    LV_AVERAGE_POOL,         // divided by the number of pixels inside the picture
    LV_AVERAGE_POOL_PADDED,  // divided by the number of pixels of the window
} lv_pool_operation;

typedef struct {
    lv_kernel_set set;
    lv_pool_operation operation;
    size_t batch, blocks;
    size_t input_height, input_width, output_height, output_width;
    size_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
} lv_pooling;

/// Items: batch x blocks.
void lv_max_pool_run(const void *kernel, size_t item, size_t worker);
void lv_average_pool_run(const void *kernel, size_t item, size_t worker);

typedef struct {
    lv_kernel_set set;
    size_t batch, blocks, pixels, channels;
    const uint8_t *block_channels;
    const float *input;
    size_t input_image_stride;
    float *output;  // batch x (2 x channels): maxima, then means
} lv_global_pooling;

/// Items: batch.
void lv_global_pool_run(const void *kernel, size_t item, size_t worker);

typedef struct {
    lv_kernel_set set;
    size_t batch, blocks, pixels;
    bool relu;
    const float *scale, *shift;  // blocks x 16
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
} lv_affine;

/// fma(x, scale, shift) per channel, then ReLU or + 0. Items: batch x blocks.
void lv_affine_run(const void *kernel, size_t item, size_t worker);

typedef struct {
    lv_kernel_set set;
    size_t batch, inputs, outputs;
    bool relu;
    const float *input;    // batch x inputs
    float *output;         // batch x outputs
    const float *weights;  // from lv_pack_linear
    const float *bias;     // outputs rounded up to 64
} lv_linear;

/// Items: batch x groups of 64 outputs, images fastest.
void lv_linear_run(const void *kernel, size_t item, size_t worker);
size_t lv_linear_items(const lv_linear *kernel);

typedef struct {
    bool unpack;  // false: planar to blocked; true: blocked to planar
    size_t batch, blocks, pixels, channels;
    const uint8_t *block_channels;
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
} lv_layout;

/// Changes between NCHW and NCHW16c. Items: batch x blocks.
void lv_layout_run(const void *kernel, size_t item, size_t worker);

/// Probabilities of `count` finite logits in double precision: exp(x - max) summed by class, one division each.
void lv_softmax(const float *logits, size_t count, double *probabilities);
/// exp(x) for x <= 0, made of IEEE operations only: relative error below 4e-16, and 0 below -708.
double lv_exp_nonpositive(double x);

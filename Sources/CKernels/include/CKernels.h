// Kernels of the inference engine, and the threads that run them.
//
// Equal bits. Every kernel exists once in source and is compiled for three instruction sets; each output element is
// computed by one chain of operations whose order the source fixes, and lanes never mix. So the result does not depend
// on the instruction set, on how the work is split over threads, or on the batch:
//   convolution, linear  acc = bias; acc = fma(x, w, acc) by input block, kernel row, kernel column, channel in block;
//                        ReLU as acc > 0 ? acc : 0, otherwise acc + 0 (see below)
//   tiled convolution    the transforms' sums in the order of winograd_transform.h; each product of a tile is one chain
//                        from 0, acc = fma(v, u, acc) by input channel; then the tile's sums, + bias, and ReLU or + 0.
//                        The tiling of a layer is part of its arithmetic: its shape alone may decide it
//   grouped convolution  acc = bias; acc = fma(x, w, acc) by input channel of the group, kernel row, kernel column
//   pooling              additions and comparisons by kernel row, then kernel column (global: by pixel), one division
//   softmax              double precision, additions by class, with an exp made of IEEE operations only
//   functions, LRN       double precision with that exp, and a logarithm made likewise; LRN adds squares by channel
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

typedef void (*lv_aside)(void *argument);

/// Gives one thread other than the caller's something else to do first; the others compute without it meanwhile. Once a
/// pool. Returns false where there is no other thread.
bool lv_pool_run_aside(lv_pool *pool, lv_aside run, void *argument);

/// Runs items 0 ..< count, in any order, and returns when all are done. One caller at a time. `count` is below 2^24.
void lv_pool_run(lv_pool *pool, lv_item run, const void *kernel, size_t count);

/// How one dimension of a convolution is tiled: outputs of a tile, and taps (winograd_transform.h).
typedef enum {
    LV_NO_TILING,  // one tap
    LV_4_OF_3,
    LV_5_OF_3,
    LV_4_OF_7,
    LV_4_OF_3_STRIDE_2,
    LV_5_OF_3_STRIDE_2,
} lv_tiling;

typedef struct {
    size_t rows, columns;  // outputs of a tile
    size_t products;       // multiplications of a tile, for each input and output channel
    size_t weights;        // transformed weights, for each input and output channel
} lv_tiling_shape;

lv_tiling_shape lv_tiling_shape_of(lv_tiling rows, lv_tiling columns);

// Packing (at load) ---------------------------------------------------------------------------------------------------

typedef enum {
    LV_PACK_CONVOLUTION,  // [group of 32 outputs][block][tap][channel][output]
    LV_PACK_WINOGRAD,     // [group of 32 outputs][class of products][input][output]: G g G^T in double precision
    LV_PACK_LINEAR,       // [group of 64 outputs][input][output], `taps` being 1
    LV_PACK_QUANTISED,    // [group of 32 outputs][block][tap][quad of channels][output][channel], bytes
} lv_packing_form;

/// Weights from the order in which PyTorch stores them to that in which a kernel reads them: scaled in double precision
/// and rounded once. A last group of up to 16 outputs of a convolution is 16 wide.
typedef struct {
    lv_kernel_set set;
    lv_packing_form form;
    lv_tiling row_tiling, column_tiling;  // LV_PACK_WINOGRAD
    const float *weights;                 // outputs x inputs x taps
    const int8_t *quantised;              // likewise, instead; LV_PACK_QUANTISED
    const double *output_scale;           // per output, or NULL
    const double *input_scale;            // per input, or NULL; LV_PACK_LINEAR
    size_t outputs, inputs, row_taps, column_taps;
    const uint8_t *block_channels;        // channels in each input block; convolutions
    size_t blocks;
    float *packed;
} lv_packing;

/// Floats that are written to `packed`.
size_t lv_packing_count(const lv_packing *packing);

/// Several packings as one piece of work. An item is a group of one of them.
typedef struct {
    const lv_packing *packings;
    size_t count;
    bool *damaged;  // of each packing, set where a packed weight is not finite
} lv_packing_work;

size_t lv_packing_items(const lv_packing_work *work);
void lv_packing_run(const void *work, size_t item, size_t worker);

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
    const float *weights;  // LV_PACK_CONVOLUTION
    const float *bias;     // output_blocks x 16
    // Items: group chunks x pixel chunks x images, images fastest. Bits do not depend on the two counts.
    size_t pixel_chunks, group_chunks;
    size_t prefetch_groups;  // how many groups on the one is that this worker will probably take next
    float *scratch;  // per worker, scratch_stride floats apart
    size_t scratch_stride;
} lv_convolution;

/// Output pixels that a tile of `set` spans at most.
size_t lv_convolution_tile_pixels(lv_kernel_set set);
/// Floats of scratch that one worker needs.
size_t lv_convolution_scratch(const lv_convolution *kernel);
size_t lv_convolution_items(const lv_convolution *kernel);
void lv_convolution_run(const void *kernel, size_t item, size_t worker);

/// A convolution by transformed tiles. The tilings, not the chunks, decide the bits.
typedef struct {
    lv_kernel_set set;
    lv_tiling row_tiling, column_tiling;
    bool relu;
    size_t batch;
    size_t input_height, input_width, output_height, output_width, padding_height, padding_width;
    const uint8_t *block_channels;  // per input block
    size_t blocks;
    size_t output_blocks;
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
    const float *weights;  // LV_PACK_WINOGRAD
    const float *bias;     // output_blocks x 16
    // Items: group chunks x chunks of all images' tiles, the latter fastest.
    size_t tile_chunks, group_chunks;
    size_t prefetch_groups;  // how many groups on the one is that this worker will probably take next
    // Whether lv_winograd_transform_run transforms all input before lv_winograd_run; otherwise each item its own.
    bool shared;
    float *shared_scratch;
    float *scratch;  // per worker, scratch_stride floats apart
    size_t scratch_stride;
} lv_winograd;

/// Tiles of one image.
size_t lv_winograd_tiles(const lv_winograd *kernel);
/// Floats of scratch that one worker needs, and that all share.
size_t lv_winograd_scratch(const lv_winograd *kernel);
size_t lv_winograd_shared_scratch(const lv_winograd *kernel);
size_t lv_winograd_items(const lv_winograd *kernel);
void lv_winograd_run(const void *kernel, size_t item, size_t worker);
/// None where the input is not shared.
size_t lv_winograd_transform_items(const lv_winograd *kernel);
void lv_winograd_transform_run(const void *kernel, size_t item, size_t worker);

typedef enum {
    LV_MAX_POOL,
    LV_AVERAGE_POOL,         // divided by the number of pixels inside the picture
    LV_AVERAGE_POOL_PADDED,  // divided by the number of pixels of the window
} lv_pool_operation;

/// Padding is that at the top and at the left; the output's extent says what there is at the other ends. Every window
/// holds a pixel of the picture.
typedef struct {
    lv_kernel_set set;
    lv_pool_operation operation;
    size_t batch, blocks;
    size_t input_height, input_width, output_height, output_width;
    size_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
    size_t dilation_height, dilation_width;  // LV_MAX_POOL; otherwise 1
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
    const float *weights;  // LV_PACK_LINEAR
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

/// A convolution that the tiles don't compute: with groups, dilation, or other padding at the bottom or the right, which
/// the output's extent implies.
typedef struct {
    lv_kernel_set set;
    bool relu;
    size_t batch;
    size_t input_height, input_width, output_height, output_width;
    size_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
    size_t padding_height, padding_width;  // at the top and at the left
    size_t output_blocks;
    size_t group_inputs;            // input channels that an output channel sees
    const size_t *channel_offsets;  // of each input channel's first pixel from the image's start
    const size_t *first_channels;   // output_blocks x 16: the first input channel that the output channel sees
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
    const float *weights;  // [output block][input of the group][tap][output]
    const float *bias;     // output_blocks x 16
} lv_grouped_convolution;

/// Items: batch x output_blocks.
void lv_grouped_convolution_run(const void *kernel, size_t item, size_t worker);

typedef enum {
    LV_SCALE_SHIFT,   // fma(x, a, b), a and b by lane
    LV_PRELU,         // x > 0 ? x : a x, a by lane
    LV_CLIP,          // to alpha ... beta
    LV_LEAKY_RELU,    // x > 0 ? x : alpha x
    LV_HARD_SIGMOID,  // fma(alpha, x, beta), to 0 ... 1
    LV_SIGMOID,       // 1 / (1 + exp(-x))
    LV_TANH,
    LV_ELU,       // x > 0 ? x : alpha (exp(x) - 1)
    LV_SOFTPLUS,  // log(1 + exp(x))
} lv_function;

/// A function of each element. Lanes beyond a block's channels become zero.
typedef struct {
    lv_kernel_set set;
    lv_function function;
    float alpha, beta;
    const float *a, *b;             // by lane: blocks x 16, or for a vector block_floats
    size_t batch, blocks;           // a vector is one block
    size_t block_floats;            // pixels x 16, or a vector's elements
    const uint8_t *block_channels;  // NULL for a vector
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
} lv_elementwise;

/// Items: batch x blocks.
void lv_elementwise_run(const void *kernel, size_t item, size_t worker);

typedef enum { LV_ADD, LV_MULTIPLY } lv_binary_operation;

/// A sum or product, element by element, then ReLU or + 0. The output's blocks are those of `input`.
typedef struct {
    lv_kernel_set set;
    lv_binary_operation operation;
    bool relu;
    size_t batch, blocks;           // a vector is one block
    size_t block_floats;            // pixels x 16, or a vector's elements
    const uint8_t *block_channels;  // NULL for a vector
    const size_t *other_offsets;    // blocks x 16, of each channel in `other`, where its blocks are others; or NULL
    const float *input;
    size_t input_image_stride;
    const float *other;
    size_t other_image_stride;
    float *output;
    size_t output_image_stride;
} lv_binary;

/// Items: batch x blocks.
void lv_binary_run(const void *kernel, size_t item, size_t worker);

/// Channels in another order.
typedef struct {
    size_t batch, blocks, pixels;
    const uint8_t *block_channels;
    const size_t *offsets;  // blocks x 16: of the channel in the input
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
} lv_channels;

/// Items: batch x blocks.
void lv_channels_run(const void *kernel, size_t item, size_t worker);

/// Local response normalisation across channels: x / (bias + scale x sum of squares)^beta, the sum over channels
/// c - before ... c + after. bias is positive.
typedef struct {
    size_t batch, blocks, pixels, channels, before, after;
    double scale, beta, bias;
    const uint8_t *block_channels;
    const size_t *channel_offsets;
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
} lv_response_norm;

/// Items: batch x blocks.
void lv_response_norm_run(const void *kernel, size_t item, size_t worker);

/// A picture with a border: output pixel (y, x) is input pixel (rows[y], columns[x]), or where either is negative, `value`.
typedef struct {
    size_t batch, blocks, input_height, input_width, output_height, output_width;
    const int32_t *rows, *columns;
    float value;
    const uint8_t *block_channels;
    const float *input;
    size_t input_image_stride;
    float *output;
    size_t output_image_stride;
} lv_border;

/// Items: batch x blocks.
void lv_border_run(const void *kernel, size_t item, size_t worker);

enum { LV_MAX_DIMENSIONS = 8 };

/// A vector's elements in another order: of extents' indices i, the element at offset + sum of i x strides.
typedef struct {
    size_t batch, dimensions, inputs, outputs;
    size_t extents[LV_MAX_DIMENSIONS];
    ptrdiff_t strides[LV_MAX_DIMENSIONS];
    ptrdiff_t offset;
    const float *input;  // batch x inputs
    float *output;       // batch x outputs
} lv_strided;

/// Items: batch x the first extent.
void lv_strided_run(const void *kernel, size_t item, size_t worker);

/// Softmax, or its logarithm, along one dimension of a vector's elements, as lv_softmax computes it.
typedef struct {
    bool logarithm;
    size_t batch, outer, length, inner;
    const float *input;  // batch x (outer x length x inner)
    float *output;
} lv_softmax_rows;

/// Items: batch x outer.
void lv_softmax_rows_run(const void *kernel, size_t item, size_t worker);

/// Probabilities of `count` finite logits in double precision: exp(x - max) summed by class, one division each.
void lv_softmax(const float *logits, size_t count, double *probabilities);
/// exp(x) for x <= 0, made of IEEE operations only: relative error below 4e-16, and 0 below -708.
double lv_exp_nonpositive(double x);
/// log(x) of a positive normal number, made likewise: relative error below 4e-16.
double lv_log(double x);

#include "CKernelsQuantised.h"

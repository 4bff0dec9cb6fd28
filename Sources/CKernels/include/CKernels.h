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
} lv_packing_form;

/// Weights from the order in which PyTorch stores them to that in which a kernel reads them: scaled in double precision
/// and rounded once. A last group of up to 16 outputs of a convolution is 16 wide.
typedef struct {
    lv_kernel_set set;
    lv_packing_form form;
    lv_tiling row_tiling, column_tiling;  // LV_PACK_WINOGRAD
    const float *weights;                 // outputs x inputs x taps
    const double *output_scale;           // per output, or NULL
    const double *input_scale;            // per input, or NULL; LV_PACK_LINEAR
    size_t outputs, inputs, row_taps, column_taps;
    const uint8_t *block_channels;        // channels in each input block; convolutions
    size_t blocks;
    bool mapped;  // `weights` lie in a file's mapping, whose pages are given back once read
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

/// Probabilities of `count` finite logits in double precision: exp(x - max) summed by class, one division each.
void lv_softmax(const float *logits, size_t count, double *probabilities);
/// exp(x) for x <= 0, made of IEEE operations only: relative error below 4e-16, and 0 below -708.
double lv_exp_nonpositive(double x);

#include <string.h>

#include "convolution_tile.h"
#include "winograd.h"

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t part_start(size_t total, size_t parts, size_t i) { return total * i / parts; }

static size_t groups(const lv_winograd *k) { return (k->output_blocks * LV_LANES + LV_GROUP - 1) / LV_GROUP; }

static size_t tile_columns(const lv_winograd *k) {
    const size_t outputs = lv_dimension_of(k->column_tiling).outputs;
    return (k->output_width + outputs - 1) / outputs;
}

size_t lv_winograd_tiles(const lv_winograd *k) {
    const size_t outputs = lv_dimension_of(k->row_tiling).outputs;
    return (k->output_height + outputs - 1) / outputs * tile_columns(k);
}

// Tiles are numbered through the images: an item's may belong to several.
static size_t all_tiles(const lv_winograd *k) { return k->batch * lv_winograd_tiles(k); }

static size_t tiles_at_once(const lv_winograd *k) { return (all_tiles(k) + k->tile_chunks - 1) / k->tile_chunks; }

static size_t position_count(const lv_winograd *k) {
    return lv_dimension_of(k->row_tiling).products * lv_dimension_of(k->column_tiling).products;
}

// Transformed input of `tiles` tiles, and products of one group of outputs.
static size_t input_floats(const lv_winograd *k, size_t tiles) {
    return position_count(k) * k->blocks * tiles * LV_LANES;
}

static size_t product_floats(const lv_winograd *k, size_t tiles) { return position_count(k) * tiles * LV_GROUP; }

size_t lv_winograd_scratch(const lv_winograd *k) {
    const size_t tiles = tiles_at_once(k);
    return product_floats(k, tiles) + (k->shared ? 0 : input_floats(k, tiles));
}

size_t lv_winograd_shared_scratch(const lv_winograd *k) {
    return k->shared ? input_floats(k, all_tiles(k)) : 0;
}

size_t lv_winograd_transform_items(const lv_winograd *k) { return k->shared ? k->blocks : 0; }

size_t lv_winograd_items(const lv_winograd *k) { return k->tile_chunks * k->group_chunks; }

// What the transforms of an item share.
typedef struct {
    lv_positions positions;
    lv_coefficients rows, columns;
} lv_tables;

static void set_tables(lv_tables *t, const lv_winograd *k) {
    lv_set_positions(&t->positions, k->row_tiling, k->column_tiling);
    lv_set_coefficients(&t->rows, k->row_tiling);
    lv_set_coefficients(&t->columns, k->column_tiling);
}

// Tiles first ..< end of blocks first_block ..< end_block to `to`: [class][block][member x tile][lane], `pitch` tiles
// wide, `to` standing for tile `first`.
LV_INLINE void transform_input(const lv_winograd *k, const lv_tables *t, size_t first, size_t end, size_t first_block,
                               size_t end_block, float *to, size_t pitch, const lv_tiling row_tiling,
                               const lv_tiling column_tiling) {
    const lv_dimension r = lv_dimension_of(row_tiling), c = lv_dimension_of(column_tiling);
    const size_t height = k->input_height, width = k->input_width, columns = tile_columns(k);
    const size_t tiles = lv_winograd_tiles(k);
    for (size_t b = first_block; b < end_block; b++) {
        size_t offset[LV_MAX_POSITIONS];
        for (size_t p = 0; p < r.products * c.products; p++) {
            const size_t index = t->positions.class_of[p], members = t->positions.classes[index].members;
            offset[p] = (t->positions.classes[index].first * k->blocks + b * members + t->positions.member[p]) * pitch;
        }
        for (size_t i = first; i < end; i++) {
            const size_t image = i / tiles, tile = i % tiles;
            const lv_vector16 *plane =
                (const lv_vector16 *)(k->input + image * k->input_image_stride) + b * height * width;
            // Padding makes these wrap round, which the comparisons catch.
            const size_t top = tile / columns * r.outputs * r.stride - k->padding_height;
            const size_t left = tile % columns * c.outputs * c.stride - k->padding_width;
            lv_vector16 edge[LV_MAX_POSITIONS], half[LV_MAX_POSITIONS];
            const lv_vector16 *from = plane + top * width + left;
            size_t row_step = width;
            if (top >= height || top + r.products > height || left >= width || left + c.products > width) {
                const lv_vector16 zero = 0.0f;
                for (size_t y = 0; y < r.products; y++) {
                    for (size_t x = 0; x < c.products; x++) {
                        const bool inside = top + y < height && left + x < width;
                        edge[y * c.products + x] = inside ? plane[(top + y) * width + left + x] : zero;
                    }
                }
                from = edge;
                row_step = c.products;
            }
            for (size_t y = 0; y < r.products; y++) {
                lv_transform_input(column_tiling, &t->columns, from + y * row_step, 1, half + y * c.products, 1);
            }
            lv_vector16 *v = (lv_vector16 *)to + (i - first);
            for (size_t x = 0; x < c.products; x++) {
                lv_vector16 column[LV_MAX_PRODUCTS];
                lv_transform_input(row_tiling, &t->rows, half + x, c.products, column, 1);
                _Pragma("unroll") for (size_t y = 0; y < r.products; y++) v[offset[y * c.products + x]] = column[y];
            }
        }
    }
}

// The outputs of one group from its products, [class][half][member x tile][lane], `pitch` tiles wide.
LV_INLINE void transform_output(const lv_winograd *k, const lv_tables *t, const float *products, size_t first,
                                size_t end, size_t group, const lv_tiling row_tiling, const lv_tiling column_tiling) {
    const lv_dimension r = lv_dimension_of(row_tiling), c = lv_dimension_of(column_tiling);
    const size_t height = k->output_height, width = k->output_width, columns = tile_columns(k), pitch = end - first;
    const size_t tiles = lv_winograd_tiles(k);
    const size_t halves = smaller(LV_GROUP / LV_LANES, k->output_blocks - 2 * group);
    const lv_vector16 zero = 0.0f;
    for (size_t h = 0; h < halves; h++) {
        const lv_vector16 bias = *(const lv_vector16 *)(k->bias + group * LV_GROUP + h * LV_LANES);
        size_t offset[LV_MAX_POSITIONS];
        for (size_t p = 0; p < r.products * c.products; p++) {
            const size_t index = t->positions.class_of[p], members = t->positions.classes[index].members;
            offset[p] = (t->positions.classes[index].first * 2 + h * members + t->positions.member[p]) * pitch;
        }
        for (size_t i = first; i < end; i++) {
            const size_t image = i / tiles, tile = i % tiles;
            lv_vector16 *plane =
                (lv_vector16 *)(k->output + image * k->output_image_stride) + (2 * group + h) * height * width;
            lv_vector16 half[LV_MAX_POSITIONS];
            const lv_vector16 *m = (const lv_vector16 *)products + (i - first);
            for (size_t x = 0; x < c.products; x++) {
                lv_vector16 column[LV_MAX_PRODUCTS];
                _Pragma("unroll") for (size_t y = 0; y < r.products; y++) column[y] = m[offset[y * c.products + x]];
                lv_transform_output(row_tiling, &t->rows, column, 1, half + x, c.products);
            }
            const size_t top = tile / columns * r.outputs, left = tile % columns * c.outputs;
            const size_t rows = smaller(r.outputs, height - top), row_length = smaller(c.outputs, width - left);
            for (size_t y = 0; y < rows; y++) {
                lv_vector16 line[LV_MAX_PRODUCTS];
                lv_transform_output(column_tiling, &t->columns, half + y * c.products, 1, line, 1);
                lv_vector16 *to = plane + (top + y) * width + left;
                _Pragma("unroll") for (size_t x = 0; x < c.outputs; x++) {
                    if (x >= row_length) break;
                    const lv_vector16 sum = line[x] + bias;
                    to[x] = k->relu ? (sum > zero ? sum : zero) : sum + zero;
                }
            }
        }
    }
}

// The transforms compiled for every tiling that a plan may choose and for the instruction sets.
#define FOR_TILINGS(CASE)                                    \
    CASE(LV_4_OF_3, LV_4_OF_3)                               \
    CASE(LV_5_OF_3, LV_5_OF_3)                               \
    CASE(LV_NO_TILING, LV_4_OF_7)                            \
    CASE(LV_4_OF_7, LV_NO_TILING)                            \
    CASE(LV_NO_TILING, LV_5_OF_3)                            \
    CASE(LV_5_OF_3, LV_NO_TILING)                            \
    CASE(LV_4_OF_3_STRIDE_2, LV_4_OF_3_STRIDE_2)             \
    CASE(LV_5_OF_3_STRIDE_2, LV_5_OF_3_STRIDE_2)

typedef struct {
    size_t first, end, first_block, end_block;
    float *to;
    size_t pitch;
} input_work;

typedef struct {
    const float *products;
    size_t first, end, group;
} output_work;

#define INPUT_CASE(R, C)                                                                                          \
    if (k->row_tiling == R && k->column_tiling == C) {                                                            \
        transform_input(k, t, w->first, w->end, w->first_block, w->end_block, w->to, w->pitch, R, C);   \
        return;                                                                                                   \
    }
#define OUTPUT_CASE(R, C)                                                                        \
    if (k->row_tiling == R && k->column_tiling == C) {                                           \
        transform_output(k, t, w->products, w->first, w->end, w->group, R, C);         \
        return;                                                                                  \
    }
#define TRANSFORMS(TARGET, SUFFIX)                                                                              \
    TARGET static void inputs_##SUFFIX(const lv_winograd *k, const lv_tables *t, const input_work *w) {         \
        FOR_TILINGS(INPUT_CASE)                                                                                 \
    }                                                                                                           \
    TARGET static void outputs_##SUFFIX(const lv_winograd *k, const lv_tables *t, const output_work *w) {       \
        FOR_TILINGS(OUTPUT_CASE)                                                                                \
    }

TRANSFORMS(, portable)
#if LV_X86
TRANSFORMS(LV_TARGET_AVX2, avx2)
TRANSFORMS(LV_TARGET_AVX512, avx512)
#endif

static void inputs(const lv_winograd *k, const lv_tables *t, const input_work *w) {
#if LV_X86
    if (k->set == LV_AVX512) return inputs_avx512(k, t, w);
    if (k->set == LV_AVX2) return inputs_avx2(k, t, w);
#endif
    inputs_portable(k, t, w);
}

static void outputs(const lv_winograd *k, const lv_tables *t, const output_work *w) {
#if LV_X86
    if (k->set == LV_AVX512) return outputs_avx512(k, t, w);
    if (k->set == LV_AVX2) return outputs_avx2(k, t, w);
#endif
    outputs_portable(k, t, w);
}

// Multiplies the transformed tiles of a group, class by class: a class's weights and input stay in the first-level
// cache. `input` and `products` stand for the first of `tiles` tiles; `input` is `pitch` tiles wide.
static void multiply(const lv_winograd *k, const lv_positions *p, const float *input, size_t pitch, size_t tiles,
                     size_t group, float *products) {
    static const float no_bias[LV_GROUP];
    static const ptrdiff_t no_offset = 0;
    size_t channels = 0;
    for (size_t b = 0; b < k->blocks; b++) channels += k->block_channels[b];
    lv_tile tile = {
        .taps = &no_offset,
        .end_tap = 1,
        .tap_count = 1,
        .channel_stride = 1,
        .block_channels = k->block_channels,
        .blocks = k->blocks,
        .bias = no_bias,
        .row = smaller(LV_GROUP, (k->output_blocks - 2 * group) * LV_LANES),
    };
    const float *weights = k->weights + group * LV_GROUP * channels * p->class_count;
    const float *next_group = weights + k->prefetch_groups * LV_GROUP * channels * p->class_count;
    for (size_t c = 0; c < p->class_count; c++, weights += channels * tile.row) {
        const size_t first = p->classes[c].first, members = p->classes[c].members;
        tile.weights = weights;
        tile.block_stride = (ptrdiff_t)(members * pitch * LV_LANES);
        tile.output_block_stride = (ptrdiff_t)(members * tiles * LV_LANES);
        // Members lie side by side where the item has all tiles of the input.
        const size_t runs = pitch == tiles ? 1 : members, length = pitch == tiles ? members * tiles : tiles;
        const size_t parts = (length + lv_convolution_tile_pixels(k->set) - 1) / lv_convolution_tile_pixels(k->set);
        const float *next = c + 1 < p->class_count ? weights + channels * tile.row : next_group;
        for (size_t run = 0; run < runs; run++) {
            for (size_t i = 0; i < parts; i++) {
                lv_tile_prefetch(&tile, next, channels * tile.row, run * parts + i, runs * parts);
                const size_t begin = part_start(length, parts, i), end = part_start(length, parts, i + 1);
                tile.input = input + (first * k->blocks * pitch + run * pitch + begin) * LV_LANES;
                tile.input_ahead = (ptrdiff_t)((end - begin) * LV_LANES);
                tile.output = products + (first * 2 * tiles + run * tiles + begin) * LV_LANES;
                lv_tile_run_of(k->set, end - begin, tile.row, 0)(&tile);
            }
        }
    }
}

void lv_winograd_transform_run(const void *argument, size_t item, size_t worker) {
    const lv_winograd *k = argument;
    (void)worker;
    lv_tables tables;
    set_tables(&tables, k);
    const input_work work = {
        .end = all_tiles(k),
        .first_block = item,
        .end_block = item + 1,
        .to = k->shared_scratch,
        .pitch = all_tiles(k),
    };
    inputs(k, &tables, &work);
}

void lv_winograd_run(const void *argument, size_t item, size_t worker) {
    const lv_winograd *k = argument;
    const size_t tile_chunk = item % k->tile_chunks, group_chunk = item / k->tile_chunks;
    const size_t first = part_start(all_tiles(k), k->tile_chunks, tile_chunk);
    const size_t end = part_start(all_tiles(k), k->tile_chunks, tile_chunk + 1);
    const size_t first_group = part_start(groups(k), k->group_chunks, group_chunk);
    const size_t end_group = part_start(groups(k), k->group_chunks, group_chunk + 1);
    if (first == end || first_group == end_group) return;

    lv_tables tables;
    set_tables(&tables, k);
    float *products = k->scratch + worker * k->scratch_stride;
    const float *input = k->shared_scratch + first * LV_LANES;
    size_t pitch = all_tiles(k);
    if (!k->shared) {
        float *transformed = products + product_floats(k, tiles_at_once(k));
        pitch = end - first;
        const input_work work = {.first = first, .end = end, .end_block = k->blocks, .to = transformed, .pitch = pitch};
        inputs(k, &tables, &work);
        input = transformed;
    }
    for (size_t g = first_group; g < end_group; g++) {
        multiply(k, &tables.positions, input, pitch, end - first, g, products);
        const output_work work = {products, first, end, g};
        outputs(k, &tables, &work);
    }
}

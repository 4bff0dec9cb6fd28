#include "quantised_tile.h"

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// The start of part i when `total` things are split evenly into `parts`.
static size_t part_start(size_t total, size_t parts, size_t i) { return total * i / parts; }

static bool has_vnni(void) {
#if LV_X86
    return __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

size_t lv_quantised_tile_pixels(lv_kernel_set set) {
    return set == LV_AVX512 && has_vnni() ? LV_QUANTISED_PIXELS_VNNI : LV_QUANTISED_PIXELS_8;
}

static lv_quantised_tile_run run_of(lv_kernel_set set, size_t pixels, size_t row, size_t step) {
#if LV_X86
    if (set == LV_AVX512 && has_vnni()) return lv_quantised_tile_vnni(pixels, row, step);
    // AVX-512 without VNNI gains nothing on AVX2 here.
    if (set != LV_PORTABLE) return lv_quantised_tile_avx2(pixels, row, step);
#endif
    (void)set;
    return lv_quantised_tile_portable(pixels, row, step);
}

size_t lv_quantised_convolution_items(const lv_quantised_convolution *k) {
    return k->batch * k->pixel_chunks * k->group_chunks;
}

static bool runs_rows_together(const lv_quantised_convolution *k) {
    return k->mode == LV_FLAT || k->mode == LV_PATCHES;
}

static size_t padded_width(const lv_quantised_convolution *k) { return k->input_width + 2 * k->padding_width; }

static size_t tap_count(const lv_quantised_convolution *k) { return k->kernel_height * k->kernel_width; }

// Units that pixel chunks are made of: pixels where rows run together, rows otherwise.
static size_t chunk_units(const lv_quantised_convolution *k) {
    return runs_rows_together(k) ? k->output_height * k->output_width : k->output_height;
}

// Bytes of one block of one image in the scratch.
static size_t scratch_block(const lv_quantised_convolution *k) {
    switch (k->mode) {
    case LV_FLAT:
    case LV_ROWS: return 0;
    case LV_PADDED: return k->input_height * padded_width(k) * k->pixel_bytes;
    case LV_PATCHES: return tap_count(k) * k->output_height * k->output_width * k->pixel_bytes;
    }
    return 0;
}

size_t lv_quantised_convolution_scratch(const lv_quantised_convolution *k) {
    return k->batch * k->blocks * scratch_block(k);
}

size_t lv_quantised_gather_items(const lv_quantised_convolution *k) {
    return scratch_block(k) > 0 ? k->batch * k->blocks : 0;
}

// A block to [row][padded column], zeros at both ends of a row.
static void copy_padded(const lv_quantised_convolution *k, const uint8_t *from, uint8_t *to) {
    const size_t row = k->input_width * k->pixel_bytes, margin = k->padding_width * k->pixel_bytes;
    for (size_t y = 0; y < k->input_height; y++, from += row) {
        memset(to, 0, margin);
        memcpy(to + margin, from, row);
        memset(to + margin + row, 0, margin);
        to += row + 2 * margin;
    }
}

// A block to [tap][output pixel]: what each tap of each output pixel reads.
LV_INLINE void gather_patches(const lv_quantised_convolution *k, const uint8_t *from, const uint8_t *padding,
                              uint8_t *to, const size_t bytes) {
    for (size_t ky = 0; ky < k->kernel_height; ky++) {
        for (size_t kx = 0; kx < k->kernel_width; kx++) {
            for (size_t oy = 0; oy < k->output_height; oy++) {
                // Padding makes these wrap round, which the comparison catches.
                const size_t y = oy * k->stride_height + ky - k->padding_height;
                for (size_t ox = 0; ox < k->output_width; ox++, to += bytes) {
                    const size_t x = ox * k->stride_width + kx - k->padding_width;
                    const bool inside = y < k->input_height && x < k->input_width;
                    memcpy(to, inside ? from + (y * k->input_width + x) * bytes : padding, bytes);
                }
            }
        }
    }
}

void lv_quantised_gather_run(const void *argument, size_t item, size_t worker) {
    const lv_quantised_convolution *k = argument;
    (void)worker;
    const size_t image = item / k->blocks, block = item % k->blocks;
    const uint8_t *from =
        k->input + image * k->input_image_stride + block * k->input_height * k->input_width * k->pixel_bytes;
    uint8_t *to = k->scratch + item * scratch_block(k);
    const uint8_t *padding = k->padding + block * LV_LANES;
    if (k->mode == LV_PADDED) copy_padded(k, from, to);
    else if (k->pixel_bytes == LV_LANES) gather_patches(k, from, padding, to, LV_LANES);
    else gather_patches(k, from, padding, to, LV_QUAD);
}

// Which of lv_quantised_steps separates the input pixels of neighbouring output pixels; gathered pixels lie side by
// side.
static size_t step_index(const lv_quantised_convolution *k) {
    return (k->pixel_bytes == LV_QUAD ? 2 : 0) + (k->mode == LV_PATCHES ? 0 : k->stride_width - 1);
}

static size_t line_tiles(const lv_quantised_convolution *k, size_t count) {
    const size_t pixels = lv_quantised_tile_pixels(k->set);
    return (count + pixels - 1) / pixels;
}

// The weights to fetch while a group's tiles run, an even share in each.
typedef struct {
    const int8_t *weights;
    size_t count, run, runs;
} prefetching;

// Computes `count` output pixels in a line, split evenly into tiles. The tile's pixel and output are of the first.
static void run_line(const lv_quantised_convolution *k, lv_quantised_tile *tile, size_t count, size_t step,
                     uint8_t *output, prefetching *ahead) {
    const size_t tiles = line_tiles(k, count);
    const ptrdiff_t pixel = tile->pixel;
    for (size_t i = 0; i < tiles; i++) {
        const size_t begin = part_start(count, tiles, i), end = part_start(count, tiles, i + 1);
        tile->pixel = pixel + (ptrdiff_t)(begin * lv_quantised_steps[step]);
        tile->output = output + begin * LV_LANES;
        tile->prefetch = ahead->weights + ahead->count * ahead->run++ / ahead->runs;
        run_of(k->set, end - begin, tile->row, step)(tile);
    }
    tile->pixel = pixel;
}

void lv_quantised_convolution_run(const void *argument, size_t item, size_t worker) {
    const lv_quantised_convolution *k = argument;
    (void)worker;
    const size_t image = item % k->batch, chunk = item / k->batch;
    const size_t pixel_chunk = chunk % k->pixel_chunks, group_chunk = chunk / k->pixel_chunks;
    const size_t begin = part_start(chunk_units(k), k->pixel_chunks, pixel_chunk);
    const size_t end = part_start(chunk_units(k), k->pixel_chunks, pixel_chunk + 1);
    const size_t groups = (k->output_blocks * LV_LANES + LV_GROUP - 1) / LV_GROUP;
    const size_t first_group = part_start(groups, k->group_chunks, group_chunk);
    const size_t end_group = part_start(groups, k->group_chunks, group_chunk + 1);
    if (begin == end || first_group == end_group) return;

    uint8_t *output = k->output + image * k->output_image_stride;
    const size_t bytes = k->pixel_bytes, all_taps = tap_count(k);
    const size_t input_plane = k->input_height * k->input_width, output_plane = k->output_height * k->output_width;
    const size_t step = step_index(k);
    ptrdiff_t taps[LV_MAX_TAPS];
    lv_quantised_tile tile = {
        .input = k->input + image * k->input_image_stride,
        .taps = taps,
        .end_tap = all_taps,
        .tap_count = all_taps,
        .block_stride = (ptrdiff_t)(input_plane * bytes),
        .block_channels = k->block_channels,
        .blocks = k->blocks,
        .output_block_stride = (ptrdiff_t)(output_plane * LV_LANES),
    };
    size_t source_width = k->input_width;
    if (scratch_block(k) > 0) {
        tile.input = k->scratch + image * k->blocks * scratch_block(k);
        tile.block_stride = (ptrdiff_t)scratch_block(k);
        source_width = padded_width(k);
    }
    for (size_t t = 0; t < all_taps; t++) {
        const size_t ky = t / k->kernel_width, kx = t % k->kernel_width;
        taps[t] = (ptrdiff_t)((k->mode == LV_PATCHES ? t * output_plane : ky * source_width + kx) * bytes);
    }

    // Group by group, so that a group's weights stay in the cache for all pixels.
    size_t quads = 0;
    for (size_t b = 0; b < k->blocks; b++) quads += lv_quads(k->block_channels[b]);
    const size_t group_weights = quads * all_taps * LV_GROUP * LV_QUAD;
    const size_t runs = runs_rows_together(k) ? line_tiles(k, end - begin)
                                              : (end - begin) * line_tiles(k, k->output_width);
    for (size_t g = first_group; g < end_group; g++) {
        tile.row = smaller(LV_GROUP, (k->output_blocks - 2 * g) * LV_LANES);
        tile.weights = k->weights + g * group_weights;
        tile.start = k->start + g * LV_GROUP;
        tile.scale = k->scale + g * LV_GROUP;
        tile.shift = k->shift + g * LV_GROUP;
        tile.prefetch_step = (tile.row * LV_QUAD + runs - 1) / runs;
        uint8_t *group_output = output + 2 * g * output_plane * LV_LANES;
        prefetching ahead = {tile.weights + k->prefetch_groups * group_weights, group_weights, 0, runs};
        if (runs_rows_together(k)) {
            tile.pixel = (ptrdiff_t)(begin * bytes);
            run_line(k, &tile, end - begin, step, group_output + begin * LV_LANES, &ahead);
            continue;
        }
        for (size_t y = begin; y < end; y++) {
            // Kernel rows above and below the picture are skipped: padding is zero.
            const size_t top = y * k->stride_height;  // of the window, in the picture padded above
            const size_t first_row = k->padding_height > top ? k->padding_height - top : 0;
            const size_t below =
                k->input_height + k->padding_height > top ? k->input_height + k->padding_height - top : 0;
            tile.end_tap = smaller(k->kernel_height, below) * k->kernel_width;
            tile.first_tap = smaller(first_row * k->kernel_width, tile.end_tap);
            tile.pixel = ((ptrdiff_t)top - (ptrdiff_t)k->padding_height) * (ptrdiff_t)(source_width * bytes);
            run_line(k, &tile, k->output_width, step, group_output + y * k->output_width * LV_LANES, &ahead);
        }
    }
}

#include <string.h>

#include "convolution_tile.h"

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// The start of part i when `total` things are split evenly into `parts`.
static size_t part_start(size_t total, size_t parts, size_t i) { return total * i / parts; }

size_t lv_convolution_tile_pixels(lv_kernel_set set) {
    return set == LV_AVX512 ? LV_TILE_PIXELS_16 : LV_TILE_PIXELS_8;
}

size_t lv_convolution_items(const lv_convolution *k) { return k->batch * k->pixel_chunks * k->group_chunks; }

static bool runs_rows_together(const lv_convolution *k) { return k->mode == LV_FLAT || k->mode == LV_PATCHES; }

static size_t padded_width(const lv_convolution *k) { return k->input_width + 2 * k->padding_width; }

// Units that pixel chunks are made of: pixels where rows run together, rows otherwise.
static size_t chunk_units(const lv_convolution *k) {
    return runs_rows_together(k) ? k->output_height * k->output_width : k->output_height;
}

size_t lv_convolution_scratch(const lv_convolution *k) {
    size_t units = (chunk_units(k) + k->pixel_chunks - 1) / k->pixel_chunks;
    switch (k->mode) {
    case LV_FLAT:
    case LV_ROWS: return 0;
    case LV_PADDED: {
        size_t rows = smaller((units - 1) * k->stride_height + k->kernel_height, k->input_height);
        return k->blocks * rows * padded_width(k) * LV_LANES;
    }
    case LV_PATCHES: return k->blocks * k->kernel_height * k->kernel_width * units * LV_LANES;
    }
    return 0;
}

// Input rows first ..< end that output rows begin ..< end_row read, within the picture.
static void rows_read(const lv_convolution *k, size_t begin, size_t end_row, size_t *first, size_t *end) {
    size_t from = begin * k->stride_height, to = (end_row - 1) * k->stride_height + k->kernel_height;
    *first = smaller(from > k->padding_height ? from - k->padding_height : 0, k->input_height);
    *end = smaller(to > k->padding_height ? to - k->padding_height : 0, k->input_height);
}

// Copies input rows first ..< end of every block to [block][row][padded column][lane], zeros at both ends of a row.
static void copy_padded(const lv_convolution *k, const float *input, size_t first, size_t end, float *to) {
    size_t row = k->input_width * LV_LANES, margin = k->padding_width * LV_LANES;
    for (size_t b = 0; b < k->blocks; b++) {
        const float *from = input + (b * k->input_height + first) * row;
        for (size_t y = first; y < end; y++) {
            memset(to, 0, margin * sizeof(float));
            memcpy(to + margin, from, row * sizeof(float));
            memset(to + margin + row, 0, margin * sizeof(float));
            to += row + 2 * margin;
            from += row;
        }
    }
}

// Gathers what output pixels begin ..< end read to [block][tap][pixel][lane], zeros for padding.
static void gather_patches(const lv_convolution *k, const float *input, size_t begin, size_t end, float *to) {
    size_t plane = k->input_height * k->input_width * LV_LANES;
    for (size_t b = 0; b < k->blocks; b++, input += plane) {
        for (size_t ky = 0; ky < k->kernel_height; ky++) {
            for (size_t kx = 0; kx < k->kernel_width; kx++) {
                size_t oy = begin / k->output_width, ox = begin % k->output_width;
                for (size_t q = begin; q < end; q++, to += LV_LANES) {
                    // Padding makes these wrap round, which the comparison catches.
                    size_t y = oy * k->stride_height + ky - k->padding_height;
                    size_t x = ox * k->stride_width + kx - k->padding_width;
                    if (y < k->input_height && x < k->input_width) {
                        memcpy(to, input + (y * k->input_width + x) * LV_LANES, LV_LANES * sizeof(float));
                    } else {
                        memset(to, 0, LV_LANES * sizeof(float));
                    }
                    if (++ox == k->output_width) {
                        ox = 0;
                        oy++;
                    }
                }
            }
        }
    }
}

// Which of lv_steps separates the input pixels of neighbouring output pixels; gathered pixels lie side by side.
static size_t step_index(const lv_convolution *k) {
    if (k->mode == LV_PATCHES) return 0;
    return (k->planar ? 2 : 0) + (k->stride_width - 1);
}

static size_t line_tiles(const lv_convolution *k, size_t count) {
    return (count + lv_convolution_tile_pixels(k->set) - 1) / lv_convolution_tile_pixels(k->set);
}

// The weights to fetch while a group's tiles run, an even share in each.
typedef struct {
    const float *weights;
    size_t count, run, runs;
} prefetching;

// Computes `count` output pixels in a line, split evenly into tiles. The tile's pixel and output are of the first.
static void run_line(const lv_convolution *k, lv_tile *tile, size_t count, size_t step, float *output,
                     prefetching *ahead) {
    const size_t tiles = line_tiles(k, count);
    const ptrdiff_t pixel = tile->pixel;
    for (size_t i = 0; i < tiles; i++) {
        size_t begin = part_start(count, tiles, i), end = part_start(count, tiles, i + 1);
        tile->pixel = pixel + (ptrdiff_t)(begin * lv_steps[step]);
        tile->output = output + begin * LV_LANES;
        tile->input_ahead = (ptrdiff_t)((end - begin) * lv_steps[step]);
        lv_tile_prefetch(tile, ahead->weights, ahead->count, ahead->run++, ahead->runs);
        lv_tile_run_of(k->set, end - begin, tile->row, step)(tile);
    }
    tile->pixel = pixel;
}

void lv_convolution_run(const void *argument, size_t item, size_t worker) {
    const lv_convolution *k = argument;
    const size_t image = item % k->batch, chunk = item / k->batch;
    const size_t pixel_chunk = chunk % k->pixel_chunks, group_chunk = chunk / k->pixel_chunks;
    const size_t begin = part_start(chunk_units(k), k->pixel_chunks, pixel_chunk);
    const size_t end = part_start(chunk_units(k), k->pixel_chunks, pixel_chunk + 1);
    const size_t groups = (k->output_blocks * LV_LANES + LV_GROUP - 1) / LV_GROUP;
    const size_t first_group = part_start(groups, k->group_chunks, group_chunk);
    const size_t end_group = part_start(groups, k->group_chunks, group_chunk + 1);
    if (begin == end || first_group == end_group) return;

    const float *input = k->input + image * k->input_image_stride;
    float *output = k->output + image * k->output_image_stride;
    float *scratch = k->scratch + worker * k->scratch_stride;
    const size_t lanes = k->planar ? 1 : LV_LANES, tap_count = k->kernel_height * k->kernel_width;
    const size_t input_plane = k->input_height * k->input_width, output_plane = k->output_height * k->output_width;

    // Where the tiles read: from the input itself, or from what was copied for this item.
    const size_t step = step_index(k);
    size_t source_width = k->input_width, source_first_row = 0;
    ptrdiff_t taps[LV_MAX_TAPS];
    lv_tile tile = {
        .input = input,
        .taps = taps,
        .end_tap = tap_count,
        .tap_count = tap_count,
        .block_stride = (ptrdiff_t)(input_plane * LV_LANES),
        .channel_stride = k->planar ? (ptrdiff_t)input_plane : 1,
        .block_channels = k->block_channels,
        .blocks = k->blocks,
        .output_block_stride = (ptrdiff_t)(output_plane * LV_LANES),
        .relu = k->relu,
    };
    if (k->mode == LV_PADDED) {
        size_t end_row;
        rows_read(k, begin, end, &source_first_row, &end_row);
        copy_padded(k, input, source_first_row, end_row, scratch);
        source_width = padded_width(k);
        tile.input = scratch;
        tile.block_stride = (ptrdiff_t)((end_row - source_first_row) * source_width * LV_LANES);
    } else if (k->mode == LV_PATCHES) {
        gather_patches(k, input, begin, end, scratch);
        tile.input = scratch;
        tile.block_stride = (ptrdiff_t)(tap_count * (end - begin) * LV_LANES);
    }
    for (size_t t = 0; t < tap_count; t++) {
        size_t ky = t / k->kernel_width, kx = t % k->kernel_width;
        taps[t] = (ptrdiff_t)(k->mode == LV_PATCHES ? t * (end - begin) * LV_LANES : (ky * source_width + kx) * lanes);
    }

    // Group by group, so that a group's weights stay in the cache for all pixels.
    size_t group_weights = 0;
    for (size_t b = 0; b < k->blocks; b++) group_weights += k->block_channels[b];
    group_weights *= tap_count * LV_GROUP;
    const size_t runs = runs_rows_together(k) ? line_tiles(k, end - begin)
                                              : (end - begin) * line_tiles(k, k->output_width);
    for (size_t g = first_group; g < end_group; g++) {
        tile.row = smaller(LV_GROUP, (k->output_blocks - 2 * g) * LV_LANES);
        tile.weights = k->weights + g * group_weights;
        tile.bias = k->bias + g * LV_GROUP;
        float *group_output = output + 2 * g * output_plane * LV_LANES;
        prefetching ahead = {tile.weights + k->prefetch_groups * group_weights, group_weights, 0, runs};
        if (runs_rows_together(k)) {
            tile.pixel = k->mode == LV_FLAT ? (ptrdiff_t)(begin * lanes) : 0;
            run_line(k, &tile, end - begin, step, group_output + begin * LV_LANES, &ahead);
            continue;
        }
        for (size_t y = begin; y < end; y++) {
            // Kernel rows above and below the picture are skipped.
            size_t top = y * k->stride_height;  // of the window, in the picture padded above
            size_t first_row = k->padding_height > top ? k->padding_height - top : 0;
            size_t below = k->input_height + k->padding_height > top ? k->input_height + k->padding_height - top : 0;
            tile.end_tap = smaller(k->kernel_height, below) * k->kernel_width;
            tile.first_tap = smaller(first_row * k->kernel_width, tile.end_tap);
            tile.pixel = ((ptrdiff_t)top - (ptrdiff_t)k->padding_height - (ptrdiff_t)source_first_row) *
                         (ptrdiff_t)(source_width * lanes);
            run_line(k, &tile, k->output_width, step, group_output + y * k->output_width * LV_LANES, &ahead);
        }
    }
}

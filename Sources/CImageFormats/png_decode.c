#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CImageFormats.h"
#include "luma.h"

// Everything a decode owns. It lives in the frame that outlasts the jump, so no local is clobbered by longjmp.
typedef struct {
    const uint8_t *bytes;
    size_t count;
    size_t position;
    uint64_t max_pixels;
    LVGreyImage *image;
    char *message;
    LVImageStatus status;
    png_structp png;
    png_infop info;
    uint8_t *rows;       // one row, or all of an interlaced picture, as libpng delivers them
    png_bytep *pointers; // to each row of an interlaced picture
} Job;

static void fail(png_structp png, png_const_charp text) {
    Job *job = png_get_error_ptr(png);
    if (job->status == LVImageOK) job->status = LVImageDamaged;
    snprintf(job->message, LVImageMessageSize, "%s", text);
    png_longjmp(png, 1);
}

static void fail_as(Job *job, LVImageStatus status, const char *text) {
    job->status = status;
    png_error(job->png, text);
}

// A warning is about metadata (profiles, text): the pixels are whole.
static void ignore_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep into, size_t count) {
    Job *job = png_get_io_ptr(png);
    if (job->count - job->position < count) fail_as(job, LVImageTruncated, "the PNG file ends before its picture does");
    memcpy(into, job->bytes + job->position, count);
    job->position += count;
}

static void *allocate(Job *job, size_t count) {
    void *memory = malloc(count);
    if (memory == NULL) fail_as(job, LVImageNoMemory, "no memory for the picture");
    return memory;
}

static void decode(Job *job) {
    if (setjmp(png_jmpbuf(job->png))) return;
    png_structp png = job->png;
    png_infop info = job->info;
    png_set_read_fn(png, job, read_bytes);
    png_read_info(png, info);

    uint32_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if ((uint64_t)width * height > job->max_pixels) fail_as(job, LVImageTooLarge, "the declared size is too large");
    // Deflate expands at most 1,032-fold (zlib's technical notes): a header that promises more is not believed.
    uint64_t packed = (uint64_t)png_get_rowbytes(png, info) * height;
    if (packed / 1032 > job->count) fail_as(job, LVImageTruncated, "the PNG file is too short for its declared size");

    if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    else if (png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_alpha(png);
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe == 1) png_set_swap(png); // PNG is big-endian
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);

    LVGreyImage *image = job->image;
    image->width = width;
    image->height = height;
    image->bits = png_get_bit_depth(png, info);
    size_t channels = png_get_channels(png, info);
    image->colour = channels == 3;
    size_t sample = image->bits / 8, grey_row = sample * width, row = grey_row * channels;
    image->samples = allocate(job, grey_row * height);

    if (passes > 1) {
        job->rows = allocate(job, row * height);
        job->pointers = allocate(job, sizeof(png_bytep) * height);
        for (uint32_t y = 0; y < height; y++) job->pointers[y] = job->rows + row * y;
        png_read_image(png, job->pointers);
    } else if (channels == 3) {
        job->rows = allocate(job, row);
    }
    for (uint32_t y = 0; y < height; y++) {
        uint8_t *grey = (uint8_t *)image->samples + grey_row * y;
        uint8_t *source = passes > 1 ? job->pointers[y] : channels == 3 ? job->rows : grey;
        if (passes == 1) png_read_row(png, source, NULL);
        if (channels == 1) {
            if (source != grey) memcpy(grey, source, grey_row);
        } else if (sample == 2) {
            luma_row_16((const uint16_t *)source, (uint16_t *)grey, width);
        } else {
            luma_row_8(source, grey, width);
        }
    }
    png_read_end(png, NULL); // the checksum of the last chunk, and the end of the file
}

LVImageStatus lv_png_decode(
    const uint8_t *bytes, size_t count, uint64_t max_pixels, LVGreyImage *image, char *message) {
    memset(image, 0, sizeof *image);
    message[0] = 0;
    Job job = {
        .bytes = bytes, .count = count, .max_pixels = max_pixels,
        .image = image, .message = message, .status = LVImageOK,
    };
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, fail, ignore_warning);
    if (job.png != NULL) job.info = png_create_info_struct(job.png);
    if (job.info == NULL) {
        png_destroy_read_struct(&job.png, NULL, NULL);
        snprintf(message, LVImageMessageSize, "no memory for the PNG decoder");
        return LVImageNoMemory;
    }
    decode(&job);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    free(job.pointers);
    if (job.status != LVImageOK) {
        free(image->samples);
        memset(image, 0, sizeof *image);
    }
    return job.status;
}

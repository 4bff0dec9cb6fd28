#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "CImageFormats.h"

typedef struct {
    const uint8_t *pixels;
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    LVImageBytes *file;
    size_t capacity;
    char *message;
    LVImageStatus status;
    png_structp png;
    png_infop info;
} Job;

static void fail(png_structp png, png_const_charp text) {
    Job *job = png_get_error_ptr(png);
    if (job->status == LVImageOK) job->status = LVImageUnsupported;
    snprintf(job->message, LVImageMessageSize, "%s", text);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep from, size_t count) {
    Job *job = png_get_io_ptr(png);
    LVImageBytes *file = job->file;
    if (job->capacity - file->count < count) {
        size_t capacity = 2 * job->capacity + count;
        uint8_t *grown = realloc(file->bytes, capacity);
        if (grown == NULL) {
            job->status = LVImageNoMemory;
            png_error(png, "no memory for the PNG file");
        }
        file->bytes = grown;
        job->capacity = capacity;
    }
    memcpy(file->bytes + file->count, from, count);
    file->count += count;
}

static void flush_nothing(png_structp png) { (void)png; }

static void encode(Job *job) {
    if (setjmp(png_jmpbuf(job->png))) return;
    png_structp png = job->png;
    png_set_write_fn(png, job, write_bytes, flush_nothing);
    // Radiographs are noise on slopes: one good predictor and a light search come within a few per cent of the
    // smallest file in a fraction of the time.
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_PAETH);
    png_set_compression_level(png, 2);
    png_set_compression_strategy(png, Z_FILTERED);
    png_set_IHDR(
        png, job->info, job->width, job->height, 8, job->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
        PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, job->info);
    const size_t row = (size_t)job->width * job->channels;
    for (uint32_t y = 0; y < job->height; y++) png_write_row(png, job->pixels + y * row);
    png_write_end(png, NULL);
}

LVImageStatus lv_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels, LVImageBytes *file, char *message) {
    memset(file, 0, sizeof *file);
    message[0] = 0;
    Job job = {
        .pixels = pixels, .width = width, .height = height, .channels = channels, .file = file, .message = message,
        .status = LVImageOK,
    };
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, fail, ignore_warning);
    if (job.png != NULL) job.info = png_create_info_struct(job.png);
    if (job.info == NULL) {
        png_destroy_write_struct(&job.png, NULL);
        snprintf(message, LVImageMessageSize, "no memory for the PNG encoder");
        return LVImageNoMemory;
    }
    encode(&job);
    png_destroy_write_struct(&job.png, &job.info);
    if (job.status != LVImageOK) {
        free(file->bytes);
        memset(file, 0, sizeof *file);
    }
    return job.status;
}

void lv_image_free(void *memory) { free(memory); }

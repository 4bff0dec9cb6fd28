#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "CImageFormats.h"
#include "luma.h"

// A progressive file may ask for any number of passes over the whole picture; real ones have about ten.
static const int max_scans = 100;

typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const uint8_t *bytes;
    size_t count;
    uint64_t max_pixels;
    LVGreyImage *image;
    char *message;
    LVImageStatus status;
    uint8_t *rgb_row;
} Job;

static void stop(Job *job, LVImageStatus status, const char *text) {
    job->status = status;
    snprintf(job->message, LVImageMessageSize, "%s", text);
    longjmp(job->jump, 1);
}

static void fail(j_common_ptr jpeg) {
    Job *job = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        stop(job, LVImageNoMemory, text);
        break;
    case JERR_INPUT_EOF:
    case JERR_INPUT_EMPTY:
        stop(job, LVImageTruncated, text);
        break;
    case JERR_BAD_PRECISION: // 12 or 16 bits a sample
    case JERR_CONVERSION_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
        stop(job, LVImageUnsupported, text);
        break;
    default:
        stop(job, LVImageDamaged, text);
    }
}

// libjpeg fills what is missing with grey and only warns. A made-up picture must not be scored.
static void judge_warning(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    Job *job = jpeg->client_data;
    switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
        stop(job, LVImageTruncated, "the JPEG file ends before its picture does");
        break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_ARITH_BAD_CODE:
        stop(job, LVImageDamaged, "the JPEG file's coded picture is damaged");
        break;
    default: // metadata, or surplus bytes between segments
        jpeg->err->num_warnings++;
    }
}

static void limit_scans(j_common_ptr jpeg) {
    if (((j_decompress_ptr)jpeg)->input_scan_number > max_scans)
        stop(jpeg->client_data, LVImageDamaged, "the JPEG file has too many scans");
}

static void decode(Job *job) {
    if (setjmp(job->jump)) return;
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, job->bytes, job->count);
    jpeg_read_header(jpeg, TRUE);
    if ((uint64_t)jpeg->image_width * jpeg->image_height > job->max_pixels)
        stop(job, LVImageTooLarge, "the declared size is too large");
    if (jpeg->jpeg_color_space == JCS_GRAYSCALE) {
        jpeg->out_color_space = JCS_GRAYSCALE;
    } else if (jpeg->num_components == 3) {
        jpeg->out_color_space = JCS_RGB;
    } else {
        stop(job, LVImageUnsupported, "a JPEG picture in CMYK or another four-component colour is not read");
    }
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);

    LVGreyImage *image = job->image;
    size_t width = jpeg->output_width;
    image->width = jpeg->output_width;
    image->height = jpeg->output_height;
    image->bits = 8;
    image->colour = jpeg->output_components == 3;
    image->samples = malloc(width * image->height);
    if (image->colour) job->rgb_row = malloc(3 * width);
    if (image->samples == NULL || (image->colour && job->rgb_row == NULL))
        stop(job, LVImageNoMemory, "no memory for the picture");
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *grey = (uint8_t *)image->samples + width * jpeg->output_scanline;
        JSAMPROW row = image->colour ? job->rgb_row : grey;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (image->colour) luma_row_8(row, grey, width);
    }
    jpeg_finish_decompress(jpeg);
}

LVImageStatus lv_jpeg_decode(
    const uint8_t *bytes, size_t count, uint64_t max_pixels, LVGreyImage *image, char *message) {
    memset(image, 0, sizeof *image);
    message[0] = 0;
    Job job = {
        .bytes = bytes, .count = count, .max_pixels = max_pixels,
        .image = image, .message = message, .status = LVImageOK,
    };
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = fail;
    job.errors.emit_message = judge_warning;
    job.progress.progress_monitor = limit_scans;
    job.jpeg.client_data = &job;
    decode(&job);
    jpeg_destroy_decompress(&job.jpeg);
    free(job.rgb_row);
    if (job.status != LVImageOK) {
        free(image->samples);
        memset(image, 0, sizeof *image);
    }
    return job.status;
}

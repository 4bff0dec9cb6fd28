#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

#include "CPixelCodecs.h"

typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf jump;
    lv_codec_status status;
    uint8_t *row;
} Job;

static _Noreturn void stop(Job *job, lv_codec_status status) {
    job->status = status;
    longjmp(job->jump, 1);
}

static void fail(j_common_ptr jpeg) {
    Job *job = jpeg->client_data;
    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY: stop(job, LV_CODEC_NO_MEMORY);
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED: stop(job, LV_CODEC_OTHER_KIND);
    default: stop(job, LV_CODEC_DAMAGED);
    }
}

// libjpeg fills what is missing with grey and only warns.
static void judge_warning(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF: stop(jpeg->client_data, LV_CODEC_TRUNCATED);
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC: stop(jpeg->client_data, LV_CODEC_DAMAGED);
    default: jpeg->err->num_warnings++;  // metadata, or surplus bytes between segments
    }
}

static void decode(Job *job, const uint8_t *bytes, size_t count, size_t rows, size_t columns, uint16_t *out) {
    if (setjmp(job->jump)) return;
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, bytes, count);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->num_components != 1 || jpeg->progressive_mode || jpeg->arith_code) stop(job, LV_CODEC_OTHER_KIND);
    if (jpeg->image_height != rows || jpeg->image_width != columns) stop(job, LV_CODEC_DAMAGED);
    jpeg->out_color_space = jpeg->jpeg_color_space;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    job->row = malloc(columns);
    if (job->row == NULL) stop(job, LV_CODEC_NO_MEMORY);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint16_t *const cells = out + columns * jpeg->output_scanline;
        JSAMPROW row = job->row;
        jpeg_read_scanlines(jpeg, &row, 1);
        for (size_t x = 0; x < columns; x++) cells[x] = row[x];
    }
    jpeg_finish_decompress(jpeg);
}

lv_codec_status lv_jpeg_baseline_decode(const uint8_t *bytes, size_t count, size_t rows, size_t columns,
                                        uint16_t *out) {
    Job job = {.status = LV_CODEC_OK};
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = fail;
    job.errors.emit_message = judge_warning;
    job.jpeg.client_data = &job;
    decode(&job, bytes, count, rows, columns, out);
    jpeg_destroy_decompress(&job.jpeg);
    free(job.row);
    return job.status;
}

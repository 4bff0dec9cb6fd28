#include "CPixelCodecs.h"

#include <charls/charls.h>

#include <stdlib.h>

/// Decodes what `decoder` has been given, into cells of 16 bits.
static lv_codec_status decode(charls_jpegls_decoder *decoder, size_t rows, size_t columns, size_t components,
                              uint16_t *out) {
    charls_frame_info frame;
    if (charls_jpegls_decoder_read_header(decoder) != CHARLS_JPEGLS_ERRC_SUCCESS ||
        charls_jpegls_decoder_get_frame_info(decoder, &frame) != CHARLS_JPEGLS_ERRC_SUCCESS)
        return LV_CODEC_DAMAGED;
    if (frame.height != rows || frame.width != columns || frame.component_count < 0 ||
        (size_t)frame.component_count != components || frame.bits_per_sample < 2 || frame.bits_per_sample > 16)
        return LV_CODEC_DAMAGED;
    charls_interleave_mode interleave = CHARLS_INTERLEAVE_MODE_NONE;
    if (charls_jpegls_decoder_get_interleave_mode(decoder, &interleave) != CHARLS_JPEGLS_ERRC_SUCCESS)
        return LV_CODEC_DAMAGED;

    const size_t pixels = rows * columns, count = pixels * components;
    const size_t cell = frame.bits_per_sample > 8 ? 2 : 1;
    const int is_planar = interleave == CHARLS_INTERLEAVE_MODE_NONE && components > 1;
    // Straight into the caller's cells where they are what CharLS gives.
    void *const target = cell == 2 && !is_planar ? out : malloc(count * cell);
    if (target == NULL) return LV_CODEC_NO_MEMORY;
    const charls_jpegls_errc error = charls_jpegls_decoder_decode_to_buffer(decoder, target, count * cell, 0);
    if (error == CHARLS_JPEGLS_ERRC_SUCCESS && target != out) {
        const uint8_t *const bytes = target;
        const uint16_t *const words = target;
        if (!is_planar) {
            for (size_t index = 0; index < count; index++) out[index] = bytes[index];
        } else {
            for (size_t component = 0; component < components; component++)
                for (size_t pixel = 0; pixel < pixels; pixel++) {
                    const size_t index = component * pixels + pixel;
                    out[pixel * components + component] = cell == 2 ? words[index] : bytes[index];
                }
        }
    }
    if (target != out) free(target);
    switch (error) {
    case CHARLS_JPEGLS_ERRC_SUCCESS: return LV_CODEC_OK;
    case CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY: return LV_CODEC_NO_MEMORY;
    case CHARLS_JPEGLS_ERRC_SOURCE_BUFFER_TOO_SMALL: return LV_CODEC_TRUNCATED;
    default: return LV_CODEC_DAMAGED;
    }
}

lv_codec_status lv_jpeg_ls_decode(const uint8_t *bytes, size_t count, size_t rows, size_t columns, size_t components,
                                  uint16_t *out) {
    charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
    if (decoder == NULL) return LV_CODEC_NO_MEMORY;
    lv_codec_status status = LV_CODEC_DAMAGED;
    if (charls_jpegls_decoder_set_source_buffer(decoder, bytes, count) == CHARLS_JPEGLS_ERRC_SUCCESS)
        status = decode(decoder, rows, columns, components, out);
    charls_jpegls_decoder_destroy(decoder);
    return status;
}

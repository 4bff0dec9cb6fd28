#include "CPixelCodecs.h"

#include <libdeflate.h>

lv_codec_status lv_deflate_decode(const uint8_t *bytes, size_t count, uint8_t *out, size_t capacity, size_t *written) {
    *written = 0;
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (decompressor == NULL) return LV_CODEC_NO_MEMORY;
    // The variant with a count of bytes read: bytes after the stream are padding to an even length.
    size_t read = 0;
    const enum libdeflate_result result =
        libdeflate_deflate_decompress_ex(decompressor, bytes, count, out, capacity, &read, written);
    libdeflate_free_decompressor(decompressor);
    switch (result) {
    case LIBDEFLATE_SUCCESS: return LV_CODEC_OK;
    case LIBDEFLATE_INSUFFICIENT_SPACE: return LV_CODEC_TOO_LARGE;
    default: return LV_CODEC_DAMAGED;
    }
}

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CImageFormats.h"

static void put32(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

// The chunk whose `count` bytes of data lie at chunk + 8 already; returns what follows it (PNG, third edition, 5.3).
static uint8_t *finish_chunk(uint8_t *chunk, const char *type, size_t count) {
    put32(chunk, (uint32_t)count);
    memcpy(chunk + 4, type, 4);
    put32(chunk + 8 + count, libdeflate_crc32(0, chunk + 4, count + 4));
    return chunk + 12 + count;
}

static int distance(int a, int b) { return a < b ? b - a : a - b; }

// What is left of a byte when its neighbours to the left, above and both have foretold it (PNG, 9.4).
static uint8_t paeth(uint8_t x, uint8_t a, uint8_t b, uint8_t c) {
    const short to_a = (short)distance(b, c), to_b = (short)distance(a, c), to_c = (short)distance(a + b, 2 * c);
    const uint8_t b_or_c = to_b <= to_c ? b : c;
    return (uint8_t)(x - (((to_a <= to_b) & (to_a <= to_c)) ? a : b_or_c));
}

// Every row behind the number of its filter.
static void filter(const uint8_t *pixels, size_t height, size_t row, size_t channels, uint8_t *out) {
    enum { SUB = 1, PAETH = 4 };
    for (size_t y = 0; y < height; y++, pixels += row) {
        *out++ = y == 0 ? SUB : PAETH;
        const uint8_t *above = pixels - row;
        for (size_t i = 0; i < channels; i++) out[i] = y == 0 ? pixels[i] : (uint8_t)(pixels[i] - above[i]);
        if (y == 0) {
            for (size_t i = channels; i < row; i++) out[i] = (uint8_t)(pixels[i] - pixels[i - channels]);
        } else {
            for (size_t i = channels; i < row; i++) {
                out[i] = paeth(pixels[i], pixels[i - channels], above[i], above[i - channels]);
            }
        }
        out += row;
    }
}

LVImageStatus lv_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels, LVImageBytes *file, char *message) {
    memset(file, 0, sizeof *file);
    message[0] = 0;
    const size_t row = (size_t)width * channels, count = (row + 1) * height;
    enum { BEFORE = 8 + 25, AFTER = 12 + 12 };  // signature and IHDR; the rest of IDAT, and IEND
    if (count > INT32_MAX / 2) {
        snprintf(message, LVImageMessageSize, "%u x %u pixels are too many for a PNG file", width, height);
        return LVImageTooLarge;
    }
    LVImageStatus status = LVImageNoMemory;
    // Radiographs are noise on slopes: one good predictor and the lightest search come within a few per cent of the
    // smallest file in a fraction of the time.
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(1);
    uint8_t *filtered = malloc(count);
    const size_t bound = compressor ? libdeflate_zlib_compress_bound(compressor, count) : 0;
    uint8_t *bytes = malloc(BEFORE + bound + AFTER);
    if (compressor && filtered && bytes) {
        memcpy(bytes, "\x89PNG\r\n\x1a\n", 8);
        uint8_t *chunk = bytes + 8;
        put32(chunk + 8, width);
        put32(chunk + 12, height);
        memcpy(chunk + 16, channels == 3 ? "\x08\x02\0\0" : "\x08\0\0\0", 5);
        chunk = finish_chunk(chunk, "IHDR", 13);
        filter(pixels, height, row, channels, filtered);
        const size_t packed = libdeflate_zlib_compress(compressor, filtered, count, chunk + 8, bound);
        chunk = finish_chunk(chunk, "IDAT", packed);
        chunk = finish_chunk(chunk, "IEND", 0);
        *file = (LVImageBytes){.bytes = bytes, .count = (size_t)(chunk - bytes)};
        bytes = NULL;
        status = LVImageOK;
    }
    if (status != LVImageOK) snprintf(message, LVImageMessageSize, "no memory for the PNG encoder");
    libdeflate_free_compressor(compressor);
    free(filtered);
    free(bytes);
    return status;
}

void lv_image_free(void *memory) { free(memory); }

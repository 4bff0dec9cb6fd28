// The luma of ITU-R BT.601 in 16-bit fixed point: 0.299 R + 0.587 G + 0.114 B, rounded. The weights add up to 65,536, so
// grey stays grey, and 16-bit samples (65,535 × 65,536 + 32,768) still fit in 32 bits.
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint32_t luma(uint32_t red, uint32_t green, uint32_t blue) {
    return (19595u * red + 38470u * green + 7471u * blue + 0x8000u) >> 16;
}

static inline void luma_row_8(const uint8_t *rgb, uint8_t *grey, size_t width) {
    for (size_t x = 0; x < width; x++) grey[x] = (uint8_t)luma(rgb[3 * x], rgb[3 * x + 1], rgb[3 * x + 2]);
}

static inline void luma_row_16(const uint16_t *rgb, uint16_t *grey, size_t width) {
    for (size_t x = 0; x < width; x++) grey[x] = (uint16_t)luma(rgb[3 * x], rgb[3 * x + 1], rgb[3 * x + 2]);
}

// Runs and ranges: plain loops in blocks, which the compiler vectorises for the baseline instruction set; they run at
// the speed of memory.

#include "CRendering.h"

enum { block = 64 };

static inline bool block_equals(const uint16_t *values, uint16_t value) {
    uint16_t different = 0;
    for (size_t index = 0; index < block; index++) different |= (uint16_t)(values[index] ^ value);
    return different == 0;
}

size_t lv_leading_run(const uint16_t *values, size_t count, uint16_t value) {
    size_t run = 0;
    while (count - run >= block && block_equals(values + run, value)) run += block;
    while (run < count && values[run] == value) run++;
    return run;
}

size_t lv_trailing_run(const uint16_t *values, size_t count, uint16_t value) {
    size_t run = 0;
    while (count - run >= block && block_equals(values + count - run - block, value)) run += block;
    while (run < count && values[count - run - 1] == value) run++;
    return run;
}

#define LV_DEFINE_RANGE(name, type)                                                                           \
    void name(const type *values, size_t width, size_t height, size_t stride, type *low, type *high) {        \
        type least = values[0], greatest = values[0];                                                         \
        for (size_t y = 0; y < height; y++) {                                                                 \
            const type *row = values + y * stride;                                                            \
            for (size_t x = 0; x < width; x++) {                                                              \
                least = row[x] < least ? row[x] : least;                                                      \
                greatest = row[x] > greatest ? row[x] : greatest;                                             \
            }                                                                                                 \
        }                                                                                                     \
        *low = least;                                                                                         \
        *high = greatest;                                                                                     \
    }

LV_DEFINE_RANGE(lv_range_unsigned, uint16_t)
LV_DEFINE_RANGE(lv_range_signed, int16_t)

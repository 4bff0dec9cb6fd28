// Bits of entropy-coded data, most significant first, taken from a buffer without stuffing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    /// Zeros that follow the data in its buffer, for reads of eight bytes at its end.
    lv_bit_padding = 16,
};

typedef struct {
    const uint8_t *start, *next;
    /// The last place from which eight bytes can be loaded without leaving the padding.
    const uint8_t *last;
    uint64_t bits;   // the next bits, from the most significant
    unsigned count;  // how many of them are valid
    size_t data;     // bits in the buffer
    /// Zeros that had to be made up.
    size_t beyond;
} lv_bit_reader;

static inline uint64_t lv_load64(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}

/// A reader of `bits` bits, after whose last byte there are `lv_bit_padding` zeros.
static inline lv_bit_reader lv_read_bits(const uint8_t *buffer, size_t bits) {
    return (lv_bit_reader){
        .start = buffer, .next = buffer, .last = buffer + (bits + 7) / 8 + lv_bit_padding - 8, .data = bits};
}

/// Makes at least 56 bits valid.
static inline void lv_refill(lv_bit_reader *reader) {
    if (__builtin_expect(reader->next <= reader->last, 1)) {
        reader->bits |= lv_load64(reader->next) >> reader->count;
        reader->next += (63 - reader->count) >> 3;
        reader->count |= 56;
    } else {
        // Zeros, counted: whoever needed them finds out by lv_is_exhausted.
        reader->beyond += 64 - reader->count;
        reader->count = 64;
    }
}

/// Drops `count` bits, at most 63.
static inline void lv_take(lv_bit_reader *reader, unsigned count) {
    reader->bits <<= count;
    reader->count -= count;
}

/// Whether more bits were taken than there were.
static inline bool lv_is_exhausted(const lv_bit_reader *reader) {
    return (size_t)(reader->next - reader->start) * 8 + reader->beyond - reader->count > reader->data;
}

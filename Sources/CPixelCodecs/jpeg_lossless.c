// JPEG lossless of one component (ITU-T T.81 annex H with the Huffman coding of annex F).
//
// The scan is first freed of its stuffed bytes, so that bits can be taken eight bytes at a time; a table indexed by the
// next bits gives most differences in one step, code and additional bits together.

#include "bit_reader.h"

#include "CPixelCodecs.h"

#include <stdlib.h>

enum {
    table_bits = 12,
    /// Categories of differences, 0 to 16 (T.81 table H.2).
    max_category = 16,
};

/// What the next bits stand for.
typedef struct {
    /// The difference, where `length` covers its additional bits.
    int16_t difference;
    /// Bits of code and additional bits together; 0 where the table does not reach so far.
    uint8_t length;
} Entry;

typedef struct {
    Entry entries[1 << table_bits];
    /// By length of code: the first code, the number of codes, and where their categories start.
    uint32_t first_code[17];
    uint32_t codes[17];
    uint32_t first_category[17];
    uint8_t categories[max_category + 1];
    bool is_there;
} Huffman;

typedef struct {
    size_t rows, columns;
    unsigned precision, predictor, shift;
    size_t restart_rows;  // 0: no restart intervals
    Huffman *tables;      // 4
    const Huffman *table;
    const uint8_t *scan, *end;
} Stream;

static unsigned load16(const uint8_t *bytes) { return (unsigned)bytes[0] << 8 | bytes[1]; }

// MARK: Tables

/// The value of `size` additional bits `bits` (T.81 figure F.12); category 16 has none.
static inline int32_t extended(uint32_t bits, unsigned size) {
    if (size == 0) return 0;
    return (int32_t)bits - (bits < 1u << (size - 1) ? (int32_t)(1u << size) - 1 : 0);
}

/// Reads the specification of a table (T.81 B.2.4.2), `counts` codes of each length; false where it is impossible.
static bool build(Huffman *table, const uint8_t *counts, const uint8_t *categories, size_t total) {
    if (total == 0 || total > max_category + 1) return false;
    memset(table, 0, sizeof *table);
    uint32_t code = 0, place = 0;
    for (unsigned length = 1; length <= 16; length++) {
        table->first_code[length] = code;
        table->first_category[length] = place;
        table->codes[length] = counts[length - 1];
        code += counts[length - 1];
        place += counts[length - 1];
        if (code > 1u << length) return false;
        code <<= 1;
    }
    for (size_t index = 0; index < total; index++) {
        if (categories[index] > max_category) return false;
        table->categories[index] = categories[index];
    }
    for (unsigned length = 1; length <= table_bits; length++) {
        for (uint32_t index = 0; index < table->codes[length]; index++) {
            const unsigned category = table->categories[table->first_category[length] + index];
            const unsigned additional = category == max_category ? 0 : category;
            const uint32_t start = (table->first_code[length] + index) << (table_bits - length);
            const unsigned left = table_bits - length;
            if (additional > left) continue;
            for (uint32_t rest = 0; rest < 1u << left; rest++) {
                Entry *entry = &table->entries[start + rest];
                // 32,768 is -32,768 in 16 bits, and so it is modulo 2^16, in which sums are formed.
                entry->difference = category == max_category ? INT16_MIN
                                                             : (int16_t)extended(rest >> (left - additional), category);
                entry->length = (uint8_t)(length + additional);
            }
        }
    }
    table->is_there = true;
    return true;
}

static bool read_tables(Stream *stream, const uint8_t *segment, size_t length) {
    while (length > 0) {
        if (length < 17) return false;
        const unsigned kind = segment[0] >> 4, place = segment[0] & 15;
        size_t total = 0;
        for (size_t index = 1; index <= 16; index++) total += segment[index];
        if (length < 17 + total || place > 3) return false;
        if (kind == 0 && !build(&stream->tables[place], segment + 1, segment + 17, total)) return false;
        segment += 17 + total;
        length -= 17 + total;
    }
    return true;
}

// MARK: Headers

/// Reads marker segments up to the scan (T.81 annex B).
static lv_codec_status read_headers(Stream *stream, const uint8_t *bytes, size_t count) {
    if (count < 4 || load16(bytes) != 0xFFD8) return LV_CODEC_DAMAGED;
    size_t offset = 2;
    bool has_frame = false;
    size_t restart_interval = 0;
    while (count - offset >= 4) {
        if (bytes[offset] != 0xFF) return LV_CODEC_DAMAGED;
        const unsigned marker = bytes[offset + 1];
        if (marker == 0xFF) {
            offset++;
            continue;
        }
        if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
            offset += 2;
            continue;
        }
        if (marker == 0x00 || marker == 0xD9) return LV_CODEC_DAMAGED;
        const size_t length = load16(bytes + offset + 2);
        if (length < 2 || length > count - offset - 2) return LV_CODEC_TRUNCATED;
        const uint8_t *segment = bytes + offset + 4;
        const size_t size = length - 2;
        switch (marker) {
        case 0xC4:
            if (!read_tables(stream, segment, size)) return LV_CODEC_DAMAGED;
            break;
        case 0xC3:
            if (has_frame || size < 6) return LV_CODEC_DAMAGED;
            if (segment[5] != 1) return LV_CODEC_OTHER_KIND;
            if (size < 9) return LV_CODEC_DAMAGED;
            stream->precision = segment[0];
            if (stream->precision < 2 || stream->precision > 16 || load16(segment + 1) != stream->rows ||
                load16(segment + 3) != stream->columns)
                return LV_CODEC_DAMAGED;
            has_frame = true;
            break;
        case 0xC0: case 0xC1: case 0xC2: case 0xC5: case 0xC6: case 0xC7: case 0xC9: case 0xCA: case 0xCB: case 0xCD:
        case 0xCE: case 0xCF:
            return LV_CODEC_OTHER_KIND;
        case 0xDD:
            if (size < 2) return LV_CODEC_DAMAGED;
            restart_interval = load16(segment);
            break;
        case 0xDA: {
            if (!has_frame || size < 6 || segment[0] != 1) return LV_CODEC_DAMAGED;
            const unsigned place = segment[2] >> 4;
            stream->predictor = segment[3];
            stream->shift = segment[5] & 15;
            if (place > 3 || !stream->tables[place].is_there || stream->predictor < 1 || stream->predictor > 7 ||
                stream->shift >= stream->precision)
                return LV_CODEC_DAMAGED;
            // Intervals are whole rows in lossless coding (T.81 H.1.1).
            if (restart_interval % stream->columns != 0) return LV_CODEC_DAMAGED;
            stream->restart_rows = restart_interval / stream->columns;
            stream->table = &stream->tables[place];
            stream->scan = segment + size;
            stream->end = bytes + count;
            return LV_CODEC_OK;
        }
        default:
            break;  // application data, comments
        }
        offset += 2 + length;
    }
    return LV_CODEC_TRUNCATED;
}

// MARK: Entropy-coded data

/// Copies the data up to the next marker without stuffed bytes, and zeros after it. Returns where the marker is, or the
/// end.
static const uint8_t *unstuff(const uint8_t *from, const uint8_t *end, uint8_t *to, size_t *size) {
    uint8_t *const start = to;
    while (from < end) {
        const uint8_t *mark = memchr(from, 0xFF, (size_t)(end - from));
        if (mark == NULL) mark = end;
        memcpy(to, from, (size_t)(mark - from));
        to += mark - from;
        from = mark;
        if (mark == end || mark + 1 == end || mark[1] != 0) break;
        *to++ = 0xFF;
        from = mark + 2;
    }
    *size = (size_t)(to - start);
    memset(to, 0, lv_bit_padding);
    return from;
}

/// A difference whose code or additional bits the table does not cover; false for a code that does not exist.
static __attribute__((noinline)) bool read_long(lv_bit_reader *reader, const Huffman *table, int32_t *difference) {
    for (unsigned length = 1; length <= 16; length++) {
        const uint32_t code = (uint32_t)(reader->bits >> (64 - length));
        const uint32_t index = code - table->first_code[length];
        if (code < table->first_code[length] || index >= table->codes[length]) continue;
        const unsigned category = table->categories[table->first_category[length] + index];
        lv_take(reader, length);
        if (category == max_category) {
            *difference = 32768;
        } else if (category == 0) {
            *difference = 0;
        } else {
            *difference = extended((uint32_t)(reader->bits >> (64 - category)), category);
            lv_take(reader, category);
        }
        return true;
    }
    return false;
}

/// One difference. A code takes at most 16 bits and what follows it 15: one refill is enough.
static inline bool read_difference(lv_bit_reader *reader, const Huffman *table, int32_t *difference) {
    lv_refill(reader);
    const Entry entry = table->entries[reader->bits >> (64 - table_bits)];
    if (__builtin_expect(entry.length != 0, 1)) {
        lv_take(reader, entry.length);
        *difference = entry.difference;
        return true;
    }
    return read_long(reader, table, difference);
}

// Decodes one row with the predictor that `expression` computes from a (left), b (above) and c (above left). The first
// sample of a row is predicted from above (T.81 H.1.2.1).
#define LV_DECODE_ROW(expression)                                              \
    {                                                                          \
        int32_t difference;                                                    \
        if (!read_difference(&local, table, &difference)) return false;        \
        int32_t a = (above[0] + difference) & 0xFFFF;                          \
        row[0] = (uint16_t)a;                                                  \
        for (size_t x = 1; x < columns; x++) {                                 \
            if (!read_difference(&local, table, &difference)) return false;    \
            const int32_t b = above[x], c = above[x - 1];                      \
            (void)b, (void)c;                                                  \
            a = ((expression) + difference) & 0xFFFF;                          \
            row[x] = (uint16_t)a;                                              \
        }                                                                      \
        break;                                                                 \
    }

static bool decode_row(lv_bit_reader *reader, const Huffman *table, unsigned predictor, const uint16_t *above, uint16_t *row,
                       size_t columns) {
    lv_bit_reader local = *reader;
    switch (predictor) {
    case 1: LV_DECODE_ROW(a)
    case 2: LV_DECODE_ROW(b)
    case 3: LV_DECODE_ROW(c)
    case 4: LV_DECODE_ROW(a + b - c)
    case 5: LV_DECODE_ROW(a + ((b - c) >> 1))
    case 6: LV_DECODE_ROW(b + ((a - c) >> 1))
    default: LV_DECODE_ROW((a + b) >> 1)
    }
    *reader = local;
    return true;
}

/// The first row of the scan or of a restart interval: predicted from the left, from the middle of the range at first.
static bool decode_first_row(lv_bit_reader *reader, const Huffman *table, int32_t middle, uint16_t *row, size_t columns) {
    lv_bit_reader local = *reader;
    int32_t value = middle;
    for (size_t x = 0; x < columns; x++) {
        int32_t difference;
        if (!read_difference(&local, table, &difference)) return false;
        value = (value + difference) & 0xFFFF;
        row[x] = (uint16_t)value;
    }
    *reader = local;
    return true;
}

static lv_codec_status decode_scan(const Stream *stream, uint8_t *buffer, uint16_t *out) {
    const int32_t middle = (int32_t)1 << (stream->precision - stream->shift - 1);
    const uint8_t *position = stream->scan;
    lv_bit_reader reader = {0};
    unsigned restarts = 0;
    for (size_t y = 0; y < stream->rows; y++) {
        const bool restart = stream->restart_rows != 0 && y % stream->restart_rows == 0;
        if (y == 0 || restart) {
            if (y > 0) {
                while (stream->end - position >= 2 && position[1] == 0xFF) position++;
                if (stream->end - position < 2) return LV_CODEC_TRUNCATED;
                if (position[1] != 0xD0 + restarts % 8) return LV_CODEC_DAMAGED;
                restarts++;
                position += 2;
            }
            size_t size = 0;
            position = unstuff(position, stream->end, buffer, &size);
            reader = lv_read_bits(buffer, size * 8);
        }
        uint16_t *const row = out + y * stream->columns;
        const bool is_read =
            y == 0 || restart
                ? decode_first_row(&reader, stream->table, middle, row, stream->columns)
                : decode_row(&reader, stream->table, stream->predictor, row - stream->columns, row, stream->columns);
        if (!is_read) return LV_CODEC_DAMAGED;
        if (lv_is_exhausted(&reader)) return LV_CODEC_TRUNCATED;
    }
    const size_t count = stream->rows * stream->columns;
    const unsigned mask = stream->precision <= 8 ? 0xFF : 0xFFFF;
    if (stream->shift > 0 || mask == 0xFF)
        for (size_t index = 0; index < count; index++) out[index] = (uint16_t)((out[index] << stream->shift) & mask);
    return LV_CODEC_OK;
}

lv_codec_status lv_jpeg_lossless_decode(const uint8_t *bytes, size_t count, size_t rows, size_t columns,
                                        uint16_t *out) {
    Stream stream = {.rows = rows, .columns = columns};
    stream.tables = calloc(4, sizeof *stream.tables);
    if (stream.tables == NULL) return LV_CODEC_NO_MEMORY;
    lv_codec_status status = read_headers(&stream, bytes, count);
    if (status == LV_CODEC_OK) {
        uint8_t *buffer = malloc((size_t)(stream.end - stream.scan) + lv_bit_padding);
        status = buffer == NULL ? LV_CODEC_NO_MEMORY : decode_scan(&stream, buffer, out);
        free(buffer);
    }
    free(stream.tables);
    return status;
}

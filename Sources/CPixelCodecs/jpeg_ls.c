// JPEG-LS of one component (ITU-T T.87, annexes A and C), lossless and near-lossless.
//
// Names are the standard's. What a context needs for the next sample (k, and whether its errors are mapped the other
// way round) is worked out when the context changes, which is off the path from one sample to the next.

#include "bit_reader.h"

#include "CPixelCodecs.h"

#include <stdlib.h>

typedef struct {
    int32_t A, B, N, C;
    int32_t k;
    /// -1 where errors are mapped the other way round (A.5.2: k is 0, NEAR is 0, 2 B <= -N), else 0.
    int32_t flip;
} Context;

typedef struct {
    int32_t A, N, Nn;
} RunContext;

typedef struct {
    size_t rows, columns;
    int32_t MAXVAL, NEAR, T1, T2, T3, RESET, RANGE, qbpp, LIMIT;
    /// Quantised gradients by difference, from -MAXVAL to MAXVAL.
    int8_t *gradients;
    const uint8_t *scan, *end;
    Context contexts[365];
    RunContext run_contexts[2];
    unsigned RUNindex;
    lv_bit_reader reader;
} Decoder;

static const uint8_t J[32] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3,  3,  3,  3,
                              4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static unsigned load16(const uint8_t *bytes) { return (unsigned)bytes[0] << 8 | bytes[1]; }

static inline int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t greatest(int32_t a, int32_t b) { return a > b ? a : b; }

// MARK: Parameters

/// T1, T2 and T3 where the code stream does not give them (C.2.4.1.1.1).
static void set_default_thresholds(Decoder *decoder) {
    const int32_t maximum = decoder->MAXVAL, near = decoder->NEAR;
    int32_t values[3];
    if (maximum >= 128) {
        const int32_t factor = (least(maximum, 4095) + 128) / 256;
        values[0] = factor * (3 - 2) + 2 + 3 * near;
        values[1] = factor * (7 - 3) + 3 + 5 * near;
        values[2] = factor * (21 - 4) + 4 + 7 * near;
    } else {
        const int32_t factor = 256 / (maximum + 1);
        values[0] = greatest(2, 3 / factor + 3 * near);
        values[1] = greatest(3, 7 / factor + 5 * near);
        values[2] = greatest(4, 21 / factor + 7 * near);
    }
    int32_t *const thresholds[3] = {&decoder->T1, &decoder->T2, &decoder->T3};
    int32_t lowest = near + 1;
    for (size_t index = 0; index < 3; index++) {
        if (*thresholds[index] == 0)
            *thresholds[index] = values[index] > maximum || values[index] < lowest ? lowest : values[index];
        lowest = *thresholds[index];
    }
}

/// The smallest number of bits that hold `value` - 1.
static int32_t bits_for(int32_t value) {
    int32_t bits = 0;
    while ((int64_t)1 << bits < value) bits++;
    return bits;
}

/// Completes and checks the parameters (A.2.1, C.2.4.1.1); false where they are impossible.
static bool set_up(Decoder *decoder, int32_t precision) {
    if (decoder->MAXVAL == 0) decoder->MAXVAL = (1 << precision) - 1;
    if (decoder->RESET == 0) decoder->RESET = 64;
    const int32_t maximum = decoder->MAXVAL, near = decoder->NEAR;
    if (maximum >= 1 << precision || near > least(255, maximum / 2)) return false;
    set_default_thresholds(decoder);
    if (decoder->T1 < near + 1 || decoder->T2 < decoder->T1 || decoder->T3 < decoder->T2 ||
        decoder->T3 > greatest(maximum, near + 1) || decoder->RESET < 3 || decoder->RESET > greatest(255, maximum))
        return false;
    decoder->RANGE = (maximum + 2 * near) / (2 * near + 1) + 1;
    decoder->qbpp = bits_for(decoder->RANGE);
    const int32_t bpp = greatest(2, bits_for(maximum + 1));
    decoder->LIMIT = 2 * (bpp + greatest(8, bpp));

    decoder->gradients = malloc(2 * (size_t)maximum + 1);
    if (decoder->gradients == NULL) return false;
    for (int32_t difference = -maximum; difference <= maximum; difference++) {
        const int32_t size = difference < 0 ? -difference : difference;
        const int32_t region = size <= near           ? 0
                               : size < decoder->T1 ? 1
                               : size < decoder->T2 ? 2
                               : size < decoder->T3 ? 3
                                                    : 4;
        decoder->gradients[difference + maximum] = (int8_t)(difference < 0 ? -region : region);
    }
    const int32_t A = greatest(2, (decoder->RANGE + 32) / 64);
    for (size_t index = 0; index < 365; index++)
        decoder->contexts[index] = (Context){.A = A, .N = 1, .k = bits_for(A)};
    for (size_t index = 0; index < 2; index++) decoder->run_contexts[index] = (RunContext){.A = A, .N = 1};
    return true;
}

/// Reads marker segments up to the scan (annex C).
static lv_codec_status read_headers(Decoder *decoder, const uint8_t *bytes, size_t count) {
    if (count < 4 || load16(bytes) != 0xFFD8) return LV_CODEC_DAMAGED;
    size_t offset = 2;
    int32_t precision = 0;
    while (count - offset >= 4) {
        if (bytes[offset] != 0xFF) return LV_CODEC_DAMAGED;
        const unsigned marker = bytes[offset + 1];
        if (marker == 0xFF) {
            offset++;
            continue;
        }
        if (marker == 0x00 || marker == 0xD9) return LV_CODEC_DAMAGED;
        const size_t length = load16(bytes + offset + 2);
        if (length < 2 || length > count - offset - 2) return LV_CODEC_TRUNCATED;
        const uint8_t *segment = bytes + offset + 4;
        const size_t size = length - 2;
        switch (marker) {
        case 0xF7:
            if (precision != 0 || size < 6) return LV_CODEC_DAMAGED;
            if (segment[5] != 1) return LV_CODEC_OTHER_KIND;
            precision = segment[0];
            if (precision < 2 || precision > 16 || load16(segment + 1) != decoder->rows ||
                load16(segment + 3) != decoder->columns)
                return LV_CODEC_DAMAGED;
            break;
        case 0xF8:
            // Mapping tables and sizes beyond 65,535 are not known of radiographs.
            if (size < 1 || segment[0] != 1) return LV_CODEC_OTHER_KIND;
            if (size < 11) return LV_CODEC_DAMAGED;
            decoder->MAXVAL = (int32_t)load16(segment + 1);
            decoder->T1 = (int32_t)load16(segment + 3);
            decoder->T2 = (int32_t)load16(segment + 5);
            decoder->T3 = (int32_t)load16(segment + 7);
            decoder->RESET = (int32_t)load16(segment + 9);
            break;
        case 0xDD:
            for (size_t index = 0; index < size; index++)
                if (segment[index] != 0) return LV_CODEC_OTHER_KIND;
            break;
        case 0xDA:
            if (precision == 0 || size < 6 || segment[0] != 1) return LV_CODEC_DAMAGED;
            // A mapping table, or a point transform.
            if (segment[2] != 0 || segment[5] != 0) return LV_CODEC_OTHER_KIND;
            decoder->NEAR = segment[3];
            decoder->scan = segment + size;
            decoder->end = bytes + count;
            return set_up(decoder, precision) ? LV_CODEC_OK : LV_CODEC_DAMAGED;
        default:
            break;
        }
        offset += 2 + length;
    }
    return LV_CODEC_TRUNCATED;
}

// MARK: Bits

/// Whole words of bits on their way to a buffer.
typedef struct {
    uint8_t *to;
    uint64_t bits;  // from the most significant
    unsigned fill;  // fewer than 64
} Packer;

/// Appends the `count` (1 to 64) most significant bits of `bits`, below which there are zeros.
static inline void pack(Packer *packer, uint64_t bits, unsigned count) {
    packer->bits |= bits >> packer->fill;
    if (packer->fill + count < 64) {
        packer->fill += count;
        return;
    }
    const uint64_t word = __builtin_bswap64(packer->bits);
    memcpy(packer->to, &word, sizeof word);
    packer->to += sizeof word;
    const unsigned used = 64 - packer->fill;
    packer->bits = used < 64 ? bits << used : 0;
    packer->fill = count - used;
}

/// Copies the scan up to the next marker without its stuffed bits: after a byte of ones a byte holds seven (C.2.1).
/// Returns the number of bits.
static size_t unstuff(const uint8_t *from, const uint8_t *end, uint8_t *buffer) {
    Packer packer = {.to = buffer};
    while (from < end) {
        const uint8_t *mark = memchr(from, 0xFF, (size_t)(end - from));
        const bool is_marker = mark == NULL || end - mark < 2 || mark[1] >= 0x80;
        const uint8_t *stop = mark == NULL ? end : is_marker ? mark : mark + 1;
        for (; stop - from >= 8; from += 8) pack(&packer, lv_load64(from), 64);
        for (; from < stop; from++) pack(&packer, (uint64_t)*from << 56, 8);
        if (is_marker) break;
        pack(&packer, (uint64_t)mark[1] << 57, 7);
        from = mark + 2;
    }
    const size_t bits = (size_t)(packer.to - buffer) * 8 + packer.fill;
    const uint64_t word = __builtin_bswap64(packer.bits);
    memcpy(packer.to, &word, sizeof word);
    memset(packer.to + sizeof word, 0, lv_bit_padding);
    return bits;
}

/// A code of many bits, taken one by one (A.5.3).
static __attribute__((noinline)) int32_t read_long(lv_bit_reader *reader, int32_t k, int32_t limit, int32_t qbpp) {
    int32_t zeros = 0;
    for (lv_refill(reader); reader->bits >> 63 == 0; lv_refill(reader)) {
        lv_take(reader, 1);
        if (++zeros > limit) return INT32_MAX;
    }
    lv_take(reader, 1);
    lv_refill(reader);
    const bool is_escape = zeros >= limit - qbpp - 1;
    const unsigned rest = (unsigned)(is_escape ? qbpp : k);
    const int64_t low = (int64_t)((reader->bits >> 1) >> (63 - rest));
    lv_take(reader, rest);
    const int64_t value = is_escape ? low + 1 : ((int64_t)zeros << k) + low;
    return value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

/// One value of the limited-length Golomb code LG(k, limit).
static inline int32_t read_golomb(lv_bit_reader *reader, int32_t k, int32_t limit, int32_t qbpp) {
    lv_refill(reader);
    const int32_t zeros = __builtin_clzll(reader->bits | 1);
    if (__builtin_expect(zeros >= 24 || zeros >= limit - qbpp - 1, 0)) return read_long(reader, k, limit, qbpp);
    const uint64_t rest = reader->bits << (zeros + 1);
    const int32_t value = (zeros << k) | (int32_t)((rest >> 1) >> (63 - k));
    lv_take(reader, (unsigned)(zeros + 1 + k));
    return value;
}

// MARK: Samples

static inline int32_t clamped(int32_t value, int32_t maximum) { return value < 0 ? 0 : value > maximum ? maximum : value; }

/// A sample from its prediction and error, modulo RANGE (A.4.5).
static inline int32_t reconstructed(const Decoder *decoder, int32_t Px, int32_t error, const bool lossless) {
    if (lossless) return (Px + error) & decoder->MAXVAL;
    const int32_t near = decoder->NEAR, step = 2 * near + 1, maximum = decoder->MAXVAL;
    int32_t Rx = Px + error * step;
    if (Rx < -near) Rx += decoder->RANGE * step;
    else if (Rx > maximum + near) Rx -= decoder->RANGE * step;
    return clamped(Rx, maximum);
}

/// Brings a context up to date with an error (A.6).
static inline void update(Context *context, int32_t error, const Decoder *decoder, const bool lossless) {
    int32_t A = context->A + (error < 0 ? -error : error), N = context->N;
    int32_t B = context->B + (lossless ? error : error * (2 * decoder->NEAR + 1));
    if (N == decoder->RESET) {
        A >>= 1;
        B >>= 1;
        N >>= 1;
    }
    N++;
    int32_t C = context->C;
    if (B <= -N) {
        B = greatest(B + N, -N + 1);
        C = greatest(C - 1, -128);
    } else if (B > 0) {
        B = least(B - N, 0);
        C = least(C + 1, 127);
    }
    // The smallest k with N << k >= A (A.5.1).
    int32_t k = greatest(__builtin_clz((unsigned)N) - __builtin_clz((unsigned)A | 1), 0);
    k += N << k < A;
    *context = (Context){
        .A = A, .B = B, .N = N, .C = C, .k = k, .flip = lossless || decoder->NEAR == 0 ? -(k == 0 && 2 * B <= -N) : 0};
}

/// The sample that ends a run (A.7.2); -1 for a code that can't be.
static int32_t read_interruption(Decoder *decoder, int32_t Ra, int32_t Rb, const bool lossless) {
    const int32_t distance = Ra < Rb ? Rb - Ra : Ra - Rb;
    const int32_t RItype = distance <= decoder->NEAR;
    RunContext *context = &decoder->run_contexts[RItype];
    const int32_t TEMP = context->A + (RItype ? context->N >> 1 : 0);
    int32_t k = 0;
    while (context->N << k < TEMP) k++;
    const int32_t limit = decoder->LIMIT - J[decoder->RUNindex] - 1;
    const int32_t EMErrval = read_golomb(&decoder->reader, k, limit, decoder->qbpp);
    if (EMErrval > 2 * decoder->RANGE) return -1;
    const int32_t mapped = EMErrval + RItype, map = mapped & 1, size = (mapped + map) / 2;
    const int32_t error = (k != 0 || 2 * context->Nn >= context->N) == map ? -size : size;
    if (error < 0) context->Nn++;
    context->A += (EMErrval + 1 - RItype) >> 1;
    if (context->N == decoder->RESET) {
        context->A >>= 1;
        context->N >>= 1;
        context->Nn >>= 1;
    }
    context->N++;
    if (RItype) return reconstructed(decoder, Ra, error, lossless);
    return reconstructed(decoder, Rb, Ra > Rb ? -error : error, lossless);
}

/// A run of samples that equal Ra, from `x` (A.7.1). Returns where it ends, or a number above `columns`.
static size_t read_run(Decoder *decoder, int32_t Ra, uint16_t *row, size_t x, size_t columns) {
    lv_bit_reader *reader = &decoder->reader;
    const size_t start = x;
    for (;;) {
        lv_refill(reader);
        const bool goes_on = reader->bits >> 63 != 0;
        lv_take(reader, 1);
        const unsigned bits = J[decoder->RUNindex];
        if (goes_on) {
            const size_t whole = (size_t)1 << bits, left = columns - x;
            x += whole < left ? whole : left;
            if (whole <= left && decoder->RUNindex < 31) decoder->RUNindex++;
            if (x == columns) break;
        } else {
            const size_t rest = (size_t)((reader->bits >> 1) >> (63 - bits));
            lv_take(reader, bits);
            x += rest;
            break;
        }
    }
    if (x > columns) return SIZE_MAX;
    for (size_t index = start; index < x; index++) row[index] = (uint16_t)Ra;
    return x;
}

/// One row; `row` and `above` have a sample more on either side (A.2.1 says which).
static inline __attribute__((always_inline)) bool read_row(Decoder *decoder, const uint16_t *above, uint16_t *row,
                                                           const bool lossless) {
    const size_t columns = decoder->columns;
    const int32_t maximum = decoder->MAXVAL, limit = decoder->LIMIT, qbpp = decoder->qbpp;
    const int32_t largest = 2 * decoder->RANGE;
    const int8_t *const gradients = decoder->gradients + maximum;
    lv_bit_reader reader = decoder->reader;
    int32_t Ra = row[-1], Rc = above[-1], Rb = above[0];
    size_t x = 0;
    while (x < columns) {
        const int32_t Rd = above[x + 1];
        const int32_t Q = (gradients[Rd - Rb] * 9 + gradients[Rb - Rc]) * 9 + gradients[Rc - Ra];
        if (Q != 0) {
            const int32_t sign = Q >> 31;
            Context *const context = &decoder->contexts[(Q ^ sign) - sign];
            const int32_t low = least(Ra, Rb), high = greatest(Ra, Rb);
            const int32_t median = Rc >= high ? low : Rc <= low ? high : Ra + Rb - Rc;
            const int32_t Px = clamped(median + ((context->C ^ sign) - sign), maximum);
            const int32_t flip = context->flip;
            const int32_t mapped = read_golomb(&reader, context->k, limit, qbpp);
            if (__builtin_expect(mapped > largest, 0)) return false;
            const int32_t error = (mapped >> 1) ^ -(mapped & 1) ^ flip;
            update(context, error, decoder, lossless);
            const int32_t Rx = reconstructed(decoder, Px, (error ^ sign) - sign, lossless);
            row[x++] = (uint16_t)Rx;
            Ra = Rx;
            Rc = Rb;
            Rb = Rd;
        } else {
            decoder->reader = reader;
            x = read_run(decoder, Ra, row, x, columns);
            if (x > columns) return false;
            if (x < columns) {
                Rb = above[x];
                const int32_t Rx = read_interruption(decoder, Ra, Rb, lossless);
                if (Rx < 0) return false;
                if (decoder->RUNindex > 0) decoder->RUNindex--;
                row[x++] = (uint16_t)Rx;
                Ra = Rx;
                Rc = Rb;
                Rb = above[x];
            }
            reader = decoder->reader;
        }
    }
    decoder->reader = reader;
    return true;
}

static lv_codec_status decode_scan(Decoder *decoder, uint8_t *buffer, uint16_t *lines, uint16_t *out) {
    const size_t columns = decoder->columns, width = columns + 2;
    decoder->reader = lv_read_bits(buffer, unstuff(decoder->scan, decoder->end, buffer));
    const bool lossless = decoder->NEAR == 0 && (decoder->MAXVAL & (decoder->MAXVAL + 1)) == 0;
    for (size_t y = 0; y < decoder->rows; y++) {
        uint16_t *const row = lines + (y & 1) * width + 1, *const above = lines + (~y & 1) * width + 1;
        row[-1] = above[0];
        above[columns] = above[columns - 1];
        if (!(lossless ? read_row(decoder, above, row, true) : read_row(decoder, above, row, false)))
            return LV_CODEC_DAMAGED;
        if (lv_is_exhausted(&decoder->reader)) return LV_CODEC_TRUNCATED;
        memcpy(out + y * columns, row, columns * sizeof *row);
    }
    return LV_CODEC_OK;
}

lv_codec_status lv_jpeg_ls_decode(const uint8_t *bytes, size_t count, size_t rows, size_t columns, uint16_t *out) {
    Decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL) return LV_CODEC_NO_MEMORY;
    decoder->rows = rows;
    decoder->columns = columns;
    lv_codec_status status = read_headers(decoder, bytes, count);
    if (status == LV_CODEC_OK) {
        // A word more than the data: the last one is written whole.
        uint8_t *buffer = malloc((size_t)(decoder->end - decoder->scan) + 8 + lv_bit_padding);
        uint16_t *lines = calloc(2 * (columns + 2), sizeof *lines);
        status = buffer == NULL || lines == NULL ? LV_CODEC_NO_MEMORY : decode_scan(decoder, buffer, lines, out);
        free(buffer);
        free(lines);
    }
    free(decoder->gradients);
    free(decoder);
    return status;
}

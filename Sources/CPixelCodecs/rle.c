// RLE of DICOM (PS3.5 annex G): PackBits, a segment for each byte of a sample.

#include "CPixelCodecs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    header_size = 64,
    max_segments = 15,
    // A run is at most 128 bytes, and is copied in steps of 16: as much as that may be written past the end of a plane.
    slack = 128 + 16,
};

static uint32_t load32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/// Unpacks one segment into `size` bytes, after which there are `slack` more to spill into. What the segment says
/// beyond the plane's end is ignored: encoders pad.
static bool unpack(const uint8_t *in, const uint8_t *end, uint8_t *plane, size_t size) {
    uint8_t *out = plane, *const last = plane + size;
    while (out < last) {
        if (in >= end) return false;
        const unsigned code = *in++;
        if (code < 128) {
            const size_t length = code + 1;
            const size_t left = (size_t)(end - in);
            if (left < length) return false;
            if (left >= 128 + 16) {
                // Most literal runs are short: whole vectors cost less than a call with the exact length.
                memcpy(out, in, 16);
                for (size_t done = 16; done < length; done += 16) memcpy(out + done, in + done, 16);
            } else {
                memcpy(out, in, length);
            }
            in += length;
            out += length;
        } else if (code > 128) {
            if (in >= end) return false;
            const size_t length = 257 - code;
            const uint8_t value = *in++;
            memset(out, value, 16);
            for (size_t done = 16; done < length; done += 16) memset(out + done, value, 16);
            out += length;
        }
        // 128 stands for nothing.
    }
    return true;
}

lv_codec_status lv_rle_decode(const uint8_t *bytes, size_t count, size_t pixels, size_t samples,
                              size_t bytes_per_sample, uint16_t *out) {
    const size_t segments = samples * bytes_per_sample;
    if (bytes_per_sample < 1 || bytes_per_sample > 2 || segments < 1 || segments > max_segments)
        return LV_CODEC_OTHER_KIND;
    if (count < header_size || load32(bytes) != segments) return LV_CODEC_DAMAGED;
    size_t starts[max_segments + 1];
    for (size_t segment = 0; segment < segments; segment++) {
        starts[segment] = load32(bytes + 4 + 4 * segment);
        if (starts[segment] < header_size || starts[segment] > count) return LV_CODEC_DAMAGED;
        if (segment > 0 && starts[segment] < starts[segment - 1]) return LV_CODEC_DAMAGED;
    }
    starts[segments] = count;

    uint8_t *const planes = malloc(bytes_per_sample * (pixels + slack));
    if (planes == NULL) return LV_CODEC_NO_MEMORY;
    uint8_t *const low = planes, *const high = planes + (bytes_per_sample - 1) * (pixels + slack);
    lv_codec_status status = LV_CODEC_OK;
    for (size_t sample = 0; sample < samples && status == LV_CODEC_OK; sample++) {
        for (size_t byte = 0; byte < bytes_per_sample; byte++) {
            const size_t segment = sample * bytes_per_sample + byte;
            uint8_t *const plane = byte == 0 ? high : low;
            if (!unpack(bytes + starts[segment], bytes + starts[segment + 1], plane, pixels))
                status = LV_CODEC_TRUNCATED;
        }
        if (status != LV_CODEC_OK) break;
        uint16_t *const cells = out + sample;
        if (bytes_per_sample == 1) {
            for (size_t pixel = 0; pixel < pixels; pixel++) cells[pixel * samples] = low[pixel];
        } else if (samples == 1) {
            for (size_t pixel = 0; pixel < pixels; pixel++)
                cells[pixel] = (uint16_t)(low[pixel] | (unsigned)high[pixel] << 8);
        } else {
            for (size_t pixel = 0; pixel < pixels; pixel++)
                cells[pixel * samples] = (uint16_t)(low[pixel] | (unsigned)high[pixel] << 8);
        }
    }
    free(planes);
    return status;
}

// Decoders of compressed pixel data, for the kinds that radiographs come in.
//
// Each decodes one frame into 16-bit cells that the caller has allocated by its own attributes, holds the sizes that
// the code stream declares against those before it writes, and fails on damage instead of filling in: a made-up picture
// must not be scored. What a decoder does not do (colour, progressive scans) it says before it writes anything.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lv_codec_status {
    LV_CODEC_OK = 0,
    /// The code stream contradicts its format or the frame's size.
    LV_CODEC_DAMAGED,
    /// The code stream ends before the frame does.
    LV_CODEC_TRUNCATED,
    /// The code stream is of a kind that this function does not decode.
    LV_CODEC_OTHER_KIND,
    /// The result would be larger than the room given.
    LV_CODEC_TOO_LARGE,
    LV_CODEC_NO_MEMORY,
} lv_codec_status;

/// RLE (PS3.5 annex G): one segment a byte of a sample, most significant first. `out` receives pixels x samples
/// values, samples of a pixel side by side.
lv_codec_status lv_rle_decode(const uint8_t *bytes, size_t count, size_t pixels, size_t samples,
                              size_t bytes_per_sample, uint16_t *out);

/// JPEG lossless (ITU-T T.81 annex H, SOF3): one component of 2 to 16 bits in one scan, Huffman-coded, any predictor.
/// `out` receives rows x columns values.
lv_codec_status lv_jpeg_lossless_decode(const uint8_t *bytes, size_t count, size_t rows, size_t columns,
                                        uint16_t *out);

/// JPEG by DCT of one component of 8 bits (ITU-T T.81, SOF0 and SOF1), through libjpeg-turbo with the integer DCT
/// ("islow"), which gives the same bits as the Independent JPEG Group's.
lv_codec_status lv_jpeg_baseline_decode(const uint8_t *bytes, size_t count, size_t rows, size_t columns,
                                        uint16_t *out);

/// JPEG-LS (ITU-T T.87): one component of 2 to 16 bits, lossless or near-lossless, without mapping table, restart
/// intervals and point transform. `out` receives rows x columns values.
lv_codec_status lv_jpeg_ls_decode(const uint8_t *bytes, size_t count, size_t rows, size_t columns, uint16_t *out);

/// Inflates a raw deflate stream (RFC 1951) through libdeflate into at most `capacity` bytes and sets `*written`.
/// LV_CODEC_DAMAGED also for a stream that has no end: libdeflate does not tell the two apart.
lv_codec_status lv_deflate_decode(const uint8_t *bytes, size_t count, uint8_t *out, size_t capacity, size_t *written);

/// Every `stride`-th value of `out` from a plane of `pixels` values of 32 bits, of which `bits` (1 to 32) are taken and
/// sign-extended: how OpenJPEG gives a component. `low` and `high` become the smallest and largest before they are cut
/// to the type of `out`.
void lv_plane_to_16(const int32_t *plane, size_t pixels, size_t stride, unsigned bits, uint16_t *out, int32_t *low,
                    int32_t *high);
void lv_plane_to_32(const int32_t *plane, size_t pixels, size_t stride, unsigned bits, int32_t *out, int32_t *low,
                    int32_t *high);

#ifdef __cplusplus
}
#endif

/// PNG and JPEG pictures to grey samples, over libpng and libjpeg-turbo, and back to PNG, over libdeflate.
///
/// libpng and libjpeg-turbo report errors by longjmp. Every jump starts and ends inside this target: a call returns a
/// status and writes a sentence into `message`, and nothing it allocated outlives a failure.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// What became of a call.
typedef enum {
    LVImageOK = 0,
    /// The bytes end before the picture does.
    LVImageTruncated,
    /// The bytes contradict the format.
    LVImageDamaged,
    /// The declared size exceeds the caller's bound, or what the bytes can hold.
    LVImageTooLarge,
    /// A valid picture of a kind that is not read here.
    LVImageUnsupported,
    /// Memory could not be had.
    LVImageNoMemory,
} LVImageStatus;

/// Room for a message, terminating zero included.
enum { LVImageMessageSize = 200 };

/// A grey picture, row-major without padding.
typedef struct {
    uint32_t width;
    uint32_t height;
    /// 8 or 16: how `samples` is to be read.
    uint32_t bits;
    /// Whether the file held colour that the luma of ITU-R BT.601 replaced.
    uint32_t colour;
    /// width × height values of uint8_t or, in the machine's byte order, uint16_t. Release with lv_image_free.
    void *samples;
} LVGreyImage;

/// Bytes that were written. Release with lv_image_free.
typedef struct {
    uint8_t *bytes;
    size_t count;
} LVImageBytes;

/// Decodes a PNG file of any colour type and depth to grey, transparency ignored. Depths below 8 are widened to 8.
LVImageStatus lv_png_decode(const uint8_t *bytes, size_t count, uint64_t max_pixels, LVGreyImage *image, char *message);

/// Decodes a grey or colour JPEG file to 8-bit grey; a picture in four components (CMYK, YCCK) is unsupported.
LVImageStatus lv_jpeg_decode(
    const uint8_t *bytes, size_t count, uint64_t max_pixels, LVGreyImage *image, char *message);

/// Encodes 8-bit pixels (row-major, width × height × channels) as PNG, without loss; 1 channel is grey, 3 are RGB.
LVImageStatus lv_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels, LVImageBytes *file, char *message);

/// Releases what a call above handed out. NULL is allowed.
void lv_image_free(void *memory);

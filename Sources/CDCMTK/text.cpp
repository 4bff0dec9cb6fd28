#include "CDCMTK.h"

#include <iconv.h>

#include <cerrno>
#include <cstdlib>

CDCMTK_code CDCMTK_convert(const char *encoding, CDCMTK_bytes bytes, uint8_t **out, size_t *count) noexcept {
    *out = nullptr;
    *count = 0;
    const iconv_t converter = iconv_open("UTF-8", encoding);
    if (converter == reinterpret_cast<iconv_t>(-1)) return CDCMTK_UNSUPPORTED;
    // No character of the encodings that DICOM knows takes more than four bytes of UTF-8 for each of its own.
    const size_t capacity = bytes.count * 4 + 1;
    char *buffer = static_cast<char *>(std::malloc(capacity));
    CDCMTK_code code = CDCMTK_OUT_OF_MEMORY;
    if (buffer != nullptr) {
        char *source = reinterpret_cast<char *>(const_cast<uint8_t *>(bytes.start)), *target = buffer;
        size_t left = bytes.count, room = capacity;
        const bool converted = iconv(converter, &source, &left, &target, &room) != static_cast<size_t>(-1) &&
                               iconv(converter, nullptr, nullptr, &target, &room) != static_cast<size_t>(-1);
        code = converted && left == 0 ? CDCMTK_OK : CDCMTK_INVALID_VALUE;
        if (code == CDCMTK_OK) {
            *out = reinterpret_cast<uint8_t *>(buffer);
            *count = capacity - room;
        } else {
            std::free(buffer);
        }
    }
    iconv_close(converter);
    return code;
}

void CDCMTK_load_converter(const char *encoding) noexcept {
    // Never closed: an open descriptor is what keeps the converter loaded.
    (void)iconv_open("UTF-8", encoding);
}

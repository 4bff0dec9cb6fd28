#include "internal.hpp"

#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

#include <zlib.h>

#include <climits>
#include <cstring>
#include <mutex>

namespace cdcmtk {

void write(CDCMTK_message *message, const char *text) noexcept {
    if (message == nullptr) return;
    size_t end = 0;
    for (; text[end] != 0 && end < sizeof message->text - 1; ++end) {
        const unsigned char byte = static_cast<unsigned char>(text[end]);
        message->text[end] = byte < 0x20 || byte > 0x7E ? ' ' : static_cast<char>(byte);
    }
    message->text[end] = 0;
}

}  // namespace cdcmtk

using namespace cdcmtk;

namespace {

CDCMTK_code initialise(const char *&complaint) {
    // DCMTK's log goes to standard error and quotes attribute values.
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    if (!dcmDataDict.isDictionaryLoaded()) {
        complaint = "DCMTK's data dictionary is not loaded. Install libdcmtk17, or set DCMDICTPATH to its dicom.dic.";
        return CDCMTK_LIBRARY_UNUSABLE;
    }
    // A value of representation UN is read as what the dictionary says of its tag (PS3.5 6.2.2 note 3).
    dcmEnableUnknownVRConversion.set(OFTrue);
    // EDC_never: colour stays as stored.
    DJDecoderRegistration::registerCodecs(EDC_never, EUC_never);
    DJLSDecoderRegistration::registerCodecs();
    return CDCMTK_OK;
}

}  // namespace

CDCMTK_code CDCMTK_initialise(CDCMTK_message *message) noexcept {
    static std::once_flag once;
    static CDCMTK_code result = CDCMTK_LIBRARY_UNUSABLE;
    static const char *complaint = "DCMTK can't be set up.";
    return guarded(message, [&] {
        std::call_once(once, [] { result = initialise(complaint); });
        if (result != CDCMTK_OK) write(message, complaint);
        return result;
    });
}

const char *CDCMTK_version(void) noexcept { return OFFIS_DCMTK_VERSION_STRING; }

void CDCMTK_release(void *buffer) noexcept { std::free(buffer); }

void CDCMTK_lookup(uint16_t group, uint16_t element, char keyword[64], char vr[3]) noexcept {
    keyword[0] = 0;
    std::memcpy(vr, "UN", 3);
    // Tags that the standard does not know are the same for everybody: no private creator is looked at.
    (void)guarded(nullptr, [&] {
        if (element == 0) {
            std::memcpy(vr, "UL", 3);
            return CDCMTK_OK;
        }
        if ((group & 1) != 0) {
            if (element >= 0x10 && element <= 0xFF) std::memcpy(vr, "LO", 3);
            return CDCMTK_OK;
        }
        const DcmDataDictionary &dictionary = dcmDataDict.rdlock();
        if (const DcmDictEntry *entry = dictionary.findEntry(DcmTagKey(group, element), nullptr)) {
            std::strncpy(keyword, entry->getTagName(), 63);
            keyword[63] = 0;
            const char *name = DcmVR(entry->getVR().getValidEVR()).getVRName();
            if (std::strlen(name) == 2) std::memcpy(vr, name, 3);
        }
        dcmDataDict.rdunlock();
        return CDCMTK_OK;
    });
}

CDCMTK_code CDCMTK_check_deflate(CDCMTK_bytes source, size_t limit, int *complete, CDCMTK_message *message) noexcept {
    *complete = 0;
    z_stream stream = {};
    // Negative window bits: a raw stream without zlib header, as PS3.5 A.5 says.
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return CDCMTK_OUT_OF_MEMORY;
    uint8_t window[16384];
    size_t consumed = 0, produced = 0;
    CDCMTK_code code = CDCMTK_OK;
    while (produced <= limit) {
        const size_t input = source.count - consumed;
        stream.next_in = const_cast<Bytef *>(source.start + consumed);
        stream.avail_in = static_cast<uInt>(input < UINT_MAX ? input : UINT_MAX);
        stream.next_out = window;
        stream.avail_out = sizeof window;
        const uInt before = stream.avail_in;
        const int status = inflate(&stream, Z_NO_FLUSH);
        const size_t taken = before - stream.avail_in, given = sizeof window - stream.avail_out;
        consumed += taken;
        produced += given;
        if (status == Z_STREAM_END) {
            *complete = 1;
            break;
        }
        // No progress: the input is used up.
        if (status == Z_BUF_ERROR || (status == Z_OK && taken == 0 && given == 0)) break;
        if (status != Z_OK) {
            write(message, "the deflated data set is damaged.");
            code = CDCMTK_MALFORMED;
            break;
        }
    }
    inflateEnd(&stream);
    return code;
}

CDCMTK_code CDCMTK_inflate_head(CDCMTK_bytes source, uint8_t *out, size_t capacity, size_t *count) noexcept {
    *count = 0;
    z_stream stream = {};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return CDCMTK_OUT_OF_MEMORY;
    stream.next_in = const_cast<Bytef *>(source.start);
    stream.avail_in = static_cast<uInt>(source.count < UINT_MAX ? source.count : UINT_MAX);
    stream.next_out = out;
    stream.avail_out = static_cast<uInt>(capacity < UINT_MAX ? capacity : UINT_MAX);
    const uInt room = stream.avail_out;
    const int status = inflate(&stream, Z_SYNC_FLUSH);
    *count = room - stream.avail_out;
    inflateEnd(&stream);
    return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR ? CDCMTK_OK : CDCMTK_MALFORMED;
}

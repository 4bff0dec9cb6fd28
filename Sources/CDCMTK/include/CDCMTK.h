// DCMTK behind a C interface: the data dictionary, a parsed data set's attributes, and the codecs DCMTK has.
//
// Every function is noexcept. Functions that can fail return a CDCMTK_code and write a sentence without attribute
// values into `message`, when that is not null. Buffers returned through an `out` pointer are freed with
// CDCMTK_release.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define CDCMTK_NOEXCEPT noexcept
extern "C" {
#else
#define CDCMTK_NOEXCEPT
#endif

typedef enum CDCMTK_code {
    CDCMTK_OK = 0,
    /// The attribute is not there, or has no value.
    CDCMTK_ABSENT,
    /// The attribute's value is not of the kind asked for.
    CDCMTK_INVALID_VALUE,
    /// DCMTK can't parse the bytes.
    CDCMTK_MALFORMED,
    /// A codec refused the compressed bytes.
    CDCMTK_DECODE_FAILED,
    /// Nothing here reads this encoding.
    CDCMTK_UNSUPPORTED,
    /// The result would be larger than the limit given.
    CDCMTK_TOO_LARGE,
    CDCMTK_OUT_OF_MEMORY,
    /// The data dictionary or the character set conversion is missing from this installation.
    CDCMTK_LIBRARY_UNUSABLE,

    // Of associations (CDCMTKNetwork.h):

    /// There was no network connection to be had, or it failed.
    CDCMTK_NETWORK_FAILED,
    /// The TLS handshake, a certificate or a key was refused.
    CDCMTK_TLS_FAILED,
    CDCMTK_TIMED_OUT,
    /// The caller asked for the wait to end.
    CDCMTK_INTERRUPTED,
    /// The peer closed the connection without a word.
    CDCMTK_CLOSED,
    /// The peer asked for release.
    CDCMTK_RELEASED,
    /// The peer aborted the association.
    CDCMTK_ABORTED,
    /// The peer rejected the association.
    CDCMTK_REJECTED,
    /// The peer sent what the standard does not allow.
    CDCMTK_PROTOCOL_ERROR,
} CDCMTK_code;

typedef struct CDCMTK_message {
    char text[256];
} CDCMTK_message;

/// A parsed data set with its file meta information. One thread at a time.
typedef struct CDCMTK_object CDCMTK_object;
/// A data set or an item of a sequence; lives as long as its object.
typedef struct CDCMTK_item CDCMTK_item;

typedef struct CDCMTK_bytes {
    const uint8_t *start;
    size_t count;
} CDCMTK_bytes;

// MARK: Library

/// Loads the dictionary and registers the codecs, once a process. Thread-safe; later calls return the first result.
CDCMTK_code CDCMTK_initialise(CDCMTK_message *message) CDCMTK_NOEXCEPT;
/// DCMTK's version, such as "3.6.7".
const char *CDCMTK_version(void) CDCMTK_NOEXCEPT;
void CDCMTK_release(void *buffer) CDCMTK_NOEXCEPT;

// MARK: Dictionary

/// Writes the keyword of an attribute of the standard ("" where there is none) and its two-letter value representation
/// ("UN" where unknown, the dictionary's first choice where there are several).
void CDCMTK_lookup(uint16_t group, uint16_t element, char keyword[64], char vr[3]) CDCMTK_NOEXCEPT;

// MARK: Data set

/// Parses file meta information (group 0002, explicit or implicit little endian, without preamble) and a data set in
/// two consecutive pieces, so that the caller can leave Pixel Data out. The bytes are not kept.
CDCMTK_code CDCMTK_object_create(CDCMTK_bytes meta, CDCMTK_bytes head, CDCMTK_bytes tail, int isExplicit,
                                 int isBigEndian, CDCMTK_object **out, CDCMTK_message *message) CDCMTK_NOEXCEPT;
void CDCMTK_object_destroy(CDCMTK_object *object) CDCMTK_NOEXCEPT;
CDCMTK_item *CDCMTK_object_meta(CDCMTK_object *object) CDCMTK_NOEXCEPT;
CDCMTK_item *CDCMTK_object_dataset(CDCMTK_object *object) CDCMTK_NOEXCEPT;
int CDCMTK_item_contains(CDCMTK_item *item, uint16_t group, uint16_t element) CDCMTK_NOEXCEPT;
/// The two-letter value representation, "" where the attribute is absent.
void CDCMTK_item_vr(CDCMTK_item *item, uint16_t group, uint16_t element, char vr[3]) CDCMTK_NOEXCEPT;
/// All values as they came, separated by backslashes, with padding; binary numbers in decimal notation.
CDCMTK_code CDCMTK_item_text(CDCMTK_item *item, uint16_t group, uint16_t element, uint8_t **out,
                             size_t *count) CDCMTK_NOEXCEPT;
/// Specific Character Set of the item, or of the nearest around it that has one; as CDCMTK_item_text gives it.
CDCMTK_code CDCMTK_item_character_set(CDCMTK_item *item, uint8_t **out, size_t *count) CDCMTK_NOEXCEPT;
/// IS, US, SS, UL, SL, UV, SV and AT; DS where it holds a whole number. Every value, or CDCMTK_INVALID_VALUE.
CDCMTK_code CDCMTK_item_integers(CDCMTK_item *item, uint16_t group, uint16_t element, int64_t **out,
                                 size_t *count) CDCMTK_NOEXCEPT;
/// DS, FL, FD and all that CDCMTK_item_integers reads.
CDCMTK_code CDCMTK_item_decimals(CDCMTK_item *item, uint16_t group, uint16_t element, double **out,
                                 size_t *count) CDCMTK_NOEXCEPT;
/// 16-bit words of US, SS, OW, OB and UN.
CDCMTK_code CDCMTK_item_words(CDCMTK_item *item, uint16_t group, uint16_t element, uint16_t **out,
                              size_t *count) CDCMTK_NOEXCEPT;
/// The items of a sequence, as an array to be released; none where it is no sequence.
CDCMTK_code CDCMTK_item_items(CDCMTK_item *item, uint16_t group, uint16_t element, CDCMTK_item ***out,
                              size_t *count) CDCMTK_NOEXCEPT;

typedef struct CDCMTK_element {
    uint16_t group;
    uint16_t element;
    char vr[3];
    uint32_t length;
    /// The number of items where it is a sequence.
    uint32_t items;
    int isSequence;
} CDCMTK_element;

/// Calls `visit` for every element of the item, in order, not descending.
void CDCMTK_item_visit(CDCMTK_item *item, void *context,
                       void (*visit)(void *context, const CDCMTK_element *element)) CDCMTK_NOEXCEPT;

// MARK: Text

/// Converts to UTF-8 from an encoding by its iconv name. CDCMTK_UNSUPPORTED where iconv does not have it,
/// CDCMTK_INVALID_VALUE where the bytes are not valid in it.
CDCMTK_code CDCMTK_convert(const char *encoding, CDCMTK_bytes bytes, uint8_t **out, size_t *count) CDCMTK_NOEXCEPT;

/// Loads the converter from an encoding by its iconv name and keeps it loaded: the C library opens a file for that.
void CDCMTK_load_converter(const char *encoding) CDCMTK_NOEXCEPT;

// MARK: Pixels

typedef struct CDCMTK_layout {
    uint32_t rows;
    uint32_t columns;
    uint16_t samplesPerPixel;
    uint16_t bitsAllocated;
    uint16_t bitsStored;
    uint16_t highBit;
    uint16_t isSigned;
    /// 0: samples of a pixel side by side; 1: one plane after the other.
    uint16_t planarConfiguration;
} CDCMTK_layout;

/// Takes `Bits Stored` bits that end at `High Bit` from each sample, extends the sign where the layout is signed and
/// interleaves planes. Bits Allocated 1, 8, 12, 16 and 32 are understood, others give CDCMTK_UNSUPPORTED, as do
/// values above INT32_MAX. `isWords` says that big-endian bytes are swapped in pairs even if samples are smaller. The
/// caller has checked that `source` holds the whole frame, which starts `bitOffset` bits into it; `out` has room for
/// rows x columns x samples values, of 16 bits where Bits Stored is at most 16, else of 32. Sets `low` and `high` to
/// the smallest and largest.
CDCMTK_code CDCMTK_unpack(CDCMTK_bytes source, size_t bitOffset, int isBigEndian, int isWords,
                          const CDCMTK_layout *layout, void *out, int64_t *low, int64_t *high) CDCMTK_NOEXCEPT;

/// Extends the sign of `bits`-bit values in place.
void CDCMTK_extend_sign(int16_t *values, size_t count, unsigned bits) CDCMTK_NOEXCEPT;

/// Decodes one compressed frame (JPEG, JPEG-LS) without colour conversion. `out` receives interleaved samples,
/// of 8 or 16 bits as the codec gives them; bytes it does not fill are left alone. The caller has held the dimensions
/// in the code stream against the layout.
CDCMTK_code CDCMTK_decode_frame(const char *transferSyntaxUID, const char *photometricInterpretation,
                                const CDCMTK_layout *layout, CDCMTK_bytes codestream, void *out, size_t capacity,
                                CDCMTK_message *message) CDCMTK_NOEXCEPT;

/// Smallest and largest value; 0 and 0 of nothing.
void CDCMTK_range_u16(const uint16_t *values, size_t count, int64_t *low, int64_t *high) CDCMTK_NOEXCEPT;
void CDCMTK_range_s16(const int16_t *values, size_t count, int64_t *low, int64_t *high) CDCMTK_NOEXCEPT;
void CDCMTK_range_s32(const int32_t *values, size_t count, int64_t *low, int64_t *high) CDCMTK_NOEXCEPT;

// MARK: Deflate

/// Inflates a raw deflate stream (PS3.5 A.5), at most `limit` bytes of it, and keeps nothing. CDCMTK_MALFORMED where it
/// is damaged; else `*complete` says whether its end was reached.
CDCMTK_code CDCMTK_check_deflate(CDCMTK_bytes source, size_t limit, int *complete,
                                 CDCMTK_message *message) CDCMTK_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#include "CDCMTKNetwork.h"

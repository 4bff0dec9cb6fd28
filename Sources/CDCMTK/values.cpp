// Values of attributes as text and as numbers.

#include "internal.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>
#include <vector>

using namespace cdcmtk;

namespace {

/// The element if it is there and has a value.
DcmElement *find(CDCMTK_item *item, uint16_t group, uint16_t element) {
    DcmElement *found = nullptr;
    if (native(item)->findAndGetElement(DcmTagKey(group, element), found).bad() || found == nullptr) return nullptr;
    return found->isEmpty() ? nullptr : found;
}

/// The bytes of a text element as they came; false where the element holds no text.
bool rawText(DcmElement *element, std::string_view &text) {
    char *characters = nullptr;
    Uint32 length = 0;
    if (element->getString(characters, length).bad()) return false;
    text = characters == nullptr ? std::string_view() : std::string_view(characters, length);
    return true;
}

bool isBinary(DcmEVR vr) {
    switch (vr) {
    case EVR_US: case EVR_SS: case EVR_UL: case EVR_SL: case EVR_UV: case EVR_SV: case EVR_AT: case EVR_FL: case EVR_FD:
        return true;
    default:
        return false;
    }
}

/// Calls `take` for each value of a backslash-separated text, without spaces around it.
template <typename Take>
bool eachValue(std::string_view text, Take &&take) {
    while (true) {
        const size_t end = text.find('\\');
        std::string_view value = text.substr(0, end);
        while (!value.empty() && (value.front() == ' ')) value.remove_prefix(1);
        while (!value.empty() && (value.back() == ' ' || value.back() == 0)) value.remove_suffix(1);
        if (!take(value)) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

/// A whole decimal number; locale plays no part.
bool parse(std::string_view text, double &value) {
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc() && result.ptr == text.data() + text.size() && std::isfinite(value);
}

bool parse(std::string_view text, int64_t &value) {
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec == std::errc() && result.ptr == text.data() + text.size()) return true;
    double real;
    // 2^53: every whole number up to it is a double.
    if (!parse(text, real) || real != std::floor(real) || std::fabs(real) > 9007199254740992.0) return false;
    value = static_cast<int64_t>(real);
    return true;
}

/// Whether a value that the dictionary gives as "US or SS" has to be read as signed: an implicit encoding does not
/// say, Pixel Representation does (PS3.5 annex A.1). Of LUT Descriptor only the second value can be signed (PS3.3
/// C.11.1.1).
bool isSignedByPixels(DcmElement *element, unsigned long index) {
    if (element->getVR() != EVR_xs) return false;
    if (element->getTag() == DCM_LUTDescriptor && index != 1) return false;
    DcmItem *root = nullptr;
    for (DcmObject *object = element; object != nullptr; object = object->getParent())
        if (DcmItem *item = dynamic_cast<DcmItem *>(object)) root = item;
    Uint16 representation = 0;
    return root != nullptr && root->findAndGetUint16(DCM_PixelRepresentation, representation).good() &&
           representation == 1;
}

bool integer(DcmElement *element, unsigned long index, int64_t &value) {
    OFCondition condition = EC_IllegalCall;
    switch (element->ident()) {
    case EVR_US: {
        Uint16 number = 0;
        condition = element->getUint16(number, index);
        value = isSignedByPixels(element, index) ? static_cast<int16_t>(number) : number;
        break;
    }
    case EVR_SS: {
        Sint16 number = 0;
        condition = element->getSint16(number, index);
        value = number;
        break;
    }
    case EVR_UL: {
        Uint32 number = 0;
        condition = element->getUint32(number, index);
        value = number;
        break;
    }
    case EVR_SL: {
        Sint32 number = 0;
        condition = element->getSint32(number, index);
        value = number;
        break;
    }
    case EVR_UV: {
        Uint64 number = 0;
        condition = element->getUint64(number, index);
        if (number > static_cast<Uint64>(INT64_MAX)) return false;
        value = static_cast<int64_t>(number);
        break;
    }
    case EVR_SV: {
        Sint64 number = 0;
        condition = element->getSint64(number, index);
        value = number;
        break;
    }
    case EVR_AT: {
        DcmTagKey key;
        condition = element->getTagVal(key, index);
        value = static_cast<int64_t>(key.getGroup()) << 16 | key.getElement();
        break;
    }
    default:
        break;
    }
    return condition.good();
}

/// Every value through `read` where the element is binary, through `parse` where it is text.
template <typename Value, typename Read>
CDCMTK_code numbers(CDCMTK_item *item, uint16_t group, uint16_t element, Value **out, size_t *count, Read &&read) {
    *out = nullptr;
    *count = 0;
    DcmElement *found = find(item, group, element);
    if (found == nullptr) return CDCMTK_ABSENT;
    const DcmEVR vr = found->ident();
    std::vector<Value> values;
    if (isBinary(vr)) {
        const unsigned long total = found->getVM();
        values.resize(total);
        for (unsigned long index = 0; index < total; ++index)
            if (!read(found, vr, index, values[index])) return CDCMTK_INVALID_VALUE;
    } else {
        std::string_view text;
        if (!found->isaString() || !rawText(found, text)) return CDCMTK_INVALID_VALUE;
        if (text.find_first_not_of(std::string_view(" \0", 2)) == std::string_view::npos) return CDCMTK_ABSENT;
        const bool valid = eachValue(text, [&](std::string_view value) {
            Value number;
            if (!parse(value, number)) return false;
            values.push_back(number);
            return true;
        });
        if (!valid) return CDCMTK_INVALID_VALUE;
    }
    if (values.empty()) return CDCMTK_ABSENT;
    *out = allocate<Value>(values.size());
    std::copy(values.begin(), values.end(), *out);
    *count = values.size();
    return CDCMTK_OK;
}

}  // namespace

void CDCMTK_item_vr(CDCMTK_item *item, uint16_t group, uint16_t element, char vr[3]) noexcept {
    vr[0] = vr[1] = vr[2] = 0;
    (void)guarded(nullptr, [&] {
        DcmElement *found = nullptr;
        if (native(item)->findAndGetElement(DcmTagKey(group, element), found).good() && found != nullptr) {
            const DcmVR known(DcmVR(found->getVR()).getValidEVR());
            vr[0] = known.getVRName()[0];
            vr[1] = known.getVRName()[1];
        }
        return CDCMTK_OK;
    });
}

namespace {

CDCMTK_code text(DcmElement *found, uint8_t **out, size_t *count) {
    std::string_view value;
    OFString decimal;
    if (isBinary(found->ident())) {
        if (found->getOFStringArray(decimal).bad()) return CDCMTK_INVALID_VALUE;
        value = std::string_view(decimal.data(), decimal.length());
    } else if (!found->isaString() || !rawText(found, value)) {
        return CDCMTK_INVALID_VALUE;
    }
    *out = allocate<uint8_t>(value.size());
    std::memcpy(*out, value.data(), value.size());
    *count = value.size();
    return CDCMTK_OK;
}

}  // namespace

CDCMTK_code CDCMTK_item_text(CDCMTK_item *item, uint16_t group, uint16_t element, uint8_t **out,
                             size_t *count) noexcept {
    *out = nullptr;
    *count = 0;
    return guarded(nullptr, [&] {
        DcmElement *found = find(item, group, element);
        return found == nullptr ? CDCMTK_ABSENT : text(found, out, count);
    });
}

CDCMTK_code CDCMTK_item_character_set(CDCMTK_item *item, uint8_t **out, size_t *count) noexcept {
    *out = nullptr;
    *count = 0;
    return guarded(nullptr, [&] {
        for (DcmObject *object = native(item); object != nullptr; object = object->getParent()) {
            DcmItem *candidate = dynamic_cast<DcmItem *>(object);
            DcmElement *element = nullptr;
            if (candidate == nullptr || candidate->findAndGetElement(DCM_SpecificCharacterSet, element).bad()) continue;
            return element->isEmpty() ? CDCMTK_ABSENT : text(element, out, count);
        }
        return CDCMTK_ABSENT;
    });
}

CDCMTK_code CDCMTK_item_integers(CDCMTK_item *item, uint16_t group, uint16_t element, int64_t **out,
                                 size_t *count) noexcept {
    return guarded(nullptr, [&] {
        return numbers<int64_t>(item, group, element, out, count,
                                [](DcmElement *found, DcmEVR, unsigned long index, int64_t &value) {
                                    return integer(found, index, value);
                                });
    });
}

CDCMTK_code CDCMTK_item_decimals(CDCMTK_item *item, uint16_t group, uint16_t element, double **out,
                                 size_t *count) noexcept {
    return guarded(nullptr, [&] {
        return numbers<double>(item, group, element, out, count,
                               [](DcmElement *found, DcmEVR vr, unsigned long index, double &value) {
                                   if (vr == EVR_FD)
                                       return found->getFloat64(value, index).good() && std::isfinite(value);
                                   if (vr == EVR_FL) {
                                       Float32 narrow = 0;
                                       const bool good = found->getFloat32(narrow, index).good();
                                       value = narrow;
                                       return good && std::isfinite(value);
                                   }
                                   int64_t whole = 0;
                                   const bool good = integer(found, index, whole);
                                   value = static_cast<double>(whole);
                                   return good;
                               });
    });
}

CDCMTK_code CDCMTK_item_words(CDCMTK_item *item, uint16_t group, uint16_t element, uint16_t **out,
                              size_t *count) noexcept {
    *out = nullptr;
    *count = 0;
    return guarded(nullptr, [&] {
        DcmElement *found = find(item, group, element);
        if (found == nullptr) return CDCMTK_ABSENT;
        const size_t total = found->getLength() / 2;
        Uint16 *words = nullptr;
        Sint16 *numbers = nullptr;
        Uint8 *bytes = nullptr;
        if (found->ident() == EVR_SS) {
            if (found->getSint16Array(numbers).bad() || numbers == nullptr) return CDCMTK_INVALID_VALUE;
        } else if (found->getUint16Array(words).bad() || words == nullptr) {
            if (found->getUint8Array(bytes).bad() || bytes == nullptr) return CDCMTK_INVALID_VALUE;
        }
        *out = allocate<uint16_t>(total);
        *count = total;
        if (bytes != nullptr) {
            for (size_t index = 0; index < total; ++index)
                (*out)[index] = static_cast<uint16_t>(bytes[2 * index] | bytes[2 * index + 1] << 8);
        } else {
            std::memcpy(*out, words != nullptr ? static_cast<const void *>(words) : numbers, total * sizeof(uint16_t));
        }
        return CDCMTK_OK;
    });
}

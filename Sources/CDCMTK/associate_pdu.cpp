// A-ASSOCIATE-RQ and -AC, looked through before DCMTK reads them (PS3.8 9.3.2, 9.3.3; PS3.7 annex D.3).

#include "association.hpp"

#include <bitset>

namespace {

struct Item {
    uint8_t type;
    const uint8_t *value;
    size_t count;
};

/// Items of a type, a reserved byte and a length of two bytes; false from the first that does not fit.
template <typename Take>
bool eachItem(const uint8_t *bytes, size_t count, Take &&take) {
    while (count > 0) {
        if (count < 4) return false;
        const size_t length = static_cast<size_t>(bytes[2]) << 8 | bytes[3];
        if (length > count - 4 || !take(Item{bytes[0], bytes + 4, length})) return false;
        bytes += 4 + length;
        count -= 4 + length;
    }
    return true;
}

size_t bigEndian16(const uint8_t *bytes) { return static_cast<size_t>(bytes[0]) << 8 | bytes[1]; }

constexpr size_t longestUID = 64;
/// Bytes before the first item.
constexpr size_t fixedFields = 68;

bool isPresentationContext(const Item &item, bool isRequest, std::bitset<256> &identifiers) {
    if (item.count < 4) return false;
    const uint8_t identifier = item.value[0];
    if ((identifier & 1) == 0 || identifiers[identifier]) return false;
    identifiers[identifier] = true;
    size_t abstractSyntaxes = 0, transferSyntaxes = 0;
    const bool fits = eachItem(item.value + 4, item.count - 4, [&](const Item &inner) {
        abstractSyntaxes += inner.type == 0x30;
        transferSyntaxes += inner.type == 0x40;
        return (inner.type == 0x30 || inner.type == 0x40) && inner.count <= longestUID;
    });
    if (!fits) return false;
    if (isRequest) return abstractSyntaxes == 1 && transferSyntaxes >= 1;
    // A context that was not accepted may name a transfer syntax, which means nothing then.
    return abstractSyntaxes == 0 && (item.value[2] != 0 ? transferSyntaxes <= 1 : transferSyntaxes == 1);
}

bool isUserInformation(const Item &item) {
    const uint8_t *value = item.value;
    switch (item.type) {
    case 0x51:  // maximum length
    case 0x53:  // asynchronous operations window
        return item.count == 4;
    case 0x52:  // implementation class UID
        return item.count <= longestUID;
    case 0x55:  // implementation version name
        return item.count <= 16;
    case 0x54:  // SCP/SCU role selection
        return item.count >= 4 && bigEndian16(value) <= longestUID && bigEndian16(value) == item.count - 4;
    case 0x56:  // SOP class extended negotiation
        return item.count >= 2 && bigEndian16(value) <= longestUID && bigEndian16(value) <= item.count - 2;
    case 0x58: {  // user identity negotiation, request
        if (item.count < 6) return false;
        const size_t first = bigEndian16(value + 2);
        return first <= item.count - 6 && bigEndian16(value + 4 + first) == item.count - 6 - first;
    }
    case 0x59:  // user identity negotiation, response
        return item.count >= 2 && bigEndian16(value) == item.count - 2;
    default:
        return true;
    }
}

/// Whether a sub-item of user information means anything here: maximum length, implementation class and version name.
bool isUsed(const Item &item) { return item.type == 0x51 || item.type == 0x52 || item.type == 0x55; }

void append(std::vector<uint8_t> &bytes, const Item &item) {
    const uint8_t *const start = item.value - 4;
    bytes.insert(bytes.end(), start, item.value + item.count);
}

}  // namespace

bool cdcmtk::isWellFormedAssociate(const uint8_t *body, size_t count, bool isRequest) noexcept {
    if (count < fixedFields) return false;
    size_t applicationContexts = 0, presentationContexts = 0, userInformation = 0;
    std::bitset<256> identifiers;
    const bool fits = eachItem(body + fixedFields, count - fixedFields, [&](const Item &item) {
        switch (item.type) {
        case 0x10:
            ++applicationContexts;
            return item.count <= longestUID;
        case 0x20:
            ++presentationContexts;
            return isRequest && isPresentationContext(item, true, identifiers);
        case 0x21:
            ++presentationContexts;
            return !isRequest && isPresentationContext(item, false, identifiers);
        case 0x50:
            ++userInformation;
            return eachItem(item.value, item.count, isUserInformation);
        default:
            // There is no other, and DCMTK does not skip what it does not know.
            return false;
        }
    });
    return fits && applicationContexts == 1 && presentationContexts >= 1 && userInformation == 1;
}

void cdcmtk::dropUnused(std::vector<uint8_t> &pdu) {
    std::vector<uint8_t> kept(pdu.begin(), pdu.begin() + pduHeaderSize + fixedFields);
    kept.reserve(pdu.size());
    (void)eachItem(pdu.data() + kept.size(), pdu.size() - kept.size(), [&](const Item &item) {
        if (item.type != 0x50) {
            append(kept, item);
            return true;
        }
        const size_t start = kept.size();
        kept.insert(kept.end(), {0x50, 0, 0, 0});
        (void)eachItem(item.value, item.count, [&](const Item &inner) {
            if (isUsed(inner)) append(kept, inner);
            return true;
        });
        const size_t count = kept.size() - start - 4;
        kept[start + 2] = static_cast<uint8_t>(count >> 8);
        kept[start + 3] = static_cast<uint8_t>(count);
        return true;
    });
    putBigEndian32(kept.data() + 2, kept.size() - pduHeaderSize);
    pdu = std::move(kept);
}

// Native samples: bits taken from cells, rows of plain loops that the compiler can vectorise.

#include "internal.hpp"

#include <cstring>
#include <limits>
#include <type_traits>

namespace {

template <typename Cell>
inline Cell load(const uint8_t *bytes) {
    Cell cell;
    std::memcpy(&cell, bytes, sizeof cell);
    return cell;
}

inline uint8_t swapped(uint8_t value) { return value; }
inline uint16_t swapped(uint16_t value) { return __builtin_bswap16(value); }
inline uint32_t swapped(uint32_t value) { return __builtin_bswap32(value); }

/// The stored bits of a cell, sign-extended where `Value` is signed.
struct Extraction {
    unsigned shift;
    unsigned bits;

    explicit Extraction(const CDCMTK_layout &layout)
        : shift(layout.highBit + 1u - layout.bitsStored), bits(layout.bitsStored) {}

    template <typename Value>
    inline Value unsignedValue(uint32_t cell) const {
        return static_cast<Value>((cell >> shift) & (0xFFFFFFFFu >> (32 - bits)));
    }
    template <typename Value>
    inline Value signedValue(uint32_t cell) const {
        return static_cast<Value>(static_cast<int32_t>(cell << (32 - shift - bits)) >> (32 - bits));
    }
};

/// Cells of 16 bits whose stored bits are the lowest, as nearly always, and their range (count is at least 1): no
/// operation is wider than the cell, so that vectors hold twice as many as in eachSample.
template <typename Value, bool bigEndian>
inline __attribute__((always_inline)) void unpackLow16(const uint8_t *bytes, size_t count, unsigned bits, Value *out,
                                                       Value &low, Value &high) {
    const uint16_t mask = static_cast<uint16_t>(0xFFFFu >> (16 - bits));
    const uint16_t sign = std::is_signed_v<Value> ? static_cast<uint16_t>(1u << (bits - 1)) : 0;
    Value least = std::numeric_limits<Value>::max(), greatest = std::numeric_limits<Value>::min();
    for (size_t index = 0; index < count; ++index) {
        uint16_t cell = load<uint16_t>(bytes + index * 2);
        if (bigEndian) cell = swapped(cell);
        // Turning the sign bit over and taking it away extends it.
        const Value value = static_cast<Value>(static_cast<uint16_t>(((cell & mask) ^ sign) - sign));
        out[index] = value;
        least = value < least ? value : least;
        greatest = value > greatest ? value : greatest;
    }
    low = least;
    high = greatest;
}

#if defined(__x86_64__)
#define CDCMTK_AVX2 __attribute__((target("avx2")))
bool hasAVX2() { return __builtin_cpu_supports("avx2"); }
#else
#define CDCMTK_AVX2
bool hasAVX2() { return false; }
#endif

template <typename Value, bool bigEndian>
CDCMTK_AVX2 void unpackLow16AVX2(const uint8_t *bytes, size_t count, unsigned bits, Value *out, Value &low,
                                 Value &high) {
    unpackLow16<Value, bigEndian>(bytes, count, bits, out, low, high);
}

template <typename Value, bool bigEndian>
void unpackAllLow16(const uint8_t *bytes, size_t count, unsigned bits, Value *out, Value &low, Value &high) {
    if (hasAVX2()) unpackLow16AVX2<Value, bigEndian>(bytes, count, bits, out, low, high);
    else unpackLow16<Value, bigEndian>(bytes, count, bits, out, low, high);
}

/// Calls `store(index, cell)` for every sample of the frame in the order of its storage.
template <typename Cell, bool bigEndian, typename Store>
inline void eachCell(const uint8_t *bytes, size_t count, Store &&store) {
    for (size_t index = 0; index < count; ++index) {
        const Cell cell = load<Cell>(bytes + index * sizeof(Cell));
        store(index, static_cast<uint32_t>(bigEndian ? swapped(cell) : cell));
    }
}

/// Cells that are not whole bytes: consecutive bits, from the least significant of each byte (PS3.5 8.1.1 and D).
template <typename Store>
inline void eachBits(const uint8_t *bytes, size_t bitOffset, unsigned width, size_t flip, size_t count, Store &&store) {
    for (size_t index = 0; index < count; ++index) {
        uint32_t cell = 0;
        size_t bit = bitOffset + index * width;
        for (unsigned taken = 0; taken < width;) {
            const unsigned within = bit & 7, take = width - taken < 8 - within ? width - taken : 8 - within;
            cell |= ((bytes[(bit >> 3) ^ flip] >> within) & ((1u << take) - 1u)) << taken;
            taken += take;
            bit += take;
        }
        store(index, cell);
    }
}

template <typename Store>
bool eachSample(CDCMTK_bytes source, size_t bitOffset, bool bigEndian, bool words, const CDCMTK_layout &layout,
                size_t count, Store &&store) {
    const uint8_t *bytes = source.start + bitOffset / 8;
    const size_t flip = bigEndian && words ? 1 : 0;
    switch (layout.bitsAllocated) {
    case 8:
        if (flip != 0) {
            // An odd last byte has no partner to be swapped with.
            const size_t start = bitOffset / 8;
            for (size_t index = 0; index < count; ++index) {
                const size_t at = (start + index) ^ 1;
                store(index, static_cast<uint32_t>(source.start[at < source.count ? at : start + index]));
            }
        } else {
            eachCell<uint8_t, false>(bytes, count, store);
        }
        return true;
    case 16:
        if (bigEndian) eachCell<uint16_t, true>(bytes, count, store);
        else eachCell<uint16_t, false>(bytes, count, store);
        return true;
    case 32:
        if (bigEndian) eachCell<uint32_t, true>(bytes, count, store);
        else eachCell<uint32_t, false>(bytes, count, store);
        return true;
    case 1:
    case 12:
        // Swapped pairs need both bytes to be there.
        if (flip != 0 && (source.count & 1) != 0) return false;
        eachBits(source.start, bitOffset, layout.bitsAllocated, flip, count, store);
        return true;
    default:
        return false;
    }
}

template <typename Value>
void range(const Value *values, size_t count, int64_t *low, int64_t *high) {
    Value least = count == 0 ? 0 : values[0], greatest = least;
    for (size_t index = 1; index < count; ++index) {
        least = values[index] < least ? values[index] : least;
        greatest = values[index] > greatest ? values[index] : greatest;
    }
    *low = least;
    *high = greatest;
}

/// Values unpacked before their range is taken: they are still in the first-level cache then.
constexpr size_t block = 8192;

template <typename Value>
CDCMTK_code unpack(CDCMTK_bytes source, size_t bitOffset, bool bigEndian, bool words, const CDCMTK_layout &layout,
                   Value *out, int64_t *low, int64_t *high) {
    const size_t pixels = static_cast<size_t>(layout.rows) * layout.columns, samples = layout.samplesPerPixel;
    const size_t count = pixels * samples;
    const Extraction extraction(layout);
    const bool isSigned = std::is_signed_v<Value> && layout.isSigned != 0;
    uint32_t all = 0;
    if (samples > 1 && layout.planarConfiguration == 1) {
        const bool understood =
            eachSample(source, bitOffset, bigEndian, words, layout, count, [&](size_t index, uint32_t cell) {
                const size_t place = index % pixels * samples + index / pixels;
                all |= cell;
                out[place] = isSigned ? extraction.signedValue<Value>(cell) : extraction.unsignedValue<Value>(cell);
            });
        if (!understood) return CDCMTK_UNSUPPORTED;
        range(out, count, low, high);
    } else if (sizeof(Value) == 2 && layout.bitsAllocated == 16 && extraction.shift == 0) {
        Value least, greatest;
        const auto all16 = bigEndian ? unpackAllLow16<Value, true> : unpackAllLow16<Value, false>;
        all16(source.start + bitOffset / 8, count, extraction.bits, out, least, greatest);
        *low = least;
        *high = greatest;
    } else {
        for (size_t start = 0; start < count; start += block) {
            const size_t length = count - start < block ? count - start : block;
            const size_t offset = bitOffset + start * layout.bitsAllocated;
            Value *const values = out + start;
            bool understood;
            if (isSigned) {
                understood = eachSample(source, offset, bigEndian, words, layout, length,
                                        [=](size_t index, uint32_t cell) {
                                            values[index] = extraction.signedValue<Value>(cell);
                                        });
            } else {
                uint32_t some = 0;
                understood = eachSample(source, offset, bigEndian, words, layout, length,
                                        [&some, extraction, values](size_t index, uint32_t cell) {
                                            some |= cell;
                                            values[index] = extraction.unsignedValue<Value>(cell);
                                        });
                all |= some;
            }
            if (!understood) return CDCMTK_UNSUPPORTED;
            int64_t least = 0, greatest = 0;
            range(values, length, &least, &greatest);
            *low = start == 0 || least < *low ? least : *low;
            *high = start == 0 || greatest > *high ? greatest : *high;
        }
    }
    if (!isSigned && layout.bitsStored == 32 && (all >> 31) != 0) return CDCMTK_UNSUPPORTED;
    return CDCMTK_OK;
}

}  // namespace

CDCMTK_code CDCMTK_unpack(CDCMTK_bytes source, size_t bitOffset, int isBigEndian, int isWords,
                          const CDCMTK_layout *layout, void *out, int64_t *low, int64_t *high) noexcept {
    *low = *high = 0;
    if (layout->bitsStored == 0 || layout->bitsStored > 32 || layout->highBit > 31 ||
        layout->highBit + 1 < layout->bitsStored)
        return CDCMTK_UNSUPPORTED;
    const auto run = [=](auto *values) {
        return unpack(source, bitOffset, isBigEndian != 0, isWords != 0, *layout, values, low, high);
    };
    if (layout->bitsStored > 16) return run(static_cast<int32_t *>(out));
    return layout->isSigned != 0 ? run(static_cast<int16_t *>(out)) : run(static_cast<uint16_t *>(out));
}

void CDCMTK_extend_sign(int16_t *values, size_t count, unsigned bits) noexcept {
    if (bits == 0 || bits >= 16) return;
    const unsigned shift = 32 - bits;
    for (size_t index = 0; index < count; ++index) {
        const uint32_t high = static_cast<uint32_t>(values[index]) << shift;
        values[index] = static_cast<int16_t>(static_cast<int32_t>(high) >> shift);
    }
}

void CDCMTK_range_u16(const uint16_t *values, size_t count, int64_t *low, int64_t *high) noexcept {
    range(values, count, low, high);
}

void CDCMTK_range_s16(const int16_t *values, size_t count, int64_t *low, int64_t *high) noexcept {
    range(values, count, low, high);
}

void CDCMTK_range_s32(const int32_t *values, size_t count, int64_t *low, int64_t *high) noexcept {
    range(values, count, low, high);
}

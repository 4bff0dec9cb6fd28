// What the files of this target share.
#pragma once

#include "CDCMTK.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <cstdlib>
#include <memory>
#include <new>

struct CDCMTK_object {
    DcmDataset meta;
    DcmDataset dataset;
};

namespace cdcmtk {

inline DcmItem *native(CDCMTK_item *item) { return reinterpret_cast<DcmItem *>(item); }

/// Writes a sentence, cut to fit, without control characters.
void write(CDCMTK_message *message, const char *text) noexcept;

/// Runs `body` and turns whatever it throws into a code: nothing may unwind into the caller, who isn't C++.
template <typename Body>
CDCMTK_code guarded(CDCMTK_message *message, Body &&body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        write(message, "there is not enough memory.");
        return CDCMTK_OUT_OF_MEMORY;
    } catch (...) {
        write(message, "DCMTK failed in an unforeseen way.");
        return CDCMTK_MALFORMED;
    }
}

/// An array the caller frees with CDCMTK_release; never null.
template <typename Value>
Value *allocate(size_t count) {
    void *memory = std::calloc(count == 0 ? 1 : count, sizeof(Value));
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<Value *>(memory);
}

}  // namespace cdcmtk

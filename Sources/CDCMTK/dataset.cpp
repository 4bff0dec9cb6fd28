#include "internal.hpp"

#include <dcmtk/dcmdata/dcistrmb.h>

using namespace cdcmtk;

namespace {

OFCondition parse(DcmDataset &dataset, CDCMTK_bytes head, CDCMTK_bytes tail, E_TransferSyntax syntax) {
    if (head.count == 0) std::swap(head, tail);
    if (head.count == 0) return EC_Normal;
    DcmInputBufferStream stream;
    dataset.transferInit();
    stream.setBuffer(head.start, static_cast<offile_off_t>(head.count));
    if (tail.count == 0) stream.setEos();
    OFCondition condition = dataset.read(stream, syntax, EGL_noChange);
    if (condition == EC_StreamNotifyClient && tail.count != 0) {
        stream.releaseBuffer();
        stream.setBuffer(tail.start, static_cast<offile_off_t>(tail.count));
        stream.setEos();
        condition = dataset.read(stream, syntax, EGL_noChange);
    }
    dataset.transferEnd();
    return condition;
}

/// The encoding of the meta information: explicit but for the files that got it wrong.
E_TransferSyntax metaSyntax(CDCMTK_bytes meta) {
    const bool isExplicit = meta.count >= 6 && meta.start[4] >= 'A' && meta.start[4] <= 'Z' && meta.start[5] >= 'A' &&
                            meta.start[5] <= 'Z';
    return isExplicit ? EXS_LittleEndianExplicit : EXS_LittleEndianImplicit;
}

}  // namespace

CDCMTK_code CDCMTK_object_create(CDCMTK_bytes meta, CDCMTK_bytes head, CDCMTK_bytes tail, int isExplicit,
                                 int isBigEndian, CDCMTK_object **out, CDCMTK_message *message) noexcept {
    *out = nullptr;
    return guarded(message, [&] {
        auto object = std::make_unique<CDCMTK_object>();
        const E_TransferSyntax syntax =
            isExplicit == 0 ? EXS_LittleEndianImplicit
                            : isBigEndian != 0 ? EXS_BigEndianExplicit : EXS_LittleEndianExplicit;
        OFCondition condition = parse(object->meta, meta, {nullptr, 0}, metaSyntax(meta));
        if (condition.good()) condition = parse(object->dataset, head, tail, syntax);
        if (condition.bad()) {
            write(message, condition.text());
            return CDCMTK_MALFORMED;
        }
        *out = object.release();
        return CDCMTK_OK;
    });
}

void CDCMTK_object_destroy(CDCMTK_object *object) noexcept { delete object; }

CDCMTK_item *CDCMTK_object_meta(CDCMTK_object *object) noexcept {
    return reinterpret_cast<CDCMTK_item *>(static_cast<DcmItem *>(&object->meta));
}

CDCMTK_item *CDCMTK_object_dataset(CDCMTK_object *object) noexcept {
    return reinterpret_cast<CDCMTK_item *>(static_cast<DcmItem *>(&object->dataset));
}

int CDCMTK_item_contains(CDCMTK_item *item, uint16_t group, uint16_t element) noexcept {
    int contains = 0;
    (void)guarded(nullptr, [&] {
        contains = native(item)->tagExists(DcmTagKey(group, element)) ? 1 : 0;
        return CDCMTK_OK;
    });
    return contains;
}

CDCMTK_code CDCMTK_item_items(CDCMTK_item *item, uint16_t group, uint16_t element, CDCMTK_item ***out,
                              size_t *count) noexcept {
    *out = nullptr;
    *count = 0;
    return guarded(nullptr, [&] {
        DcmElement *found = nullptr;
        if (native(item)->findAndGetElement(DcmTagKey(group, element), found).bad()) return CDCMTK_ABSENT;
        DcmSequenceOfItems *sequence = dynamic_cast<DcmSequenceOfItems *>(found);
        if (sequence == nullptr) return CDCMTK_INVALID_VALUE;
        *out = allocate<CDCMTK_item *>(sequence->card());
        for (DcmObject *object = nullptr; (object = sequence->nextInContainer(object)) != nullptr;) {
            if (DcmItem *inner = dynamic_cast<DcmItem *>(object))
                (*out)[(*count)++] = reinterpret_cast<CDCMTK_item *>(inner);
        }
        return CDCMTK_OK;
    });
}

void CDCMTK_item_visit(CDCMTK_item *item, void *context,
                       void (*visit)(void *context, const CDCMTK_element *element)) noexcept {
    (void)guarded(nullptr, [&] {
        for (DcmObject *object = nullptr; (object = native(item)->nextInContainer(object)) != nullptr;) {
            CDCMTK_element element = {};
            element.group = object->getGTag();
            element.element = object->getETag();
            const DcmVR vr(DcmVR(object->getVR()).getValidEVR());
            element.vr[0] = vr.getVRName()[0];
            element.vr[1] = vr.getVRName()[1];
            element.length = object->getLength();
            if (const DcmSequenceOfItems *sequence = dynamic_cast<DcmSequenceOfItems *>(object)) {
                element.isSequence = 1;
                element.items = static_cast<uint32_t>(const_cast<DcmSequenceOfItems *>(sequence)->card());
            }
            visit(context, &element);
        }
        return CDCMTK_OK;
    });
}

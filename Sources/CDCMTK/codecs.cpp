#include "internal.hpp"

#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcxfer.h>

#include <memory>

using namespace cdcmtk;

// The codec is handed a data set of one frame, made of what has been checked, instead of the sender's.
CDCMTK_code CDCMTK_decode_frame(const char *transferSyntaxUID, const char *photometricInterpretation,
                                const CDCMTK_layout *layout, CDCMTK_bytes codestream, void *out, size_t capacity,
                                CDCMTK_message *message) noexcept {
    return guarded(message, [&] {
        const E_TransferSyntax syntax = DcmXfer(transferSyntaxUID).getXfer();
        if (syntax == EXS_Unknown || codestream.count > 0xFFFFFFFEu || capacity > 0xFFFFFFFEu) {
            write(message, "DCMTK has no codec for this transfer syntax and size.");
            return CDCMTK_UNSUPPORTED;
        }
        DcmDataset dataset;
        OFCondition condition = dataset.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(layout->rows));
        if (condition.good()) condition = dataset.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(layout->columns));
        if (condition.good()) condition = dataset.putAndInsertUint16(DCM_SamplesPerPixel, layout->samplesPerPixel);
        if (condition.good()) condition = dataset.putAndInsertUint16(DCM_BitsAllocated, layout->bitsAllocated);
        if (condition.good()) condition = dataset.putAndInsertUint16(DCM_BitsStored, layout->bitsStored);
        if (condition.good()) condition = dataset.putAndInsertUint16(DCM_HighBit, layout->highBit);
        if (condition.good()) condition = dataset.putAndInsertUint16(DCM_PixelRepresentation, layout->isSigned);
        // Samples side by side, whatever the header of the object says: these syntaxes know nothing else.
        if (condition.good() && layout->samplesPerPixel > 1)
            condition = dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
        if (condition.good())
            condition = dataset.putAndInsertString(DCM_PhotometricInterpretation, photometricInterpretation);
        if (condition.good()) condition = dataset.putAndInsertString(DCM_NumberOfFrames, "1");
        if (condition.bad()) {
            write(message, condition.text());
            return CDCMTK_DECODE_FAILED;
        }

        auto sequence = std::make_unique<DcmPixelSequence>(DcmTag(DCM_PixelData, EVR_OB));
        auto offsetTable = std::make_unique<DcmPixelItem>(DcmTag(DCM_PixelItemTag, EVR_OB));
        sequence->insert(offsetTable.release());
        auto fragment = std::make_unique<DcmPixelItem>(DcmTag(DCM_PixelItemTag, EVR_OB));
        // Items have an even length; putUint8Array pads.
        condition = fragment->putUint8Array(codestream.start, static_cast<unsigned long>(codestream.count));
        sequence->insert(fragment.release());
        if (condition.bad()) {
            write(message, condition.text());
            return CDCMTK_DECODE_FAILED;
        }
        DcmPixelData pixelData(DcmTag(DCM_PixelData, EVR_OB));
        pixelData.putOriginalRepresentation(syntax, nullptr, sequence.release());

        Uint32 firstFragment = 1;
        OFString colourModel;
        condition = pixelData.getUncompressedFrame(&dataset, 0, firstFragment, out, static_cast<Uint32>(capacity),
                                                   colourModel);
        if (condition.good()) return CDCMTK_OK;
        write(message, condition.text());
        return CDCMTK_DECODE_FAILED;
    });
}

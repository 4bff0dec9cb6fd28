// P-DATA, release and abort (PS3.8 9.3.4 to 9.3.8).

#include "association.hpp"

#include <algorithm>

using namespace cdcmtk;

namespace {

/// PDUs that end an association have a length of four and little to say.
void sendShort(Channel &channel, uint8_t type, int result, int source, int reason) noexcept {
    const uint8_t bytes[10] = {type, 0, 0, 0, 0, 4, 0, static_cast<uint8_t>(result), static_cast<uint8_t>(source),
                               static_cast<uint8_t>(reason)};
    (void)guarded(nullptr, [&] { return channel.write({bytes, sizeof bytes}, {nullptr, 0}, after(1000)); });
}

}  // namespace

void CDCMTK_association::abort(int source, int reason) noexcept {
    sendShort(*channel, abortPDU, 0, source, reason);
    channel->finish();
}

CDCMTK_code CDCMTK_association::protocolError(int abortReason, const char *text, CDCMTK_message *message) noexcept {
    abort(2, abortReason);
    write(message, text);
    return CDCMTK_PROTOCOL_ERROR;
}

void CDCMTK_association_abort(CDCMTK_association *association, int source, int reason) noexcept {
    association->abort(source, reason);
}

void CDCMTK_association_reject(CDCMTK_association *association, int isTransient, int source, int reason) noexcept {
    sendShort(*association->channel, associateReject, isTransient != 0 ? 2 : 1, source, reason);
    association->channel->finish();
}

void CDCMTK_association_answer_release(CDCMTK_association *association) noexcept {
    sendShort(*association->channel, releaseResponse, 0, 0, 0);
    association->channel->finish();
}

CDCMTK_code CDCMTK_association_release(CDCMTK_association *association, uint32_t milliseconds,
                                       CDCMTK_message *message) noexcept {
    return guarded(message, [&] {
        sendShort(*association->channel, releaseRequest, 0, 0, 0);
        uint8_t answer[10];
        const CDCMTK_code code = association->channel->read(answer, sizeof answer, after(milliseconds));
        association->channel->finish();
        if (code == CDCMTK_OK && answer[0] == releaseResponse) return CDCMTK_OK;
        write(message, "the peer did not answer the request for release.");
        return code == CDCMTK_OK ? CDCMTK_PROTOCOL_ERROR : code;
    });
}

CDCMTK_code CDCMTK_association_read(CDCMTK_association *association, uint32_t idle, uint32_t whole, int isInterruptible,
                                    CDCMTK_pdv *out, CDCMTK_message *message) noexcept {
    *out = {};
    return guarded(message, [&] {
        uint8_t *const pdu = association->pdu.data();
        if (association->next == association->end) {
            uint8_t header[pduHeaderSize];
            CDCMTK_code code =
                association->channel->read(header, sizeof header, after(idle), whole, isInterruptible != 0);
            if (code != CDCMTK_OK) {
                write(message, code == CDCMTK_TIMED_OUT ? "nothing came in time." : "the connection was closed.");
                return code;
            }
            const size_t length = bigEndian32(header + 2);
            switch (header[0]) {
            case dataTransfer:
                if (length < 6 || length > association->pdu.size())
                    return association->protocolError(6, "the length of a P-DATA PDU is not as agreed.", message);
                break;
            case releaseRequest:
            case abortPDU:
                if (length != 4) return association->protocolError(6, "the length of a PDU is wrong.", message);
                break;
            case associateRequest:
            case associateAccept:
            case associateReject:
            case releaseResponse:
                return association->protocolError(2, "a PDU came that has no place in an association.", message);
            default:
                return association->protocolError(1, "what came is not a PDU.", message);
            }
            code = association->channel->read(pdu, length, after(whole));
            if (code != CDCMTK_OK) {
                write(message, code == CDCMTK_TIMED_OUT ? "a PDU was not complete in time." : "a PDU ended too soon.");
                return code;
            }
            if (header[0] != dataTransfer) {
                write(message, header[0] == abortPDU ? "the peer aborted the association." : "the peer is done.");
                return header[0] == abortPDU ? CDCMTK_ABORTED : CDCMTK_RELEASED;
            }
            association->next = 0;
            association->end = length;
        }
        const uint8_t *value = pdu + association->next;
        const size_t left = association->end - association->next;
        const size_t length = left < 6 ? 0 : bigEndian32(value);
        if (length < 2 || length > left - 4)
            return association->protocolError(6, "a presentation data value does not fit its PDU.", message);
        association->next += 4 + length;
        *out = {value + 6, length - 2, value[4], value[5] & 1, (value[5] & 2) != 0 ? 1 : 0};
        return CDCMTK_OK;
    });
}

CDCMTK_code CDCMTK_association_write(CDCMTK_association *association, uint8_t context, int isCommand, int isLast,
                                     CDCMTK_bytes bytes, uint32_t milliseconds, CDCMTK_message *message) noexcept {
    return guarded(message, [&] {
        if (association->largestFragment == 0)
            return association->protocolError(5, "the peer takes no PDU that could hold anything.", message);
        const Deadline deadline = after(milliseconds);
        size_t offset = 0;
        do {
            const size_t count = std::min(bytes.count - offset, association->largestFragment);
            const bool ends = isLast != 0 && offset + count == bytes.count;
            uint8_t header[12] = {dataTransfer};
            putBigEndian32(header + 2, count + 6);
            putBigEndian32(header + 6, count + 2);
            header[10] = context;
            header[11] = static_cast<uint8_t>((isCommand != 0 ? 1 : 0) | (ends ? 2 : 0));
            const CDCMTK_code code =
                association->channel->write({header, sizeof header}, {bytes.start + offset, count}, deadline);
            if (code != CDCMTK_OK) {
                write(message, code == CDCMTK_TIMED_OUT ? "the peer took no more in time."
                                                        : "the connection was closed.");
                return code;
            }
            offset += count;
        } while (offset < bytes.count);
        return CDCMTK_OK;
    });
}

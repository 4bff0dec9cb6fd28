// What acceptor and requestor share: DCMTK's set-up, and its view of a connection.

#include "association.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

using namespace cdcmtk;

std::mutex &cdcmtk::dcmtkLock() {
    static std::mutex lock;
    return lock;
}

CDCMTK_code cdcmtk::initialiseNetwork(CDCMTK_message *message) {
    const CDCMTK_code code = CDCMTK_initialise(message);
    if (code != CDCMTK_OK) return code;
    static std::once_flag once;
    std::call_once(once, [] {
        // Names of peers come from nowhere but the configuration, and a name server must not hold an association up.
        dcmDisableGethostbyaddr.set(OFTrue);
        dcmAssociatePDUSizeLimit.set(largestAssociatePDU);
        // Seconds; the system's own limit is some two minutes.
        dcmConnectionTimeout.set(30);
    });
    return CDCMTK_OK;
}

CDCMTK_code cdcmtk::fail(CDCMTK_association &association, const OFCondition &condition, CDCMTK_message *message) {
    if (association.failure != CDCMTK_OK) {
        if (message != nullptr) *message = association.reason;
        return association.failure;
    }
    if (condition.code() == DULC_UNKNOWNHOST || condition.code() == DULC_TCPINITERROR ||
        condition.code() == DULC_REQUESTASSOCIATIONFAILED) {
        write(message, condition.text());
        return CDCMTK_NETWORK_FAILED;
    }
    if (condition == DUL_PEERABORTEDASSOCIATION) {
        write(message, "the peer aborted the association.");
        return CDCMTK_ABORTED;
    }
    write(message, condition.text());
    return CDCMTK_PROTOCOL_ERROR;
}

CDCMTK_association::~CDCMTK_association() {
    if (negotiated != nullptr) (void)ASC_destroyAssociation(&negotiated);
    if (network != nullptr) (void)ASC_dropNetwork(&network);
}

DcmTransportConnection *NegotiationLayer::createConnection(DcmNativeSocketType socket, OFBool) {
    if (association.channel == nullptr) association.channel = std::make_unique<Channel>(socket, -1);
    return new NegotiationConnection(socket, association);
}

OFCondition NegotiationConnection::clientSideHandshake() {
    if (association.tls == nullptr) return EC_Normal;
    association.failure = association.channel->handshake(association.tls, false, association.serverName,
                                                         association.deadline, &association.reason);
    return association.failure == CDCMTK_OK ? EC_Normal : EC_IllegalCall;
}

ssize_t NegotiationConnection::read(void *buffer, size_t count) {
    if (association.next == association.end) {
        association.failure = association.readNegotiation(&association.reason);
        if (association.failure == CDCMTK_CLOSED) return 0;
        if (association.failure != CDCMTK_OK) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
    const size_t taken = std::min(count, association.end - association.next);
    std::memcpy(buffer, association.pdu.data() + association.next, taken);
    association.next += taken;
    return static_cast<ssize_t>(taken);
}

ssize_t NegotiationConnection::write(void *buffer, size_t count) {
    association.failure =
        association.channel->write({static_cast<const uint8_t *>(buffer), count}, {nullptr, 0}, association.deadline);
    if (association.failure == CDCMTK_OK) return static_cast<ssize_t>(count);
    errno = EPIPE;
    return -1;
}

CDCMTK_code CDCMTK_association::readNegotiation(CDCMTK_message *message) {
    pdu.assign(pduHeaderSize, 0);
    next = end = 0;
    // The whole request counts against one deadline, and a server that stops need not wait for it.
    CDCMTK_code code = channel->read(pdu.data(), 1, deadline, 0, true);
    if (code == CDCMTK_OK) code = channel->read(pdu.data() + 1, pduHeaderSize - 1, deadline);
    if (code != CDCMTK_OK) {
        write(message, code == CDCMTK_TIMED_OUT ? "nothing came in time." : "the peer closed the connection.");
        return code;
    }
    const uint8_t type = pdu[0];
    const size_t length = bigEndian32(pdu.data() + 2);
    const bool isAssociate = type == (isAcceptor ? associateRequest : associateAccept);
    if (!isAssociate && (isAcceptor || (type != associateReject && type != abortPDU)))
        return protocolError(type >= associateRequest && type <= abortPDU ? 2 : 1,
                             "what came is not the beginning of an association.", message);
    if (isAssociate ? length > largestAssociatePDU : length != 4)
        return protocolError(6, "the length of a PDU is not plausible.", message);
    pdu.resize(pduHeaderSize + length);
    code = channel->read(pdu.data() + pduHeaderSize, length, deadline);
    if (code != CDCMTK_OK) {
        write(message, code == CDCMTK_TIMED_OUT ? "a PDU was not complete in time." : "a PDU ended too soon.");
        return code;
    }
    if (isAssociate) {
        if (!isWellFormedAssociate(pdu.data() + pduHeaderSize, length, isAcceptor))
            return protocolError(6, "the items of an A-ASSOCIATE PDU are malformed.", message);
        dropUnused(pdu);
    }
    end = pdu.size();
    return CDCMTK_OK;
}

void CDCMTK_association::begin(uint32_t maximumPDU) {
    const long maximum = negotiated->params->theirMaxPDUReceiveSize;
    const bool isUnlimited = maximum < 1 || maximum > CDCMTK_LARGEST_PDU;
    const size_t length = isUnlimited ? CDCMTK_LARGEST_PDU : static_cast<size_t>(maximum);
    // A presentation data value has six bytes of its own, and its fragment an even number.
    largestFragment = length < 8 ? 0 : (length - 6) & ~static_cast<size_t>(1);
    pdu.resize(maximumPDU);
    next = end = 0;
}

CDCMTK_code CDCMTK_association_context(CDCMTK_association *association, uint8_t identifier,
                                       CDCMTK_context *out) noexcept {
    for (const CDCMTK_context &context : association->contexts) {
        if (context.identifier != identifier) continue;
        *out = context;
        return CDCMTK_OK;
    }
    return CDCMTK_ABSENT;
}

void CDCMTK_association_cancel(CDCMTK_association *association) noexcept { association->channel->cancel(); }

void CDCMTK_association_destroy(CDCMTK_association *association) noexcept {
    // DCMTK frees what it allocated, and may not throw into Swift if that goes wrong.
    (void)guarded(nullptr, [&] {
        delete association;
        return CDCMTK_OK;
    });
}

// What the files about associations share.
#pragma once

#include "channel.hpp"

#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>

#include <memory>
#include <vector>

namespace cdcmtk {

// PDU types (PS3.8 9.3.1).
constexpr uint8_t associateRequest = 1, associateAccept = 2, associateReject = 3, dataTransfer = 4, releaseRequest = 5,
                  releaseResponse = 6, abortPDU = 7;

constexpr size_t pduHeaderSize = 6;
/// 128 presentation contexts of 20 transfer syntaxes each take some 100 kB.
constexpr size_t largestAssociatePDU = 256 << 10;

inline uint32_t bigEndian32(const uint8_t *bytes) {
    return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
           static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
}

inline void putBigEndian32(uint8_t *bytes, size_t value) {
    bytes[0] = static_cast<uint8_t>(value >> 24);
    bytes[1] = static_cast<uint8_t>(value >> 16);
    bytes[2] = static_cast<uint8_t>(value >> 8);
    bytes[3] = static_cast<uint8_t>(value);
}

/// Guards what DCMTK keeps per process: its state machine's set-up, and the socket it is handed.
std::mutex &dcmtkLock();
/// What DCMTK's network needs, once a process.
CDCMTK_code initialiseNetwork(CDCMTK_message *message);
/// What a failure of DCMTK's comes to: why reading or writing failed, if it was that.
CDCMTK_code fail(CDCMTK_association &association, const OFCondition &condition, CDCMTK_message *message);

/// Copies text of a peer, without what is no printable ASCII.
template <size_t size>
void copy(char (&target)[size], const char *source) {
    size_t end = 0;
    for (; source[end] != 0 && end < size - 1; ++end)
        target[end] = source[end] < 0x20 || source[end] > 0x7E ? '?' : source[end];
    target[end] = 0;
}

/// Whether every item of an A-ASSOCIATE-RQ or -AC lies within the one around it and has the size that DCMTK's reader
/// takes for granted. `body` starts after the PDU's length.
bool isWellFormedAssociate(const uint8_t *body, size_t count, bool isRequest) noexcept;

/// Takes the user information that is not negotiated here out of a well-formed A-ASSOCIATE PDU. DCMTK reads all of it,
/// and where it can't read one item it loses the memory of those before.
void dropUnused(std::vector<uint8_t> &pdu);

/// DCMTK's view of the connection, for the negotiation alone: it reads PDUs that have been received whole and checked.
class NegotiationConnection final : public DcmTransportConnection {
public:
    NegotiationConnection(int socket, CDCMTK_association &association)
        : DcmTransportConnection(socket), association(association) {}

    OFCondition serverSideHandshake() override { return EC_Normal; }
    OFCondition clientSideHandshake() override;
    OFCondition renegotiate(const char *) override { return EC_IllegalCall; }
    ssize_t read(void *buffer, size_t count) override;
    ssize_t write(void *buffer, size_t count) override;
    // The socket is the channel's.
    void close() override {}
    void closeTransportConnection() override {}
    unsigned long getPeerCertificateLength() override { return 0; }
    unsigned long getPeerCertificate(void *, unsigned long) override { return 0; }
    OFBool networkDataAvailable(int) override { return OFTrue; }
    OFBool isTransparentConnection() override { return OFTrue; }
    OFString &dumpConnectionParameters(OFString &text) override { return text; }

private:
    CDCMTK_association &association;
};

class NegotiationLayer final : public DcmTransportLayer {
public:
    explicit NegotiationLayer(CDCMTK_association &association) : association(association) {}
    DcmTransportConnection *createConnection(DcmNativeSocketType socket, OFBool isSecure) override;

private:
    CDCMTK_association &association;
};

}  // namespace cdcmtk

struct CDCMTK_association {
    explicit CDCMTK_association(bool isAcceptor) : isAcceptor(isAcceptor), layer(*this) {}
    ~CDCMTK_association();
    CDCMTK_association(const CDCMTK_association &) = delete;
    CDCMTK_association &operator=(const CDCMTK_association &) = delete;

    const bool isAcceptor;
    std::unique_ptr<cdcmtk::Channel> channel;
    std::vector<CDCMTK_context> contexts;
    /// The most bytes of a fragment that the peer takes.
    size_t largestFragment = 0;

    // Negotiation.
    cdcmtk::NegotiationLayer layer;
    T_ASC_Network *network = nullptr;
    T_ASC_Association *negotiated = nullptr;
    cdcmtk::Deadline deadline;
    /// Of the requestor; null without TLS.
    const CDCMTK_tls *tls = nullptr;
    const char *serverName = nullptr;
    /// Why reading or writing failed, where DCMTK only sees that it did.
    CDCMTK_code failure = CDCMTK_OK;
    CDCMTK_message reason = {};

    /// The last PDU read; what has been taken from it ends at `next`, and the PDU at `end`. Once the association is
    /// there, the buffer has the size of the longest PDU that may come.
    std::vector<uint8_t> pdu;
    size_t next = 0, end = 0;

    /// Sends A-ABORT and ends the connection.
    void abort(int source, int reason) noexcept;
    /// Reads one PDU of the negotiation and checks it.
    CDCMTK_code readNegotiation(CDCMTK_message *message);
    CDCMTK_code protocolError(int reason, const char *text, CDCMTK_message *message) noexcept;
    /// The association is there: sets the sizes of what may be sent, and received.
    void begin(uint32_t maximumPDU);
};

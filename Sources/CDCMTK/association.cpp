// Negotiating associations, with DCMTK.

#include "association.hpp"

#include <cerrno>
#include <cstring>

using namespace cdcmtk;

namespace {

/// Guards what DCMTK keeps per process: its state machine's set-up, and the socket it is handed.
std::mutex &dcmtkLock() {
    static std::mutex lock;
    return lock;
}

CDCMTK_code initialiseNetwork(CDCMTK_message *message) {
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

/// Copies text of a peer, without what is no printable ASCII.
template <size_t size>
void copy(char (&target)[size], const char *source) {
    size_t end = 0;
    for (; source[end] != 0 && end < size - 1; ++end)
        target[end] = source[end] < 0x20 || source[end] > 0x7E ? '?' : source[end];
    target[end] = 0;
}

bool isListed(const char *uid, const char *const *list, size_t count) {
    for (size_t index = 0; index < count; ++index)
        if (std::strcmp(uid, list[index]) == 0) return true;
    return false;
}

struct Decision {
    CDCMTK_context context;
    T_ASC_P_ResultReason result;
};

/// What becomes of each presentation context that was proposed.
std::vector<Decision> decide(T_ASC_Parameters *parameters, const char *const *abstractSyntaxes, size_t abstractCount,
                             const char *const *transferSyntaxes, size_t transferCount) {
    std::vector<Decision> decisions;
    LST_HEAD **contexts = &parameters->DULparams.requestedPresentationContext;
    if (*contexts == nullptr) return decisions;
    auto *proposed = static_cast<DUL_PRESENTATIONCONTEXT *>(static_cast<void *>(LST_Head(contexts)));
    if (proposed != nullptr) (void)LST_Position(contexts, reinterpret_cast<LST_NODE *>(proposed));
    for (; proposed != nullptr;
         proposed = static_cast<DUL_PRESENTATIONCONTEXT *>(static_cast<void *>(LST_Next(contexts)))) {
        Decision decision = {};
        decision.context.identifier = proposed->presentationContextID;
        copy(decision.context.abstractSyntax, proposed->abstractSyntax);
        decision.result = ASC_P_ABSTRACTSYNTAXNOTSUPPORTED;
        if (isListed(proposed->abstractSyntax, abstractSyntaxes, abstractCount)) {
            decision.result = ASC_P_TRANSFERSYNTAXESNOTSUPPORTED;
            LST_HEAD **syntaxes = &proposed->proposedTransferSyntax;
            DUL_TRANSFERSYNTAX *syntax = nullptr;
            if (*syntaxes != nullptr) {
                syntax = static_cast<DUL_TRANSFERSYNTAX *>(static_cast<void *>(LST_Head(syntaxes)));
                if (syntax != nullptr) (void)LST_Position(syntaxes, reinterpret_cast<LST_NODE *>(syntax));
            }
            for (; syntax != nullptr && decision.result != ASC_P_ACCEPTANCE;
                 syntax = static_cast<DUL_TRANSFERSYNTAX *>(static_cast<void *>(LST_Next(syntaxes)))) {
                if (!isListed(syntax->transferSyntax, transferSyntaxes, transferCount)) continue;
                copy(decision.context.transferSyntax, syntax->transferSyntax);
                decision.result = ASC_P_ACCEPTANCE;
            }
        }
        decisions.push_back(decision);
    }
    return decisions;
}

CDCMTK_code fail(CDCMTK_association &association, const OFCondition &condition, CDCMTK_message *message) {
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

}  // namespace

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
    if (isAssociate && !isWellFormedAssociate(pdu.data() + pduHeaderSize, length, isAcceptor))
        return protocolError(6, "the items of an A-ASSOCIATE PDU are malformed.", message);
    end = pdu.size();
    return CDCMTK_OK;
}

void CDCMTK_association::begin(uint32_t maximumPDU) {
    const long maximum = negotiated->params->theirMaxPDUReceiveSize;
    const size_t length = maximum < 1 || maximum > CDCMTK_LARGEST_PDU ? CDCMTK_LARGEST_PDU : static_cast<size_t>(maximum);
    // A presentation data value has six bytes of its own, and its fragment an even number.
    largestFragment = length < 8 ? 0 : (length - 6) & ~static_cast<size_t>(1);
    pdu.resize(maximumPDU);
    next = end = 0;
}

CDCMTK_code CDCMTK_association_receive(int socket, int wake, CDCMTK_tls *tls, uint32_t maximumPDU,
                                       uint32_t milliseconds, CDCMTK_association **out,
                                       CDCMTK_message *message) noexcept {
    *out = nullptr;
    return guarded(message, [&] {
        auto association = std::make_unique<CDCMTK_association>(true);
        association->channel = std::make_unique<Channel>(socket, wake);
        association->deadline = after(milliseconds);
        CDCMTK_code code = initialiseNetwork(message);
        if (code != CDCMTK_OK) return code;
        if (tls != nullptr) {
            code = association->channel->handshake(tls, true, nullptr, association->deadline, message);
            if (code != CDCMTK_OK) return code;
        }
        code = association->readNegotiation(message);
        if (code != CDCMTK_OK) return code;
        OFCondition condition;
        {
            // DCMTK accepts connections itself and waits for each request in turn, unless it is handed a socket. That
            // is a variable of the process; but nothing waits here, the request is in memory.
            const std::lock_guard<std::mutex> guard(dcmtkLock());
            dcmExternalSocketHandle.set(socket);
            condition = ASC_initializeNetwork(NET_ACCEPTOR, 0, 1, &association->network);
            if (condition.good()) condition = ASC_setTransportLayer(association->network, &association->layer, 0);
            if (condition.good())
                condition = ASC_receiveAssociation(association->network, &association->negotiated,
                                                   static_cast<long>(maximumPDU), nullptr, nullptr, OFFalse,
                                                   DUL_NOBLOCK, 1);
            dcmExternalSocketHandle.set(-1);
        }
        if (condition.bad()) {
            code = fail(*association, condition, message);
            association->abort(2, 0);
            return code;
        }
        char applicationContext[DUL_LEN_NAME + 1] = {};
        (void)ASC_getApplicationContextName(association->negotiated->params, applicationContext,
                                            sizeof applicationContext);
        if (std::strcmp(applicationContext, UID_StandardApplicationContext) != 0) {
            CDCMTK_association_reject(association.get(), 0, 1, 2);
            write(message, "the application context is not DICOM's.");
            return CDCMTK_PROTOCOL_ERROR;
        }
        association->begin(maximumPDU);
        *out = association.release();
        return CDCMTK_OK;
    });
}

void CDCMTK_association_peer(CDCMTK_association *association, CDCMTK_peer *out) noexcept {
    *out = {};
    const T_ASC_Parameters *parameters = association->negotiated->params;
    copy(out->callingTitle, parameters->DULparams.callingAPTitle);
    copy(out->calledTitle, parameters->DULparams.calledAPTitle);
    copy(out->implementationClass, parameters->theirImplementationClassUID);
    copy(out->implementationVersion, parameters->theirImplementationVersionName);
}

CDCMTK_code CDCMTK_association_acknowledge(CDCMTK_association *association, const char *const *abstractSyntaxes,
                                           size_t abstractCount, const char *const *transferSyntaxes,
                                           size_t transferCount, uint32_t milliseconds,
                                           CDCMTK_message *message) noexcept {
    return guarded(message, [&] {
        association->deadline = after(milliseconds);
        T_ASC_Parameters *parameters = association->negotiated->params;
        std::strcpy(parameters->ourImplementationClassUID, CDCMTK_IMPLEMENTATION_CLASS);
        std::strcpy(parameters->ourImplementationVersionName, CDCMTK_IMPLEMENTATION_VERSION);
        OFCondition condition = EC_Normal;
        for (const Decision &decision :
             decide(parameters, abstractSyntaxes, abstractCount, transferSyntaxes, transferCount)) {
            if (decision.result == ASC_P_ACCEPTANCE) {
                condition = ASC_acceptPresentationContext(parameters, decision.context.identifier,
                                                          decision.context.transferSyntax);
                association->contexts.push_back(decision.context);
            } else {
                condition = ASC_refusePresentationContext(parameters, decision.context.identifier, decision.result);
            }
            if (condition.bad()) break;
        }
        if (condition.good()) condition = ASC_acknowledgeAssociation(association->negotiated);
        return condition.good() ? CDCMTK_OK : fail(*association, condition, message);
    });
}

CDCMTK_code CDCMTK_association_request(const CDCMTK_request *request, CDCMTK_association **out,
                                       CDCMTK_rejection *rejection, CDCMTK_message *message) noexcept {
    *out = nullptr;
    return guarded(message, [&] {
        const CDCMTK_code ready = initialiseNetwork(message);
        if (ready != CDCMTK_OK) return ready;
        auto association = std::make_unique<CDCMTK_association>(false);
        association->deadline = after(request->milliseconds);
        association->tls = request->tls;
        association->serverName = request->serverName;
        T_ASC_Parameters *parameters = nullptr;
        OFCondition condition;
        {
            const std::lock_guard<std::mutex> guard(dcmtkLock());
            condition = ASC_initializeNetwork(NET_REQUESTOR, 0, static_cast<int>(request->milliseconds / 1000 + 1),
                                              &association->network);
        }
        if (condition.good()) condition = ASC_setTransportLayer(association->network, &association->layer, 0);
        if (condition.good())
            condition = ASC_createAssociationParameters(&parameters, static_cast<long>(request->maximumPDU));
        if (condition.good()) {
            std::strcpy(parameters->ourImplementationClassUID, CDCMTK_IMPLEMENTATION_CLASS);
            std::strcpy(parameters->ourImplementationVersionName, CDCMTK_IMPLEMENTATION_VERSION);
            condition = ASC_setAPTitles(parameters, request->callingTitle, request->calledTitle, nullptr);
        }
        if (condition.good()) {
            char address[128];
            const int length = std::snprintf(address, sizeof address, "%s:%u", request->host,
                                             static_cast<unsigned>(request->port));
            // DCMTK's field for it has 64 bytes.
            if (length < 0 || length > 63) {
                (void)ASC_destroyAssociationParameters(&parameters);
                write(message, "the host's name is too long; use its address.");
                return CDCMTK_NETWORK_FAILED;
            }
            condition = ASC_setPresentationAddresses(parameters, "localhost", address);
        }
        for (size_t index = 0; index < request->proposalCount && condition.good(); ++index) {
            const CDCMTK_proposal &proposal = request->proposals[index];
            condition = ASC_addPresentationContext(
                parameters, static_cast<T_ASC_PresentationContextID>(2 * index + 1), proposal.abstractSyntax,
                const_cast<const char **>(proposal.transferSyntaxes), static_cast<int>(proposal.transferCount));
        }
        if (condition.bad()) {
            if (parameters != nullptr) (void)ASC_destroyAssociationParameters(&parameters);
            return fail(*association, condition, message);
        }
        condition = ASC_requestAssociation(association->network, parameters, &association->negotiated, nullptr, nullptr,
                                           DUL_NOBLOCK, static_cast<int>(request->milliseconds / 1000 + 1));
        if (condition == DUL_ASSOCIATIONREJECTED) {
            T_ASC_RejectParameters rejected = {};
            (void)ASC_getRejectParameters(parameters, &rejected);
            rejection->isTransient = rejected.result == ASC_RESULT_REJECTEDTRANSIENT ? 1 : 0;
            rejection->source = rejected.source;
            rejection->reason = rejected.reason & 0xFF;
            write(message, "the peer rejected the association.");
            return CDCMTK_REJECTED;
        }
        if (condition.bad()) return fail(*association, condition, message);
        for (size_t index = 0; index < request->proposalCount; ++index) {
            T_ASC_PresentationContext accepted = {};
            condition = ASC_findAcceptedPresentationContext(
                parameters, static_cast<T_ASC_PresentationContextID>(2 * index + 1), &accepted);
            if (condition.bad() || accepted.resultReason != ASC_P_ACCEPTANCE) continue;
            CDCMTK_context context = {};
            context.identifier = accepted.presentationContextID;
            copy(context.abstractSyntax, request->proposals[index].abstractSyntax);
            copy(context.transferSyntax, accepted.acceptedTransferSyntax);
            association->contexts.push_back(context);
        }
        association->begin(request->maximumPDU);
        *out = association.release();
        return CDCMTK_OK;
    });
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
